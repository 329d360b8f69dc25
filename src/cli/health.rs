//! `doorward health`: asks a running service whether it lives, or whether it is ready; for the
//! health checks of containers, which have no shell.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::client::{Question, Server};
use super::exit::{ExitCode, Failure};
use super::flags::ConfigFileArgs;
use super::terminal;
use crate::config::Overrides;

/// How long the service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Ask a running service whether it is well; for container health checks
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 well, 1 not, 2 usage.")]
pub(super) struct HealthArgs {
    /// Ask whether it is ready to answer checks, not only whether it lives
    #[arg(long)]
    ready: bool,

    /// Its admin plane: http://HOST:PORT, HOST:PORT or unix:PATH [default: what the configuration
    /// has, or 127.0.0.1:3668]
    #[arg(long, visible_alias = "admin-listen", value_name = "URL", value_parser = Server::parse)]
    #[arg(env = "DOORWARD_ADMIN_LISTEN", hide_env_values = true)]
    admin: Option<Server>,

    #[command(flatten)]
    config: ConfigFileArgs,
}

/// Asks, and says by the exit code what the answer is.
pub(super) fn run(args: &HealthArgs) -> Result<ExitCode, Failure> {
    let server = match &args.admin {
        Some(server) => server.clone(),
        None => Server::at(&args.config.load(Overrides::default())?.admin_listen.value),
    };
    let (path, well) = if args.ready { ("/readyz", "ready") } else { ("/livez", "live") };
    let answer = server
        .ask(Question { path, body: None, timeout: TIMEOUT })
        .map_err(|why| Failure::error(why).hint("`--admin URL` says where its admin plane is"))?;
    if answer.status.is_success() {
        terminal::data(&format!("{well}\n"))?;
        return Ok(ExitCode::Success);
    }
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let detail = problem.get("detail").and_then(Value::as_str);
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    let (url, status) = (server.url(), answer.status.as_u16());
    Err(Failure::error(format!("`{url}` is not {well}: {path} answers {status}{detail}")))
}

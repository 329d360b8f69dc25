//! `doorward serve`: runs the service. Everything that can be wrong is looked at before anything
//! is in force, and told at once; then the two planes answer until a signal ends them.

mod log;
mod signals;
mod start;

use std::sync::Arc;

use clap::{ArgMatches, Args};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, ServiceArgs, SourceArgs};
use crate::config::{Config, Overrides};
use crate::pdp::publisher::{Publisher, Rejection};
use crate::{http, server, sources};
use signals::{Signal, Signals};
use start::{Bound, Started};

/// Run the service
#[derive(Debug, Args)]
#[command(after_help = "SIGTERM and SIGINT let requests in progress finish, SIGHUP reads the files \
                        again.\n\nExit codes: 0 stopped cleanly, 1 it could not start or failed, \
                        2 usage.")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigFileArgs,

    #[command(flatten)]
    sources: SourceArgs,

    #[command(flatten)]
    service: ServiceArgs,

    #[command(flatten)]
    forbid_errors: ForbidErrorsArgs,
}

/// Runs until a signal ends it.
pub(super) fn run(args: &ServeArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.service.override_in(&mut overrides, given);
    args.forbid_errors.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    log::start(config.log_format.value, config.log_level.value);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::error(format!("cannot start: {error}")))?;
    let ended = runtime.block_on(serve(Arc::new(config)));
    // A compile that a signal interrupted is not waited for: it has installed nothing.
    runtime.shutdown_background();
    ended
}

async fn serve(config: Arc<Config>) -> Result<ExitCode, Failure> {
    // Before anything that takes time: a signal that comes early must not go by its default.
    let mut signals =
        Signals::listen().map_err(|error| Failure::error(format!("cannot start: {error}")))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
    let bound = Bound::bind(&config).await;
    let starting = {
        let config = Arc::clone(&config);
        tokio::task::spawn_blocking(move || start::start(&config, bound))
    };
    let started = tokio::select! {
        started = starting => {
            started.map_err(|error| Failure::error(format!("cannot start: {error}")))??
        }
        () = signals.stop() => {
            tracing::info!("stopped while starting");
            return Ok(ExitCode::Success);
        }
    };
    let Started { app, pdp, publisher, listener, admin_listener, writing, generated_token } = started;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let (address, admin_address) = (listener.address(), admin_listener.address());
    let options = config.limits.server_options();
    let plane = http::data_plane(&app);
    let admin_plane = http::admin_plane(&app, start::reach(&admin_address));
    tasks.spawn(server::run(listener, plane, options, stop.clone()));
    tasks.spawn(server::run(admin_listener, admin_plane, options, stop.clone()));
    tasks.spawn(writing);
    tasks.close();
    if let Some(token) = generated_token {
        log::tell_token(config.log_format.value, &token);
    }
    let ready = pdp.current().is_some();
    tracing::info!(plane = "data", %address, ready, "listening");
    tracing::info!(plane = "admin", address = %admin_address, "listening");
    until_stopped(&config, &app, &publisher, &mut signals).await;
    tracing::info!("stopping: requests in progress may finish");
    stop.cancel();
    // The writer ends when the last handle to it is gone.
    drop((app, publisher));
    tokio::select! {
        () = tasks.wait() => tracing::info!("stopped"),
        () = signals.stop() => tracing::warn!("stopped at once, by a second signal"),
    }
    Ok(ExitCode::Success)
}

/// Follows signals until one of them ends the service.
async fn until_stopped(
    config: &Config,
    app: &http::App,
    publisher: &Publisher,
    signals: &mut Signals,
) {
    loop {
        match signals.next().await {
            Signal::Stop(name) => {
                tracing::info!(signal = name, "signal");
                return;
            }
            Signal::Reload => {
                tracing::info!(signal = "SIGHUP", "signal");
                if config.admin_token_file.value.is_some() {
                    reload_tokens(app);
                }
                reload(config, publisher).await;
            }
        }
    }
}

/// Takes what the files hold now. The publisher tells what was wrong with it, if something was.
async fn reload(config: &Config, publisher: &Publisher) {
    let inputs = config.inputs();
    if inputs.is_empty() {
        tracing::info!("no files are configured: nothing to reload");
        return;
    }
    let limits = config.limits.file_limits();
    let reading = tokio::task::spawn_blocking(move || sources::read(&inputs, &limits));
    let files = match reading.await {
        Ok(files) => files,
        Err(error) => {
            tracing::error!(%error, "reading the files failed; what is in force stays in force");
            return;
        }
    };
    match publisher.put_files(files).await {
        Ok(published) if published.changed.is_empty() => {
            tracing::info!(revision = published.revision, "the files have not changed");
        }
        // Told by the publisher, who also counts them.
        Ok(_) | Err(Rejection::Invalid(_) | Rejection::NotDurable(_)) => {}
        Err(rejection) => tracing::error!(?rejection, "the files were not taken"),
    }
}

/// Takes the tokens that the file holds now; a file that cannot be used changes nothing.
fn reload_tokens(app: &http::App) {
    match app.reload_tokens() {
        Ok(()) => tracing::info!("admin tokens read again"),
        Err(error) => tracing::error!("{}; the tokens stay as they were", one_line(&error.to_string())),
    }
}

/// A message for the log: its hint on the same line.
fn one_line(message: &str) -> String {
    message.replace('\n', "; ")
}

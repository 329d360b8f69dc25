//! `doorward serve`: runs the service. Everything that can be wrong is looked at before anything
//! is in force, and told at once; then the two planes answer until a signal ends them.

mod log;
mod reload;
mod signals;
mod start;

use std::sync::Arc;

use clap::{ArgMatches, Args};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, ServiceArgs, SourceArgs};
use super::routes::RoutesArgs;
use crate::config::{Config, Overrides};
use crate::{http, server};
use signals::Signals;
use start::{Bound, Started};

/// Run the service
#[derive(Debug, Args)]
#[command(
    after_help = "SIGTERM and SIGINT let requests in progress finish, SIGHUP reads the files \
                        again.\n\nExit codes: 0 stopped cleanly, 1 it could not start or failed, \
                        2 usage."
)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigFileArgs,

    #[command(flatten)]
    sources: SourceArgs,

    #[command(flatten)]
    routes: RoutesArgs,

    #[command(flatten)]
    service: ServiceArgs,

    #[command(flatten)]
    forbid_errors: ForbidErrorsArgs,
}

/// Runs until a signal ends it.
pub(super) fn run(args: &ServeArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.routes.override_in(&mut overrides, given);
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
    run_planes(&config, started, &mut signals).await;
    Ok(ExitCode::Success)
}

/// Answers on both planes until a signal ends it, then lets what is in progress finish.
async fn run_planes(config: &Config, started: Started, signals: &mut Signals) {
    let Started { app, pdp, publisher, listener, admin_listener, writing, admin_token } = started;
    let planes = TaskTracker::new();
    let stop = CancellationToken::new();
    let (address, admin_address) = (listener.address(), admin_listener.address());
    let options = config.limits.server_options();
    let plane = http::data_plane(&app);
    let admin_plane = http::admin_plane(&app, start::reach(&admin_address));
    planes.spawn(server::run(listener, plane, options, stop.clone()));
    planes.spawn(server::run(admin_listener, admin_plane, options, stop.clone()));
    TaskTracker::new().spawn(writing);
    TaskTracker::new().spawn(Arc::clone(app.routes()).follow(pdp.clone()));
    if let Some(token) = admin_token {
        log::tell_token(config.log_format.value, &token);
    }
    let ready = pdp.current().is_some();
    tracing::info!(plane = "data", %address, ready, "listening");
    tracing::info!(plane = "admin", address = %admin_address, "listening");
    reload::until_stopped(config, &app, &pdp, &publisher, signals).await;
    tracing::info!("stopping: requests in progress may finish");
    stop.cancel();
    planes.close();
    // The writer is not waited for. Whoever waits for a change holds a request in progress; what
    // is still being compiled then was asked for by nobody who is left, and is not acknowledged.
    tokio::select! {
        () = planes.wait() => tracing::info!("stopped"),
        () = signals.stop() => tracing::warn!("stopped at once, by a second signal"),
    }
}

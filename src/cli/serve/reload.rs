//! What a running service does with signals: `SIGHUP` has the files read again, one reading after
//! the other; a signal to stop is followed even while files are being taken.

use std::pin::pin;

use super::signals::{Signal, Signals};
use crate::config::Config;
use crate::http;
use crate::pdp::Pdp;
use crate::pdp::publisher::{Publisher, Rejection};
use crate::sources;

/// Follows signals until one of them ends the service.
pub(super) async fn until_stopped(
    config: &Config,
    app: &http::App,
    pdp: &Pdp,
    publisher: &Publisher,
    signals: &mut Signals,
) {
    loop {
        if told(signals.next().await) == Next::Stop {
            return;
        }
        // However many signals come while files are being taken, they ask for one more reading.
        let mut again = true;
        while again {
            again = false;
            let mut reloading = pin!(reload(config, app, pdp, publisher));
            loop {
                let signal = tokio::select! {
                    () = &mut reloading => break,
                    signal = signals.next() => signal,
                };
                match told(signal) {
                    Next::Stop => return,
                    Next::Reload => again = true,
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Stop,
    Reload,
}

/// Tells the log of a signal.
fn told(signal: Signal) -> Next {
    match signal {
        Signal::Stop(name) => {
            tracing::info!(signal = name, "told to stop");
            Next::Stop
        }
        Signal::Reload => {
            tracing::info!(signal = "SIGHUP", "told to read the files again");
            Next::Reload
        }
    }
}

/// Takes what the files hold now. The publisher tells what was wrong with it, if something was.
async fn reload(config: &Config, app: &http::App, pdp: &Pdp, publisher: &Publisher) {
    if config.admin_token_file.value.is_some() {
        reload_tokens(app);
    }
    reload_callers(app);
    // Routes that go with new policies go into force with them.
    app.routes().stage().await;
    reload_sources(config, publisher).await;
    app.routes().settle(pdp).await;
}

/// Takes the policies and entities that the files hold now.
async fn reload_sources(config: &Config, publisher: &Publisher) {
    let inputs = config.inputs();
    if inputs.is_empty() {
        tracing::info!("no policies or entities come from files: nothing to take");
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
        Ok(now) if now.changed.is_empty() => {
            tracing::info!(revision = now.revision, "the files have not changed");
        }
        // Told by the publisher, who also counts them.
        Ok(_) | Err(Rejection::Invalid(_) | Rejection::NotDurable(_)) => {}
        Err(rejection) => tracing::error!(?rejection, "the files were not taken"),
    }
}

/// Takes the callers' tokens that the file holds now; a file that cannot be used changes nothing.
fn reload_callers(app: &http::App) {
    match app.reload_callers() {
        None => {}
        Some(Ok(())) => tracing::info!("the callers' tokens were read again"),
        Some(Err(error)) => {
            let reason = error.to_string().replace('\n', "; ");
            tracing::error!(reason, "the callers' tokens stay as they were");
        }
    }
}

/// Takes the tokens that the file holds now; a file that cannot be used changes nothing.
fn reload_tokens(app: &http::App) {
    match app.reload_tokens() {
        Ok(()) => tracing::info!("the admin tokens were read again"),
        Err(error) => {
            let reason = error.to_string().replace('\n', "; ");
            tracing::error!(reason, "the admin tokens stay as they were");
        }
    }
}

//! What a running service does when it is told that something changed: by `SIGHUP`, or by files that
//! are watched. One reading comes after the other, and a signal to stop is followed even while files
//! are being taken.

use std::future::pending;
use std::pin::pin;

use super::signals::{Signal, Signals};
use crate::config::Config;
use crate::http;
use crate::pdp::Pdp;
use crate::pdp::publisher::{Publisher, Rejection};
use crate::sources::{self, Watch};

/// What tells that files changed; `None` where they are not watched.
#[derive(Debug)]
pub(super) struct Watches {
    sources: Option<Watch>,
    tokens: Option<Watch>,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Stop,
    /// Read sources, routes and tokens.
    Reload,
    /// Read the sources and routes only.
    Sources,
    /// Read the tokens only.
    Tokens,
}

// === impl Watches ===

impl Watches {
    /// Watches what the configuration names, if it wants that.
    pub(super) fn new(config: &Config) -> Self {
        let inputs = config.inputs();
        let singles = [inputs.schema, inputs.links].into_iter().flatten();
        let routes = config.routes.value.iter().cloned();
        let sources: Vec<_> = inputs
            .policies
            .into_iter()
            .chain(inputs.entities)
            .chain(singles)
            .chain(routes)
            .collect();
        let tokens = [&config.admin_token_file.value, &config.check_token_file.value];
        let tokens: Vec<_> = tokens.into_iter().flatten().cloned().collect();
        let watch =
            |paths: Vec<_>| (config.watch.value && !paths.is_empty()).then(|| Watch::new(paths));
        Self { sources: watch(sources), tokens: watch(tokens) }
    }

    /// Waits until files changed.
    async fn next(&mut self) -> Next {
        tokio::select! {
            () = changed(&mut self.sources) => {
                tracing::info!("the files changed, and are read again");
                Next::Sources
            }
            () = changed(&mut self.tokens) => Next::Tokens,
        }
    }
}

async fn changed(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => pending().await,
    }
}

/// Follows signals and files until a signal ends the service.
pub(super) async fn until_stopped(
    config: &Config,
    app: &http::App,
    pdp: &Pdp,
    publisher: &Publisher,
    mut watches: Watches,
    signals: &mut Signals,
) {
    loop {
        let mut next = tokio::select! {
            signal = signals.next() => told(signal),
            next = watches.next() => next,
        };
        // However many signals come while files are being taken, they ask for one more reading.
        while next != Next::Stop {
            let mut again = None;
            let mut reloading = pin!(reload(config, app, pdp, publisher, next));
            loop {
                let signal = tokio::select! {
                    () = &mut reloading => break,
                    signal = signals.next() => signal,
                };
                match told(signal) {
                    Next::Stop => return,
                    asked => again = Some(asked),
                }
            }
            match again {
                Some(asked) => next = asked,
                None => break,
            }
        }
        if next == Next::Stop {
            return;
        }
    }
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
async fn reload(config: &Config, app: &http::App, pdp: &Pdp, publisher: &Publisher, what: Next) {
    if what != Next::Sources {
        if config.admin_token_file.value.is_some() {
            reload_tokens(app);
        }
        reload_callers(app);
    }
    if what == Next::Tokens {
        return;
    }
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
    let reading = tokio::task::spawn_blocking(move || sources::look(&inputs, &limits));
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

//! The log: to standard error, a line for each change of state, none for each check.

use std::io;

use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::cli::terminal::{self, Paint};
use crate::config::{LogFormat, LogLevel};

/// Starts the log. What other crates have to say is wanted one level less than what this one says.
pub(super) fn start(format: LogFormat, level: LogLevel) {
    let (own, others) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::INFO),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    let wanted = Targets::new().with_target("doorward", own).with_default(others);
    // A log that cannot be written is no reason to stop answering, and cannot be told anyway.
    let layer = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let layer = match format {
        LogFormat::Text => layer.with_target(false).with_ansi(Paint::stderr().is_on()).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_ansi(false).boxed(),
    };
    let started = tracing_subscriber::registry().with(layer.with_filter(wanted)).try_init();
    if started.is_ok() {
        // A panic is one line of the log like any other fault, also where the log is JSON.
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            let message = panic.payload_as_str().unwrap_or("no message");
            tracing::error!(place, "panic: {message}");
        }));
    }
}

/// Tells the admin token that was made for this run, once and nowhere else. It is no event of the
/// log: in text it stands alone, to be seen and copied.
pub(super) fn tell_token(format: LogFormat, token: &str) {
    match format {
        LogFormat::Text => terminal::note(&format!("admin token for this run: {token}")),
        LogFormat::Json => {
            terminal::note(
                &json!({"message": "admin token for this run", "admin_token": token}).to_string(),
            );
        }
    }
}

//! Log lines on standard error: text on a terminal, one JSON object a line otherwise.
//!
//! Owns the subscriber. Lines of one request carry its id because they are written inside the request's span.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::access_lines;
use crate::config::{Log, LogFormat};

/// Installs the subscriber of this process; a second call changes nothing (tests start several servers).
pub fn install(settings: &Log) {
    install_filtered(settings, &settings.level);
}

/// Writes panics as log lines, so that the log stays one format; inside a request they carry its id.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("without words");
        tracing::error!(panic.place = %place, panic.message = message, "a task panicked");
    }));
}

/// Installs the subscriber of a command that answers on standard output: only warnings and errors are worth a line.
pub fn install_for_command(settings: &Log) {
    install_filtered(settings, "warn");
}

fn install_filtered(settings: &Log, filter: &str) {
    // The filter was checked when the settings were loaded.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // That library warns of each oddity in what a stranger sent, as often as it is looked at.
    let filter = filter.add_directive("pgp=off".parse().expect("it is a directive"));
    let as_text = match settings.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = if as_text {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    match installed {
        Ok(()) if !as_text => access_lines::install(),
        Ok(()) => {}
        Err(_) => tracing::debug!("log subscriber was already installed"),
    }
}

/// The subscriber of JSON lines, with another writer.
#[cfg(test)]
pub(super) fn json<W>(writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_writer(writer);
    builder.json().flatten_event(true).with_current_span(true).with_span_list(false).finish()
}

//! Log lines on standard error: text on a terminal, one JSON object a line otherwise.
//!
//! Owns the subscriber. Lines of one request carry its id because they are written inside the request's span.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::access_lines;
use crate::config::{Log, LogFormat};

/// Libraries that warn of each oddity in what a stranger sent, as often as it is looked at: parsers of OpenPGP keys, of HTML in texts, of SSH messages. What
/// matters of it is logged here.
const SILENT: [&str; 3] = ["html5ever", "pgp", "russh"];

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
    let filter = EnvFilter::try_new(complete(filter)).unwrap_or_else(|_| EnvFilter::new("info"));
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

/// The filter with what is left out of the log unless it names it. What it says of a part of such a library counts for that part.
fn complete(filter: &str) -> String {
    let mut whole = filter.trim_matches([',', ' ']).to_owned();
    for library in SILENT {
        let names = |directive: &str| directive.split(['=', '[']).next().is_some_and(|target| target.trim() == library);
        if !filter.split(',').any(names) {
            let comma = if whole.is_empty() { "" } else { "," };
            whole = format!("{whole}{comma}{library}=off");
        }
    }
    whole
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Which of the targets get a warning through a filter.
    fn heard(filter: &str) -> Vec<&'static str> {
        let lines = Lines::default();
        let shared = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(complete(filter)).unwrap())
            .with_writer(move || shared.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "html5ever::tree_builder", "said");
            tracing::warn!(target: "pgp::packet", "said");
            tracing::warn!(target: "russh::server", "said");
            tracing::warn!(target: "atomicqms::http", "said");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let targets = ["html5ever::tree_builder", "pgp::packet", "russh::server", "atomicqms::http"];
        targets.into_iter().filter(|target| text.contains(target)).collect()
    }

    #[test]
    fn libraries_that_warn_of_what_strangers_send_are_silent_unless_named() {
        let ours = "atomicqms::http";
        let table: [(&str, &[&str]); 7] = [
            ("info", &[ours]),
            ("", &[]),
            ("trace", &[ours]),
            ("info,html5ever=warn", &["html5ever::tree_builder", ours]),
            ("warn,pgp,russh=error,", &["pgp::packet", ours]),
            ("info,html5ever::tree_builder=warn", &["html5ever::tree_builder", ours]),
            ("off,russh=debug", &["russh::server"]),
        ];
        for (filter, expected) in table {
            assert_eq!(heard(filter), expected, "{filter}");
        }
    }
}

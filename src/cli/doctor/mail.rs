//! `atomicqms doctor mail`: how it stands with mails, and whether the mail server takes them.

use clap::Args;

use super::{open, read};
use crate::cli::say;
use crate::config::Config;
use crate::db;
use crate::http::api::urls::Urls;
use crate::mail::{Fault, Letter, Settings, Smtp};
use crate::model::{Clock, Email, SystemClock};
use crate::server::Failure;

/// Flags of `doctor mail`.
#[derive(Debug, Args)]
pub struct Flags {
    /// Send a mail to this address, too
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
}

/// Tells what is known and asks the mail server; answers whether all is well.
pub(super) async fn examine(flags: &Flags, config: &Config) -> Result<bool, Failure> {
    let to = flags.to.as_deref().map(Email::new).transpose()?;
    let readers = open(config)?;
    let status = read(&readers, |conn| Ok(db::outgoing_mails::status(conn)?)).await;
    readers.close();
    let status = status?;
    say(&format!("{} mails wait, {} were given up in the last month", status.waiting, status.failed));
    for (what, words) in [("tried last", &status.last_error), ("given up last", &status.last_failure)] {
        if let Some(words) = words {
            say(&format!("  {what}: {words}"));
        }
    }
    let host = Urls::new(&config.server.root_url).host().to_owned();
    let Some(settings) = Settings::read(&config.mail, &host) else {
        say("mail is off: mail.smtp_host is not set");
        return Ok(status.waiting == 0);
    };
    let place = format!("{} port {}", settings.host, settings.port);
    let smtp = Smtp::new(settings);
    if let Err(fault) = smtp.check().await {
        say(&format!("{place} cannot be reached or does not let us in: {fault}"));
        return Ok(false);
    }
    say(&format!("{place}: the mail server answers"));
    if let Some(to) = to {
        let name = ulid::Ulid::generate().to_string().to_ascii_lowercase();
        let letter = Letter {
            to,
            subject: "A mail of atomicqms doctor".to_owned(),
            text:
                "Hello,\n\nsomebody who looks after an AtomicQMS server tried out whether mails arrive. This one did.\n"
                    .to_owned(),
            message_id: format!("doctor-{name}@{}", if host.is_empty() { "localhost" } else { &host }),
            date: SystemClock.now(),
        };
        match smtp.send(&letter).await {
            Ok(()) => say("it took a mail; look whether it arrives"),
            Err(Fault::Later(words) | Fault::Never(words)) => {
                say(&format!("it did not take a mail: {words}"));
                return Ok(false);
            }
        }
    }
    // What waits may only be under way; what the mail server has refused is a problem.
    Ok(status.last_error.is_none())
}

//! The run that sends one mail.
//!
//! Owns the link, which is made here and stands in no row, and the choice between trying again and giving up. A mail may be sent twice, when the server dies between the
//! mail server's answer and the record of it; it carries the same Message-ID then. None is lost: its row goes only when the mail server has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atomicqms_actors::error::BoxError;
use atomicqms_actors::jobs::Running;
use atomicqms_actors::{Error as ActorError, Hopeless, Job, JobOutcome, Readers, RunJob};

use super::LinkCodes;
use crate::db;
use crate::mail::{Fault, Letter, Smtp};
use crate::model::mail::LINK_LINE;
use crate::model::{Clock, Purpose, WaitingMail};

/// How often a mail under way looks whether it has to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a sender works with.
pub struct SenderParts {
    /// The mail server.
    pub smtp: Smtp,
    /// Read-only connections.
    pub readers: Readers,
    /// The codes in links.
    pub codes: LinkCodes,
    /// The URL that users see; ends with `/`.
    pub root_url: String,
    /// Host name for Message-IDs.
    pub host: String,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Sends mails; cheap to clone.
#[derive(Clone)]
pub struct Sender(Arc<SenderParts>);

impl RunJob for Sender {
    fn run(&self, job: Job, stop: Arc<AtomicBool>) -> Running {
        let sender = self.clone();
        Box::pin(async move { sender.run_job(&job, &stop).await })
    }
}

impl Sender {
    /// Puts a sender together.
    pub fn new(parts: SenderParts) -> Self {
        Self(Arc::new(parts))
    }

    async fn run_job(&self, job: &Job, stop: &AtomicBool) -> Result<JobOutcome, BoxError> {
        let parts = &self.0;
        let (id, codes, root_url) = (job.id, parts.codes.clone(), parts.root_url.clone());
        let find = move |conn: &dyn atomicqms_actors::sql::Connection| {
            let Some(found) = db::outgoing_mails::find(conn, id)? else { return Ok(None) };
            let text = text_of(conn, &found, &codes, &root_url)?;
            Ok::<_, ActorError>(Some((found, text)))
        };
        let Some((found, text)) = parts.readers.read("mail", find).await? else { return Ok(JobOutcome::Done) };
        let purpose = found.mail.purpose.as_str();
        let text = match text.filter(|_| parts.clock.now() < found.mail.expires_ms) {
            Some(text) => text,
            None => {
                count(purpose, "outdated");
                return Ok(JobOutcome::Done);
            }
        };
        let letter = Letter {
            to: found.mail.recipient,
            subject: found.mail.subject,
            text,
            message_id: format!("mail-{}-{}@{}", found.id, found.created_ms.get(), domain(&parts.host)),
            date: found.created_ms,
        };
        let sent = tokio::select! {
            sent = parts.smtp.send(&letter) => sent,
            () = until_stopped(stop) => return Err("the server stops".into()),
        };
        let (outcome, result) = match sent {
            Ok(()) => ("sent", Ok(JobOutcome::Done)),
            Err(Fault::Later(words)) => ("later", Err(words.into())),
            Err(Fault::Never(words)) => ("refused", Err(Box::new(Hopeless(words)) as BoxError)),
        };
        count(purpose, outcome);
        result
    }
}

/// A host as it stands in a Message-ID. Source: RFC 5322, section 3.6.4.
fn domain(host: &str) -> String {
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    }
}

async fn until_stopped(stop: &AtomicBool) {
    let mut period = tokio::time::interval(LOOK_EVERY);
    while !stop.load(Ordering::Relaxed) {
        period.tick().await;
    }
}

fn count(purpose: &'static str, outcome: &'static str) {
    metrics::counter!("atomicqms_mails_total", "purpose" => purpose, "outcome" => outcome).increment(1);
}

/// The text with its link; none: what it is about is gone or done, so nobody wants the mail any more.
fn text_of(
    conn: &dyn atomicqms_actors::sql::Connection,
    found: &WaitingMail,
    codes: &LinkCodes,
    root_url: &str,
) -> Result<Option<String>, ActorError> {
    let mail = &found.mail;
    let link = match (mail.purpose, mail.about) {
        (Purpose::ConfirmAddress, Some(id)) => {
            let address = db::email_addresses::find(conn, id)?.filter(|address| !address.is_verified);
            address.map(|address| {
                format!("{root_url}user/activate_email?code={}", codes.for_address(&address, mail.expires_ms))
            })
        }
        (Purpose::ConfirmRegistration, Some(id)) => {
            let registration = db::registrations::find(conn, id)?;
            registration
                .map(|registration| format!("{root_url}user/activate?code={}", codes.for_registration(&registration)))
        }
        (Purpose::Invitation, Some(id)) => {
            let invitation = db::invitations::find(conn, id)?;
            invitation.map(|found| {
                let code = codes.for_invitation(found.team_id, &found.email, &found.seed);
                format!("{root_url}org/invite?code={code}")
            })
        }
        (Purpose::ConfirmAddress | Purpose::ConfirmRegistration | Purpose::Invitation, None) => None,
        (Purpose::AddressInUse | Purpose::AccountMade, _) => return Ok(Some(mail.text.clone())),
    };
    Ok(link.map(|link| {
        let lines: Vec<&str> =
            mail.text.split('\n').map(|line| if line == LINK_LINE { link.as_str() } else { line }).collect();
        lines.join("\n")
    }))
}

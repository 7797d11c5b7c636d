//! The way to the mail server: one connection for each mail, bounded in time.
//!
//! Owns the transport, which is made when it is first needed, because the certificates of the system are read then.

use std::path::PathBuf;
use std::time::Duration;

use lettre::Message;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::sync::OnceCell;

use super::fault::Refused;
use super::{Fault, Letter};
use crate::config::{self, Secret, SmtpSecurity};

/// Longest wait for the mail server to take leave; nothing depends on it any more.
const GOODBYE: Duration = Duration::from_secs(2);

/// How to reach the mail server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Protection of the way.
    pub security: SmtpSecurity,
    /// Authorities to trust beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// User name and password there.
    pub credentials: Option<(String, Secret)>,
    /// From whom mails are.
    pub from: String,
    /// Longest time for one mail.
    pub timeout: Duration,
    /// How this server calls itself.
    pub hello: String,
}

impl Settings {
    /// Reads the settings; none: no mail is sent. `host` is the name of this server.
    pub fn read(mail: &config::Mail, host: &str) -> Option<Self> {
        if mail.smtp_host.is_empty() {
            return None;
        }
        let port = match (mail.smtp_port, mail.smtp_security) {
            (0, SmtpSecurity::None) => 25,
            (0, SmtpSecurity::Starttls) => 587,
            (0, SmtpSecurity::Tls) => 465,
            (port, _) => port,
        };
        Some(Self {
            host: mail.smtp_host.clone(),
            port,
            security: mail.smtp_security,
            ca_file: (!mail.smtp_ca_file.is_empty()).then(|| mail.smtp_ca_file.clone().into()),
            credentials: (!mail.smtp_user.is_empty()).then(|| (mail.smtp_user.clone(), mail.smtp_password.clone())),
            from: mail.from.clone(),
            timeout: Duration::from_secs(mail.timeout_seconds),
            hello: if host.is_empty() { "localhost".to_owned() } else { host.to_owned() },
        })
    }
}

/// How the way is protected, with what TLS needs.
#[derive(Clone)]
enum Protection {
    None,
    Starttls(TlsParameters),
    Tls(TlsParameters),
}

impl std::fmt::Debug for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Starttls(_) => "Starttls",
            Self::Tls(_) => "Tls",
        })
    }
}

/// The mail server, as we speak to it.
#[derive(Debug)]
pub struct Smtp {
    settings: Settings,
    protection: OnceCell<Protection>,
}

impl Smtp {
    /// Connects to nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, protection: OnceCell::new() }
    }

    /// Hands one mail over; when this answers, the mail server has taken it.
    ///
    /// Errors: see [`Fault`]. A mail that was taken without our hearing of it counts as not taken.
    pub async fn send(&self, letter: &Letter) -> Result<(), Fault> {
        let from: Mailbox =
            self.settings.from.parse().map_err(|_| Fault::Later("mail.from is not an address".to_owned()))?;
        let message = letter.message(&from)?;
        let (connection, handed_over) = self
            .in_time(async {
                let mut connection = self.connect().await?;
                let handed_over = hand_over(&mut connection, &message).await;
                Ok((connection, handed_over))
            })
            .await?;
        take_leave(connection).await;
        handed_over
    }

    /// Looks whether the mail server would take mails: connects, protects the way, signs in.
    ///
    /// Errors: `Later`.
    pub async fn check(&self) -> Result<(), Fault> {
        let (connection, is_well) = self
            .in_time(async {
                let mut connection = self.connect().await?;
                let is_well = connection.test_connected().await;
                Ok((connection, is_well))
            })
            .await?;
        take_leave(connection).await;
        if is_well { Ok(()) } else { Err(Fault::Later("the mail server does not answer as one".to_owned())) }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let late = || Fault::Later(format!("the mail server took longer than {} s", self.settings.timeout.as_secs()));
        // Boxed: the state of a conversation with TLS is large.
        tokio::time::timeout(self.settings.timeout, Box::pin(work)).await.map_err(|_| late())?
    }

    /// Connects, protects the way and signs in. Whatever is refused here is about this server and not about a mail.
    ///
    /// Errors: `Later`.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Fault> {
        let Settings { host, port, timeout, credentials, .. } = &self.settings;
        let (protection, hello) = (self.protection().await?.clone(), hello(&self.settings.hello));
        let from_the_start = match &protection {
            Protection::Tls(parameters) => Some(parameters.clone()),
            Protection::None | Protection::Starttls(_) => None,
        };
        let server = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(*timeout), &hello, from_the_start, None).await?;
        if let Protection::Starttls(parameters) = protection {
            connection.starttls(parameters, &hello).await?;
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    async fn protection(&self) -> Result<&Protection, Fault> {
        let make = || async {
            let settings = self.settings.clone();
            // Reads files.
            let made = tokio::task::spawn_blocking(move || {
                Ok(match settings.security {
                    SmtpSecurity::None => Protection::None,
                    SmtpSecurity::Starttls => Protection::Starttls(tls(&settings)?),
                    SmtpSecurity::Tls => Protection::Tls(tls(&settings)?),
                })
            });
            made.await.map_err(|error| Fault::Later(format!("the mail transport could not be made: {error}")))?
        };
        self.protection.get_or_try_init(make).await
    }
}

/// Says from whom and to whom, and sends the text. Done here and not by the library, because what a refusal means depends on what was refused.
async fn hand_over(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<(), Fault> {
    let (envelope, bytes) = (message.envelope(), message.formatted());
    let mut parameters = Vec::new();
    let addresses = envelope.from().into_iter().chain(envelope.to());
    for (is_needed, feature, parameter) in [
        (
            addresses.into_iter().any(|address| !<lettre::Address as AsRef<str>>::as_ref(address).is_ascii()),
            Extension::SmtpUtfEight,
            MailParameter::SmtpUtfEight,
        ),
        (!bytes.is_ascii(), Extension::EightBitMime, MailParameter::Body(MailBodyParameter::EightBitMime)),
    ] {
        if is_needed && !connection.server_info().supports_feature(feature) {
            return Err(Fault::Later(format!("the mail server does not know {feature}, which this mail needs")));
        }
        if is_needed {
            parameters.push(parameter);
        }
    }
    connection.command(Mail::new(envelope.from().cloned(), parameters)).await?;
    for recipient in envelope.to() {
        let said = connection.command(Rcpt::new(recipient.clone(), Vec::new())).await;
        said.map_err(|error| Fault::refused(&error, Refused::Recipient))?;
    }
    connection.command(Data).await.map_err(|error| Fault::refused(&error, Refused::Data))?;
    connection.message(&bytes).await.map_err(|error| Fault::refused(&error, Refused::Data))?;
    Ok(())
}

/// What was taken is taken and what was refused is refused: no answer changes that.
async fn take_leave(mut connection: AsyncSmtpConnection) {
    drop(tokio::time::timeout(GOODBYE, connection.abort()).await);
}

fn tls(settings: &Settings) -> Result<TlsParameters, Fault> {
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        let unreadable = |error: &dyn std::fmt::Display| {
            Fault::Later(format!("mail.smtp_ca_file {} cannot be used: {error}", path.display()))
        };
        let pem = std::fs::read(path).map_err(|error| unreadable(&error))?;
        let certificates = Certificate::from_pem(&pem).map_err(|error| unreadable(&error))?;
        parameters = parameters.add_root_certificate(certificates);
    }
    Ok(parameters.build()?)
}

fn hello(host: &str) -> ClientId {
    match host.parse() {
        Ok(std::net::IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(std::net::IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Domain(host.to_owned()),
    }
}

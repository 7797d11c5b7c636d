//! The way to the mail server: one connection for each mail, bounded in time.
//!
//! Owns the transport, which is made when it is first needed, because the certificates of the system are read then.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::sync::OnceCell;

use super::{Fault, Letter};
use crate::config::{self, Secret, SmtpSecurity};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

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

/// The mail server, as we speak to it.
#[derive(Debug)]
pub struct Smtp {
    settings: Settings,
    transport: OnceCell<Transport>,
}

impl Smtp {
    /// Connects to nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, transport: OnceCell::new() }
    }

    /// Hands one mail over; when this answers, the mail server has taken it.
    ///
    /// Errors: see [`Fault`]. A mail that was taken without our hearing of it counts as not taken.
    pub async fn send(&self, letter: &Letter) -> Result<(), Fault> {
        let from: Mailbox =
            self.settings.from.parse().map_err(|_| Fault::Later("mail.from is not an address".to_owned()))?;
        let message = letter.message(&from)?;
        self.in_time(async { Ok(self.transport().await?.send(message).await.map(drop)?) }).await
    }

    /// Looks whether the mail server would take mails: connects, protects the way, signs in.
    ///
    /// Errors: `Later`.
    pub async fn check(&self) -> Result<(), Fault> {
        let is_well = self.in_time(async { Ok(self.transport().await?.test_connection().await?) }).await?;
        if is_well { Ok(()) } else { Err(Fault::Later("the mail server does not answer as one".to_owned())) }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let late = || Fault::Later(format!("the mail server took longer than {} s", self.settings.timeout.as_secs()));
        // Boxed: the state of a conversation with TLS is large.
        tokio::time::timeout(self.settings.timeout, Box::pin(work)).await.map_err(|_| late())?
    }

    async fn transport(&self) -> Result<&Transport, Fault> {
        let make = || async {
            let settings = self.settings.clone();
            // Reads files.
            let made = tokio::task::spawn_blocking(move || build(&settings)).await;
            made.map_err(|error| Fault::Later(format!("the mail transport could not be made: {error}")))?
        };
        self.transport.get_or_try_init(make).await
    }
}

fn build(settings: &Settings) -> Result<Transport, Fault> {
    let tls = match settings.security {
        SmtpSecurity::None => Tls::None,
        SmtpSecurity::Starttls => Tls::Required(tls(settings)?),
        SmtpSecurity::Tls => Tls::Wrapper(tls(settings)?),
    };
    let mut builder = Transport::builder_dangerous(settings.host.as_str())
        .port(settings.port)
        .tls(tls)
        .timeout(Some(settings.timeout))
        .hello_name(hello(&settings.hello));
    if let Some((user, password)) = &settings.credentials {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    Ok(builder.build())
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

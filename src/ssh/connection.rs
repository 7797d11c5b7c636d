//! One SSH connection: who signs in, which sessions it may open, when it ends.
//!
//! Owns the binding of an identity: only [`Handler::auth_publickey`], which the library calls after it verified a signature over this very
//! session, sets it, and it sets it to the key that signed. An offered key is looked up to answer the offer and remembered nowhere.
//! Called by `ssh.rs`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, Disconnect, MethodKind, MethodSet, Preferred, SshId};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument;

use super::admission::Place;
use super::host_keys::HostKeys;
use super::session::{self, Opened};
use super::socket::{Line, Socket};
use super::{Shared, command};
use crate::access::{Caller, Origin};
use crate::config::Ssh;
use crate::model::key::{KeyFault, read_key};

/// What this server calls itself.
const SERVER_ID: &str = concat!("SSH-2.0-AtomicQMS_", env!("CARGO_PKG_VERSION"));
/// Messages of one channel that may wait for its session before the connection stops reading.
const MESSAGES_WAITING: usize = 32;
/// Questions whether a silent client is still there, before it is dropped.
const KEEPALIVES: usize = 3;
/// Longest wait for the library to end a connection that was cut.
const END_TIME: Duration = Duration::from_secs(5);
/// Longest wait of a departing client for our goodbye to arrive.
const GOODBYE_TIME: Duration = Duration::from_secs(2);

/// The protocol settings of one listener.
pub(super) fn protocol(settings: &Ssh, keys: HostKeys) -> Config {
    use russh::{cipher, kex, mac};
    let seconds = |count: u64| (count > 0).then(|| Duration::from_secs(count));
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    let ecdsa = |curve| Algorithm::Ecdsa { curve };
    Config {
        server_id: SshId::Standard(SERVER_ID.into()),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        // There is no secret to guess here: keys are public, and what is offered is only counted.
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: keys.into_keys(),
        window_size: settings.window_bytes,
        maximum_packet_size: settings.max_packet_bytes,
        channel_buffer_size: MESSAGES_WAITING,
        preferred: Preferred {
            kex: vec![
                kex::MLKEM768X25519_SHA256,
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::ECDH_SHA2_NISTP256,
                kex::ECDH_SHA2_NISTP384,
                kex::ECDH_SHA2_NISTP521,
                kex::DH_G16_SHA512,
                kex::DH_G14_SHA256,
                kex::EXTENSION_SUPPORT_AS_SERVER,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
            ]
            .into(),
            // Of host keys those we have; of users' keys all: the list also tells clients which signatures are taken. No SHA-1.
            key: vec![
                Algorithm::Ed25519,
                rsa(HashAlg::Sha512),
                rsa(HashAlg::Sha256),
                ecdsa(EcdsaCurve::NistP256),
                ecdsa(EcdsaCurve::NistP384),
                ecdsa(EcdsaCurve::NistP521),
                Algorithm::SkEd25519,
                Algorithm::SkEcdsaSha2NistP256,
            ]
            .into(),
            cipher: vec![
                cipher::AES_256_GCM,
                cipher::AES_128_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
                cipher::AES_192_CTR,
                cipher::AES_128_CTR,
            ]
            .into(),
            mac: vec![mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512].into(),
            ..Preferred::DEFAULT
        },
        max_auth_attempts: settings.max_auth_attempts,
        // A peer that takes no packet for this long is dropped; who is idle in the protocol's eyes is watched here.
        inactivity_timeout: seconds(settings.idle_timeout_seconds.max(settings.keepalive_seconds.saturating_mul(4))),
        keepalive_interval: seconds(settings.keepalive_seconds),
        keepalive_max: KEEPALIVES,
        nodelay: true,
        ..Config::default()
    }
}

/// What is going on, as the watchdog sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Activity {
    is_signed_in: bool,
    sessions: usize,
    since: Instant,
}

/// Counts one open session for as long as it lives.
pub(super) struct Running(Arc<watch::Sender<Activity>>);

impl Running {
    fn begin(activity: &Arc<watch::Sender<Activity>>) -> Self {
        metrics::gauge!("atomicqms_ssh_sessions").increment(1.0);
        activity.send_modify(|now| {
            now.sessions += 1;
            now.since = Instant::now();
        });
        Self(Arc::clone(activity))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("atomicqms_ssh_sessions").decrement(1.0);
        self.0.send_modify(|now| {
            now.sessions = now.sessions.saturating_sub(1);
            now.since = Instant::now();
        });
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    HandshakeTimeout,
    Idle,
    Stopping,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::Closed => "closed",
            End::HandshakeTimeout => "handshake_timeout",
            End::Idle => "idle",
            End::Stopping => "stopping",
        }
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(socket: Socket, line: Line, address: IpAddr, place: Place, shared: Arc<Shared>) {
    let id = ulid::Ulid::generate().to_string();
    let span = tracing::info_span!("ssh", request.id = %id);
    let end = watched(socket, &line, address, place, shared, id).instrument(span.clone()).await;
    // Whatever the library still does with the stream ends here.
    line.cut();
    metrics::counter!("atomicqms_ssh_connections_total", "end" => end.name()).increment(1);
    span.in_scope(|| tracing::debug!(reason = end.name(), "an SSH connection ended"));
}

async fn watched(socket: Socket, line: &Line, address: IpAddr, place: Place, shared: Arc<Shared>, id: String) -> End {
    let settings = &shared.app.config.ssh;
    let handshake_ends = Instant::now() + Duration::from_secs(settings.handshake_timeout_seconds);
    let idle_timeout = Duration::from_secs(settings.idle_timeout_seconds);
    let now = Activity { is_signed_in: false, sessions: 0, since: Instant::now() };
    let (activity, mut seen) = watch::channel(now);
    let origin = Origin { source_ip: Some(address), user_agent: None, request_id: id };
    let client = Client {
        shared: Arc::clone(&shared),
        origin,
        identity: None,
        attempts: 0,
        place,
        line: line.clone(),
        activity: Arc::new(activity),
        span: tracing::Span::current(),
    };
    let mut stopping = shared.stopping.clone();
    let begun = russh::server::run_stream(Arc::clone(&shared.protocol), socket, client);
    let mut session = tokio::select! {
        begun = begun => match begun {
            Ok(session) => session,
            Err(error) => {
                tracing::debug!(%error, "an SSH connection ended before it began");
                return End::Closed;
            }
        },
        () = tokio::time::sleep_until(handshake_ends) => return End::HandshakeTimeout,
        _ = stopping.wait_for(|stopping| *stopping) => return End::Stopping,
        () = line.was_cut() => return End::Closed,
    };
    let handle = session.handle();
    let end = loop {
        let now = *seen.borrow_and_update();
        let (deadline, end) = match now {
            Activity { is_signed_in: false, .. } => (Some(handshake_ends), End::HandshakeTimeout),
            Activity { sessions: 0, since, .. } => (Some(since + idle_timeout), End::Idle),
            Activity { .. } => (None, End::Idle),
        };
        let is_stopping = *stopping.borrow();
        if is_stopping && now.sessions == 0 {
            break End::Stopping;
        }
        tokio::select! {
            ended = &mut session => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "an SSH connection broke off");
                }
                return End::Closed;
            }
            changed = seen.changed() => if changed.is_err() { return End::Closed },
            _ = stopping.changed(), if !is_stopping => {}
            () = sleep_until(deadline) => break end,
        }
    };
    let words = match end {
        End::HandshakeTimeout => "sign-in took too long",
        End::Idle => "idle for too long",
        End::Stopping | End::Closed => "the server is stopping",
    };
    // A client that does not take the goodbye is cut off without it.
    let goodbye = handle.disconnect(Disconnect::ByApplication, words.to_owned(), "en".to_owned());
    let said = tokio::time::timeout(GOODBYE_TIME, async {
        // The library has gone when it takes no goodbye; its end follows either way.
        let _ = goodbye.await;
        drop((&mut session).await);
    });
    if said.await.is_err() {
        line.cut();
        // Its end may not be awaited twice, so only where it has not been seen yet.
        let _ = tokio::time::timeout(END_TIME, session).await;
    }
    end
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The client of one connection.
struct Client {
    shared: Arc<Shared>,
    origin: Origin,
    /// Set by a verified signature and by nothing else.
    identity: Option<Arc<Caller>>,
    attempts: usize,
    place: Place,
    line: Line,
    activity: Arc<watch::Sender<Activity>>,
    /// The library calls from a task of its own, outside the span of the connection.
    span: tracing::Span,
}

impl Client {
    /// Counts a key that was shown; too many end the connection.
    fn count_attempt(&mut self) -> Result<(), russh::Error> {
        self.attempts += 1;
        if self.attempts > self.shared.app.config.ssh.max_auth_attempts {
            tracing::info!(parent: &self.span, "an SSH connection was ended: too many keys were tried");
            return Err(russh::Error::Disconnect);
        }
        Ok(())
    }

    /// Whether this user name and this kind of signature may sign in at all.
    fn is_acceptable(&self, user: &str, algorithm: &Algorithm) -> bool {
        let wanted = &self.shared.app.config.ssh.user;
        // SHA-1 signatures prove nothing any more.
        (wanted.is_empty() || user == wanted) && *algorithm != Algorithm::Rsa { hash: None }
    }

    /// The key as it would be registered: none for types and sizes that are not taken.
    fn readable(&self, key: &russh::keys::PublicKey) -> Option<Vec<u8>> {
        let line = key.to_openssh().ok()?;
        let read: Result<_, KeyFault> = read_key(&line, self.shared.app.config.ssh.min_rsa_bits);
        read.ok().map(|key| key.bytes)
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        self.count_attempt()?;
        if !self.is_acceptable(user, offer.algorithm) {
            return Ok(Auth::reject());
        }
        let Some(key) = self.readable(offer.public_key) else { return Ok(Auth::reject()) };
        match self.shared.app.forge.access.knows_key(&key).await {
            Ok(true) => Ok(Auth::Accept),
            Ok(false) => Ok(Auth::reject()),
            Err(error) => {
                tracing::warn!(parent: &self.span, error.chain = %error.log_line(), "an offered SSH key could not be looked up");
                Ok(Auth::reject())
            }
        }
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        self.identity = None;
        if !self.is_acceptable(user, key.algorithm) {
            return Ok(Auth::reject());
        }
        let Some(bytes) = self.readable(key.public_key) else { return Ok(Auth::reject()) };
        match self.shared.app.forge.access.identify_key(&bytes, self.origin.clone()).await {
            Ok(caller) => {
                self.identity = Some(Arc::new(caller));
                Ok(Auth::Accept)
            }
            Err(error) => {
                tracing::info!(parent: &self.span, error.chain = %error.log_line(), "an SSH sign-in was refused");
                Ok(Auth::reject())
            }
        }
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), russh::Error> {
        if !self.place.signed_in() {
            return Err(russh::Error::Disconnect);
        }
        self.activity.send_modify(|now| {
            now.is_signed_in = true;
            now.since = Instant::now();
        });
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(caller) = self.identity.clone() else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        let open = self.activity.borrow().sessions;
        if open >= self.shared.app.config.ssh.max_sessions_per_connection || *self.shared.stopping.borrow() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let running = Running::begin(&self.activity);
        let opened = Opened { app: self.shared.app.clone(), caller, channel, line: self.line.clone() };
        tokio::spawn(
            async move {
                let _running = running;
                session::serve(opened).await;
            }
            .instrument(self.span.clone()),
        );
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, channel: ChannelId, _: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match command::protocol_version(name, value) {
            Some(_) => session.channel_success(channel),
            None => session.channel_failure(channel),
        }
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(channel)
    }
}

//! One running server: starts the actor tree, serves, drains and stops.
//!
//! Owns the order of start and stop. The caller binds the ports, takes the lock and says when to stop; nothing here
//! reads flags, prints or ends the process. Called by `cli/serve.rs` and by tests, which run it in their own process.

pub mod bootstrap;
pub mod directory;
mod duties;
pub mod failure;
pub mod parts;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
pub mod work;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use self::bootstrap::FirstAdmin;
use self::directory::Lock;
pub use self::failure::Failure;
use self::parts::Parts;
use self::status::{Phase, Status};
use self::work::Work;
use crate::config::Config;
use crate::http::body_memory::BodyMemory;
use crate::http::renderings::Renderings;
use crate::http::{App, connection, health, middleware};
use crate::ssh;
use crate::ssh::host_keys::HostKeys;
use crate::telemetry::recorder;
use crate::transport::Advertisements;
use crate::transport::answers::{self, Answers};

/// How often recorded samples are folded when nobody scrapes.
const UPKEEP_PERIOD: Duration = Duration::from_secs(5);
/// Longest wait for actors and writer to finish after the last request has ended.
const DRAIN_TIME: Duration = Duration::from_secs(20);

/// Ports a server listens on, bound by the caller.
#[derive(Debug)]
pub struct Listeners {
    /// HTTP.
    pub http: TcpListener,
    /// SSH; none: switched off.
    pub ssh: Option<TcpListener>,
}

impl Listeners {
    /// Binds the addresses of the settings.
    ///
    /// Errors: `Failure::Listen` naming the address.
    pub async fn bind(config: &Config) -> Result<Self, Failure> {
        let address = config.server.http_addr;
        let http = TcpListener::bind(address).await.map_err(|source| Failure::Listen { address, source })?;
        let ssh = match config.server.ssh_addr.0 {
            Some(address) => {
                Some(TcpListener::bind(address).await.map_err(|source| Failure::Listen { address, source })?)
            }
            None => None,
        };
        Ok(Self { http, ssh })
    }
}

/// What a server tells whoever started it, as it happens.
pub trait Console: Send {
    /// The first administrator was made; the password is shown here and nowhere else, ever.
    fn first_admin(&mut self, admin: &FirstAdmin);
    /// Requests are welcome.
    fn ready(&mut self, address: SocketAddr, root_url: &str);
    /// The SSH server listens; called before [`Console::ready`].
    fn ssh_ready(&mut self, address: SocketAddr);
}

/// Runs a server until `shutdown` resolves and everything begun is finished.
///
/// Errors: why it could not start, or which critical part died.
pub async fn run(
    listeners: Listeners,
    lock: Lock,
    mut config: Config,
    shutdown: impl Future<Output = ()> + Send,
    console: &mut dyn Console,
) -> Result<(), Failure> {
    recorder::install().map_err(Failure::Metrics)?;
    let address =
        listeners.http.local_addr().map_err(|source| Failure::Listen { address: config.server.http_addr, source })?;
    config.server.root_url = root_url(&config.server.root_url, address);
    let ssh = match listeners.ssh {
        Some(listener) => Some(SshDoor::open(listener, &config).await?),
        None => None,
    };
    let ssh_root = ssh.as_ref().map(|door| ssh_root(&config, door.address).into());
    let ssh_address = ssh.as_ref().map(|door| door.address);
    let config = Arc::new(config);

    let (died, mut death) = watch::channel(None);
    let parts = Parts::start(&config, Arc::new(move |escalation| drop(died.send_replace(Some(escalation))))).await?;
    if let Some(admin) = bootstrap::first_start(&parts.forge, &config).await? {
        console.first_admin(&admin);
    }

    // A crash may have left an empty file; what is in there may be lost at any time, and if it cannot be removed, that does no harm.
    drop(std::fs::remove_dir_all(config.cache_dir()));
    let app = App::new(crate::http::Parts {
        forge: Arc::clone(&parts.forge),
        config: Arc::clone(&config),
        work: Work::default(),
        root_url: config.server.root_url.as_str().into(),
        ssh_root,
        status: Arc::new(Status::default()),
        intake: parts.intake.clone(),
        body_memory: BodyMemory::new(config.server.max_body_memory_bytes),
        advertisements: Advertisements::default(),
        directories: crate::http::api::directories::Directories::default(),
        blames: crate::http::api::blame::Blames::default(),
        statistics: crate::http::api::statistics::Statistics::default(),
        specification: crate::http::api::spec::Specification::default(),
        tip_orders: crate::http::api::tip_orders::TipOrders::default(),
        answers: Answers::new(answers::Settings {
            memory_bytes: config.git.answer_cache_memory_bytes,
            disk_bytes: config.git.answer_cache_disk_bytes,
            directory: config.cache_dir(),
        }),
        renderings: Renderings::new(config.server.max_concurrent_renderings),
        probe: Arc::new(health::Probe::default()),
    });
    let serving = Serving::start(listeners.http, ssh, &app);
    let outcome = tokio::select! {
        ended = serve_until(&app, &parts, &lock, (address, ssh_address), shutdown, console) => ended,
        died = death.wait_for(Option::is_some) => Err(death_of(died.ok().and_then(|found| found.clone()))),
    };
    app.status.advance(Phase::Stopping);
    if let Err(failure) = outcome {
        tracing::error!(error = %failure, "server stops because a part of it failed");
        return Err(failure);
    }
    tracing::info!("server is stopping: finishing what is running");
    serving.finish(&app.work, Duration::from_secs(config.server.shutdown_grace_seconds)).await;
    drop(app);
    if tokio::time::timeout(DRAIN_TIME, parts.stop()).await.is_err() {
        tracing::error!(timeout_seconds = DRAIN_TIME.as_secs(), "actors did not drain in time");
        return Err(Failure::Drain);
    }
    tracing::info!("server has stopped");
    drop(lock);
    Ok(())
}

/// Repairs what a crash left behind, opens the doors, and waits for the signal.
async fn serve_until(
    app: &App,
    parts: &Parts,
    lock: &Lock,
    (address, ssh_address): (SocketAddr, Option<SocketAddr>),
    shutdown: impl Future<Output = ()> + Send,
    console: &mut dyn Console,
) -> Result<(), Failure> {
    let mut shutdown = std::pin::pin!(shutdown);
    tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        repaired = parts.reconcile() => repaired?,
    }
    lock.publish("http.addr", address)?;
    if let Some(ssh_address) = ssh_address {
        lock.publish("ssh.addr", ssh_address)?;
        tracing::info!(ssh.addr = %ssh_address, "the SSH server is ready");
        console.ssh_ready(ssh_address);
    }
    app.status.advance(Phase::Ready);
    tracing::info!(http.addr = %address, root_url = %app.root_url, "server is ready");
    console.ready(address, &app.root_url);
    shutdown.await;
    Ok(())
}

fn death_of(escalation: Option<atomicqms_actors::Escalation>) -> Failure {
    match escalation {
        Some(escalation) => Failure::Died(escalation),
        // The sender lives inside the supervisor's callback: gone means that the supervisor is.
        None => Failure::Died(atomicqms_actors::Escalation {
            child: "supervisor",
            exit_code: atomicqms_actors::supervisor::EXIT_SUPERVISOR,
            reason: "vanished without a word".to_owned(),
        }),
    }
}

/// The accept loop and the housekeeping beside it; both end when this is dropped.
struct Serving {
    stop: watch::Sender<bool>,
    accepting: tokio::task::JoinSet<()>,
    _upkeep: tokio::task::JoinSet<()>,
}

impl Serving {
    fn start(http: TcpListener, ssh: Option<SshDoor>, app: &App) -> Self {
        let (stop, stopped) = watch::channel(false);
        let limits = connection::Limits::from(&app.config.server);
        let service = middleware::service(app.clone());
        let mut accepting = tokio::task::JoinSet::new();
        let until = |mut stopped: watch::Receiver<bool>| async move {
            // A vanished sender also means that this server ends.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let (config, until_stopped) = (Arc::clone(&app.config), until(stopped.clone()));
        accepting.spawn(async move {
            connection::serve(http, service, limits, &config.server.trusted_proxies, until_stopped).await;
        });
        if let Some(door) = ssh {
            accepting.spawn(ssh::serve(door.listener, app.clone(), door.keys, until(stopped)));
        }
        let mut upkeep = tokio::task::JoinSet::new();
        upkeep.spawn(async {
            let mut period = tokio::time::interval(UPKEEP_PERIOD);
            loop {
                period.tick().await;
                recorder::upkeep();
            }
        });
        Self { stop, accepting, _upkeep: upkeep }
    }

    /// Stops accepting and waits for running requests and detached work, at most `grace`.
    async fn finish(mut self, work: &Work, grace: Duration) {
        // Nobody listens any more only if the accept loop has ended already.
        let _ = self.stop.send(true);
        let finished = async {
            while self.accepting.join_next().await.is_some() {}
            work.finished().await;
        };
        if tokio::time::timeout(grace, finished).await.is_err() {
            tracing::warn!(grace_seconds = grace.as_secs(), tasks = work.running(), "breaking off what still runs");
        }
    }
}

/// The SSH listener with the keys it proves itself with.
struct SshDoor {
    listener: TcpListener,
    address: SocketAddr,
    keys: HostKeys,
}

impl SshDoor {
    /// Reads the host keys, making them at the first start.
    ///
    /// Errors: `Failure::Listen`, `Failure::Directory`.
    async fn open(listener: TcpListener, config: &Config) -> Result<Self, Failure> {
        let address =
            listener.local_addr().map_err(|source| Failure::Listen { address: config.server.http_addr, source })?;
        let directory = config.keys_dir();
        // Making an RSA key takes a second of a processor.
        let loaded = tokio::task::spawn_blocking(move || HostKeys::load(&directory)).await;
        let keys = loaded.map_err(|panic| Failure::Forge(crate::error::Error::internal(panic)))??;
        tracing::info!(ssh.host_keys = ?keys, "SSH host keys");
        Ok(Self { listener, address, keys })
    }
}

/// What clone addresses over SSH begin with: `git@host:` on the standard port, otherwise a URL.
fn ssh_root(config: &Config, address: SocketAddr) -> String {
    let host = match config.ssh.host.as_str() {
        "" => crate::http::api::urls::Urls::new(&config.server.root_url).host(),
        host => host,
    };
    let user = if config.ssh.user.is_empty() { "git" } else { &config.ssh.user };
    let port = if config.ssh.port == 0 { address.port() } else { config.ssh.port };
    match (port, host.contains(':')) {
        (22, false) => format!("{user}@{host}:"),
        (port, false) => format!("ssh://{user}@{host}:{port}/"),
        (port, true) => format!("ssh://{user}@[{host}]:{port}/"),
    }
}

/// Completes the root URL: the given one, or the listening address; ends with a slash.
fn root_url(given: &str, address: SocketAddr) -> String {
    if !given.is_empty() {
        return format!("{}/", given.trim_end_matches('/'));
    }
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{reachable}/")
}

#[cfg(test)]
mod tests;

//! One running server: starts the actor tree, serves, drains and stops.
//!
//! Owns the order of start and stop. The caller binds the ports, takes the lock and says when to stop; nothing here
//! reads flags, prints or ends the process. Called by `cli/serve.rs` and by tests, which run it in their own process.

pub mod bootstrap;
pub mod directory;
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
use crate::forge::intake::Intake;
use crate::http::{App, connection, health, middleware};
use crate::telemetry::recorder;

/// How often recorded samples are folded when nobody scrapes.
const UPKEEP_PERIOD: Duration = Duration::from_secs(5);
/// Longest wait for actors and writer to finish after the last request has ended.
const DRAIN_TIME: Duration = Duration::from_secs(20);

/// Ports a server listens on, bound by the caller.
#[derive(Debug)]
pub struct Listeners {
    /// HTTP.
    pub http: TcpListener,
}

impl Listeners {
    /// Binds the addresses of the settings.
    ///
    /// Errors: `Failure::Listen` naming the address.
    pub async fn bind(config: &Config) -> Result<Self, Failure> {
        let address = config.server.http_addr;
        let http = TcpListener::bind(address).await.map_err(|source| Failure::Listen { address, source })?;
        Ok(Self { http })
    }
}

/// What a server tells whoever started it, as it happens.
pub trait Console: Send {
    /// The first administrator was made; the password is shown here and nowhere else, ever.
    fn first_admin(&mut self, admin: &FirstAdmin);
    /// Requests are welcome.
    fn ready(&mut self, address: SocketAddr, root_url: &str);
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
    let config = Arc::new(config);

    let (died, mut death) = watch::channel(None);
    let parts = Parts::start(&config, Arc::new(move |escalation| drop(died.send_replace(Some(escalation))))).await?;
    if let Some(admin) = bootstrap::first_start(&parts.forge, &config).await? {
        console.first_admin(&admin);
    }

    let app = App {
        forge: Arc::clone(&parts.forge),
        config: Arc::clone(&config),
        work: Work::default(),
        root_url: config.server.root_url.as_str().into(),
        ssh_root: None,
        status: Arc::new(Status::default()),
        intake: Intake::new(&config.git),
        probe: Arc::new(health::Probe::default()),
    };
    let serving = Serving::start(listeners, &app);
    let outcome = tokio::select! {
        ended = serve_until(&app, &parts, &lock, address, shutdown, console) => ended,
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
    address: SocketAddr,
    shutdown: impl Future<Output = ()> + Send,
    console: &mut dyn Console,
) -> Result<(), Failure> {
    let mut shutdown = std::pin::pin!(shutdown);
    tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        repaired = parts.reconcile() => repaired?,
    }
    lock.publish(address)?;
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
    fn start(listeners: Listeners, app: &App) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let limits = connection::Limits::from(&app.config.server);
        let service = middleware::service(app.clone());
        let mut accepting = tokio::task::JoinSet::new();
        accepting.spawn(connection::serve(listeners.http, service, limits, async move {
            // A vanished sender also means that this server ends.
            let _ = stopped.wait_for(|stop| *stop).await;
        }));
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

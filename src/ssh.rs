//! The SSH transport: connections, public-key sign-in, git commands. No policy.
//!
//! Owns the accept loop, its limits and the graceful end. Who somebody is says `access`, what they may do says the gate, what a push
//! changes is `forge`'s; packs and reports go the way they go over HTTP (`transport`). Nothing but git commands is served: no shell, no
//! terminal, no forwarding, no subsystem, no file transfer. Started by `server.rs`.

mod admission;
mod archive;
mod command;
mod connection;
mod fetch;
pub mod host_keys;
mod push;
mod session;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::admission::Admission;
use self::host_keys::HostKeys;
use crate::http::App;

/// Pause after the system refuses to accept (out of descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every connection of one listener shares.
struct Shared {
    app: App,
    protocol: Arc<russh::server::Config>,
    stopping: watch::Receiver<bool>,
}

/// Serves connections until `stop`, then lets running commands finish and returns.
///
/// Connections without a running command are closed at `stop`; the caller bounds the wait for the others by dropping this future,
/// which breaks them off.
pub async fn serve(listener: TcpListener, app: App, keys: HostKeys, stop: impl Future<Output = ()>) {
    let (stop_now, stopping) = watch::channel(false);
    let admission = Arc::new(Admission::new(&app.config.ssh));
    let protocol = Arc::new(connection::protocol(&app.config.ssh, keys));
    let shared = Arc::new(Shared { app, protocol, stopping });
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer.ip().to_canonical(), &admission, &shared, &mut connections),
            Err(error) => {
                tracing::warn!(%error, "cannot accept an SSH connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // Every connection holds a receiver; without any, nobody needs to know.
    let _ = stop_now.send(true);
    while connections.join_next().await.is_some() {}
}

fn admit(
    stream: TcpStream,
    address: std::net::IpAddr,
    admission: &Arc<Admission>,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
) {
    let (socket, line) = socket::pair(stream);
    match admission.enter(address, line.clone()) {
        Ok(place) => {
            connections.spawn(connection::serve(socket, line, address, place, Arc::clone(shared)));
        }
        Err(refused) => {
            metrics::counter!("atomicqms_ssh_connections_total", "end" => refused.name()).increment(1);
            tracing::debug!(reason = refused.name(), "an SSH connection was refused");
        }
    }
}

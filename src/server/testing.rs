//! A whole server inside the test process, on a free port and a temporary directory.
//!
//! Owns start and stop; [`TestServer::finish`] stops in order and reports how the server ended.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::bootstrap::FirstAdmin;
use super::{Console, Failure, Listeners, directory, run};
use crate::config::Config;

/// Password of the first administrator of every test server.
pub(crate) const ADMIN_PASSWORD: &str = "correct horse battery";

/// A running server.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Result<(), Failure>>,
    _dir: Option<tempfile::TempDir>,
}

/// Remembers what the server said.
struct Heard {
    ready: Option<oneshot::Sender<SocketAddr>>,
}

impl Console for Heard {
    fn first_admin(&mut self, _: &FirstAdmin) {}

    fn ssh_ready(&mut self, _: SocketAddr) {}

    fn ready(&mut self, address: SocketAddr, _: &str) {
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(address);
        }
    }
}

impl TestServer {
    /// Starts a server on a fresh directory.
    pub(crate) async fn start() -> Self {
        Self::start_tuned(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_tuned(tune: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::for_tests(dir.path());
        tune(&mut config);
        config.admin_password = Some(crate::config::Secret::new(ADMIN_PASSWORD.to_owned()));
        let mut server = Self::start_with(config).await.unwrap();
        server._dir = Some(dir);
        server
    }

    /// Starts a server with settings of the caller's.
    pub(crate) async fn start_with(config: Config) -> Result<Self, Failure> {
        directory::prepare(&config)?;
        let lock = directory::lock(&config)?;
        let listeners = Listeners::bind(&config).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = oneshot::channel();
        let mut ended = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            run(listeners, lock, config, shutdown, &mut Heard { ready: Some(ready) }).await
        });
        tokio::select! {
            Ok(address) = is_ready => Ok(Self { address, stop: Some(stop), ended, _dir: None }),
            outcome = &mut ended => Err(outcome.unwrap().expect_err("a server that was not asked to stop ended well")),
        }
    }

    /// The data directory, when it is the server's own.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        self._dir.as_ref().expect("the caller of start_with has the directory").path()
    }

    /// Asks the server to stop, without waiting.
    pub(crate) fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Stops the server and answers how it ended.
    pub(crate) async fn finish(mut self) -> Result<(), Failure> {
        self.ask_to_stop();
        self.ended.await.unwrap()
    }

    /// Stops the server, does something to its data directory and starts it again there, with other settings.
    pub(crate) async fn restart(
        mut self,
        tune: impl FnOnce(&mut Config),
        between: impl FnOnce(&std::path::Path),
    ) -> Self {
        self.ask_to_stop();
        self.ended.await.unwrap().unwrap();
        let dir = self._dir.expect("the caller of start_with has the directory");
        between(dir.path());
        let mut config = Config::for_tests(dir.path());
        tune(&mut config);
        let mut server = Self::start_with(config).await.unwrap();
        server._dir = Some(dir);
        server
    }

    /// Events of the ledger with one action, in order, as they are written.
    pub(crate) fn events(&self, action: &str) -> Vec<serde_json::Value> {
        let dir = self._dir.as_ref().expect("a server on a directory of its own");
        #[expect(clippy::disallowed_methods, reason = "a test reads what the server has committed")]
        let conn = rusqlite::Connection::open(dir.path().join("atomicqms.db")).unwrap();
        let mut found = conn.prepare("SELECT event FROM audit_event WHERE action = ?1 ORDER BY seq").unwrap();
        let rows = found.query_map([action], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        rows.map(|row| serde_json::from_slice(&row.unwrap()).unwrap()).collect()
    }

    /// Sends one request on its own connection and reads the whole answer, head and body.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Gets a path with extra header lines (each ending with `\r\n`).
    pub(crate) async fn get(&self, path: &str, headers: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n")).await
    }
}

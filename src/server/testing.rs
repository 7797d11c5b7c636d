//! A whole server inside the test process, on a free port and a temporary directory.
//!
//! Owns start and stop; [`TestServer::finish`] stops in order and reports how the server ended.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

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
    ssh_address: Arc<OnceLock<SocketAddr>>,
    config: Config,
    _dir: Option<tempfile::TempDir>,
}

/// Remembers what the server said.
struct Heard {
    ready: Option<oneshot::Sender<SocketAddr>>,
    ssh_address: Arc<OnceLock<SocketAddr>>,
}

impl Console for Heard {
    fn first_admin(&mut self, _: &FirstAdmin) {}

    fn ssh_ready(&mut self, address: SocketAddr) {
        let _ = self.ssh_address.set(address);
    }

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
        let kept = config.clone();
        let listeners = Listeners::bind(&config).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = oneshot::channel();
        let ssh_address = Arc::new(OnceLock::new());
        let mut heard = Heard { ready: Some(ready), ssh_address: Arc::clone(&ssh_address) };
        let mut ended = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            run(listeners, lock, config, shutdown, &mut heard).await
        });
        tokio::select! {
            Ok(address) = is_ready => Ok(Self { address, stop: Some(stop), ended, ssh_address, config: kept, _dir: None }),
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
        let ended = self.ended.await.unwrap();
        // A program that another test starts at this moment has the lock until it runs.
        while let Err(Failure::InUse { .. }) = directory::lock(&self.config) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        ended
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
        loop {
            match Self::start_with(config.clone()).await {
                // See `finish`.
                Err(Failure::InUse { .. }) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                server => return Self { _dir: Some(dir), ..server.unwrap() },
            }
        }
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

    /// Where SSH listens, if it does.
    pub(crate) fn ssh_address(&self) -> Option<SocketAddr> {
        self.ssh_address.get().copied()
    }

    fn open_rows(&self) -> rusqlite::Connection {
        let dir = self._dir.as_ref().expect("a server on a directory of its own");
        #[expect(clippy::disallowed_methods, reason = "a test reads what the server has committed")]
        let conn = rusqlite::Connection::open(dir.path().join("atomicqms.db")).unwrap();
        conn
    }

    /// How many events there are beside those of one action.
    pub(crate) fn count_events_but(&self, action: &str) -> usize {
        let count: i64 = self
            .open_rows()
            .query_row("SELECT COUNT(*) FROM audit_event WHERE action <> ?1", [action], |row| row.get(0))
            .unwrap();
        usize::try_from(count).unwrap()
    }

    /// How many small packs wait to become files.
    pub(crate) fn count_waiting_packs(&self) -> i64 {
        self.open_rows().query_row("SELECT COUNT(*) FROM waiting_pack", [], |row| row.get(0)).unwrap()
    }

    /// Whether no mirror is being synchronized or is due.
    pub(crate) fn are_mirrors_idle(&self) -> bool {
        let sql = "SELECT COUNT(*) FROM mirror WHERE claimed_ms IS NOT NULL OR run_after_ms <= CAST(unixepoch('subsec') * 1000 AS INTEGER)";
        let count: i64 = self.open_rows().query_row(sql, [], |row| row.get(0)).unwrap();
        count == 0
    }

    /// Counts mirrors that become due within a time from now.
    pub(crate) fn count_waiting_mirrors(&self, within_ms: i64) -> i64 {
        let sql = "SELECT COUNT(*) FROM mirror WHERE run_after_ms - CAST(unixepoch('subsec') * 1000 AS INTEGER) BETWEEN 1 AND ?1";
        self.open_rows().query_row(sql, [within_ms], |row| row.get(0)).unwrap()
    }

    /// Every row of the database as text, but for the ledger, times of last use, and work that waits.
    pub(crate) fn rows(&self) -> Vec<String> {
        const LEFT_OUT: [&str; 6] =
            ["audit_event", "audit_personal", "job", "ref_projection", "waiting_pack", "sqlite_sequence"];
        let conn = self.open_rows();
        let names = |sql: &str| -> Vec<String> {
            let mut found = conn.prepare(sql).unwrap();
            found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let mut rows = Vec::new();
        for table in names("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
            if LEFT_OUT.contains(&table.as_str()) {
                continue;
            }
            let columns = names(&format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"));
            let kept: Vec<String> = columns
                .into_iter()
                .filter(|column| !matches!(column.as_str(), "last_used_ms" | "last_login_ms" | "size_bytes"))
                .map(|column| format!("quote({column})"))
                .collect();
            let sql = format!("SELECT '{table}: ' || {} FROM {table}", kept.join(" || ' ' || "));
            rows.extend(names(&sql));
        }
        rows
    }

    /// Sends one request on its own connection and reads the whole answer, head and body.
    pub(crate) async fn raw(&self, request: &str) -> String {
        self.raw_bytes(request.as_bytes()).await
    }

    /// The same with a request that is no text.
    pub(crate) async fn raw_bytes(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Gets a path with extra header lines (each ending with `\r\n`).
    pub(crate) async fn get(&self, path: &str, headers: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n")).await
    }
}

//! The data directory: its folders, its permissions and the lock that keeps a second server out.
//!
//! Owns the lock file and the address file in `run/`. The lock belongs to the open file, so it ends with the process,
//! however it ends. Called by `server.rs` and, without the lock, by the `admin` commands.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::Config;

/// Folders of a data directory.
const FOLDERS: &[&str] =
    &["conf", "conf/keys", "git", "git/repositories", "git/lfs", "attachments", "search", "log", "run"];

/// Makes the data directory and its folders, readable by their owner only.
///
/// Errors: `Failure::Directory` naming the path.
pub fn prepare(config: &Config) -> Result<(), Failure> {
    let data_dir = &config.data_dir;
    make(data_dir)?;
    for folder in FOLDERS {
        make(&data_dir.join(folder))?;
    }
    make_database_private(&config.database_path())
}

/// Keeps the database to its owner even in a directory that others may enter: it holds password hashes and addresses.
/// SQLite gives the files beside it (`-wal`, `-shm`) the mode of the database file.
fn make_database_private(database: &Path) -> Result<(), Failure> {
    let failed = |source| Failure::Directory { path: database.to_owned(), source };
    OpenOptions::new().create(true).append(true).mode(0o600).open(database).map_err(failed)?;
    for ending in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(ending);
        let path = PathBuf::from(path);
        match std::fs::set_permissions(&path, Permissions::from_mode(0o600)) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::Directory { path, source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn make(path: &Path) -> Result<(), Failure> {
    let failed = |source| Failure::Directory { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    // A directory that was there before keeps what its owner allows; only strangers are shut out of a fresh one.
    Ok(())
}

/// The lock of a running server; released when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    run_dir: PathBuf,
}

/// Files in `run/` that tell where a running server listens.
const ADDRESS_FILES: [&str; 2] = ["http.addr", "ssh.addr"];

/// Takes the lock.
///
/// Errors: `Failure::InUse` if another server holds it.
pub fn lock(config: &Config) -> Result<Lock, Failure> {
    let path = config.run_dir().join("server.lock");
    let failed = |source| Failure::Directory { path: path.clone(), source };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = std::fs::read_to_string(&path).unwrap_or_default();
            return Err(Failure::InUse { data_dir: config.data_dir.clone(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).map_err(failed)?;
    // Only for people who wonder who holds it; the lock itself does not depend on the text.
    writeln!(file, "process {}", std::process::id()).map_err(failed)?;
    Ok(Lock { _file: file, run_dir: config.run_dir() })
}

impl Lock {
    /// Publishes the address a server listens on: HTTP in `run/http.addr`, SSH in `run/ssh.addr`.
    ///
    /// Errors: `Failure::Directory` naming the file.
    pub fn publish(&self, file: &str, address: SocketAddr) -> Result<(), Failure> {
        let path = self.run_dir.join(file);
        let failed = |source| Failure::Directory { path: path.clone(), source };
        let draft = path.with_extension("addr.new");
        std::fs::write(&draft, format!("{address}\n")).map_err(failed)?;
        std::fs::rename(&draft, &path).map_err(failed)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // An address nobody listens on any more helps nobody; absent is fine.
        for file in ADDRESS_FILES {
            let _ = std::fs::remove_file(self.run_dir.join(file));
        }
    }
}

/// Writes a secret file that only its owner can read, unless it exists; answers its bytes.
///
/// Errors: the system's error.
pub fn read_or_create_secret(path: &Path, make: impl FnOnce() -> std::io::Result<Vec<u8>>) -> std::io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Ok(bytes) => return Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let bytes = make()?;
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    // Linking fails if somebody else was faster; then theirs is the secret.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => {
            if let Some(parent) = path.parent() {
                File::open(parent)?.sync_all()?;
            }
            Ok(bytes)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => std::fs::read(path),
        Err(error) => Err(error),
    }
}

//! The server's own keys: made at the first start, kept ever after.
//!
//! Owns `conf/keys/ssh_host_*_key` in OpenSSH's format, private to their owner. Called by `server.rs` before the listener opens.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use russh::keys::ssh_key::private::{KeypairData, RsaKeypair};
use russh::keys::ssh_key::rand_core::UnwrapErr;
use russh::keys::ssh_key::{Algorithm, LineEnding};
use russh::keys::{HashAlg, PrivateKey};

use crate::server::Failure;
use crate::server::directory::read_or_create_secret;

/// Bits of a new RSA host key.
const RSA_BITS: usize = 3072;
/// What the files say about themselves.
const COMMENT: &str = "atomicqms";

/// Keys a server proves itself with, most preferred first.
pub struct HostKeys {
    keys: Vec<PrivateKey>,
}

impl std::fmt::Debug for HostKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.fingerprints()).finish()
    }
}

impl HostKeys {
    /// Reads the keys of an installation, making those that are missing.
    ///
    /// Errors: `Failure::Directory` naming the file that cannot be read, written or understood.
    pub fn load(directory: &Path) -> Result<Self, Failure> {
        let ed25519 = load_one(directory.join("ssh_host_ed25519_key"), || {
            PrivateKey::random(&mut UnwrapErr(SysRng), Algorithm::Ed25519)
        })?;
        let rsa = load_one(directory.join("ssh_host_rsa_key"), || {
            let pair = RsaKeypair::random(&mut UnwrapErr(SysRng), RSA_BITS)?;
            PrivateKey::new(KeypairData::Rsa(pair), COMMENT)
        })?;
        Ok(Self { keys: vec![ed25519, rsa] })
    }

    /// Fingerprints, for the log and for people who compare.
    pub fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.fingerprint(HashAlg::Sha256).to_string()).collect()
    }

    /// The keys, for the protocol.
    pub(super) fn into_keys(self) -> Vec<PrivateKey> {
        self.keys
    }
}

fn load_one(
    path: PathBuf,
    make: impl FnOnce() -> Result<PrivateKey, russh::keys::ssh_key::Error>,
) -> Result<PrivateKey, Failure> {
    let written = || {
        // The library cannot be told that the system has no random numbers; asked here first, that is an error and no panic.
        getrandom::fill(&mut [0; 32]).map_err(std::io::Error::other)?;
        let mut key = make().map_err(std::io::Error::other)?;
        key.set_comment(COMMENT);
        let text = key.to_openssh(LineEnding::LF).map_err(std::io::Error::other)?;
        Ok(text.as_bytes().to_vec())
    };
    let read = read_or_create_secret(&path, written)
        .and_then(|bytes| PrivateKey::from_openssh(&bytes).map_err(std::io::Error::other));
    read.map_err(|source| Failure::Directory { path, source })
}

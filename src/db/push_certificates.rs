//! Certificates of signed pushes, kept as evidence.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use crate::model::{RepoId, UserId, UtcMs};

/// The push that a certificate came with.
#[derive(Debug, Clone, Copy)]
pub struct Push {
    /// The repository.
    pub repository: RepoId,
    /// Who was signed in; not necessarily who signed.
    pub user: Option<UserId>,
    /// When it is committed.
    pub at: UtcMs,
}

/// A certificate to keep.
#[derive(Debug)]
pub struct New<'a> {
    /// SHA-256 of the certificate; unique.
    pub sha256: &'a [u8; 32],
    /// Every byte of it.
    pub certificate: &'a [u8],
    /// Who it says pushed.
    pub pusher: &'a str,
    /// Git's word for its nonce.
    pub nonce_status: &'a str,
    /// `ssh`, `openpgp` or `x509`.
    pub format: &'a str,
    /// `verified`, `unknown_key` or `unverified`.
    pub verification: &'a str,
    /// Of the key that signed, where that is known.
    pub fingerprint: Option<&'a str>,
    /// Whose key that is, where that is known.
    pub signer: Option<UserId>,
}

/// Keeps a certificate; false when it is kept already.
pub fn insert(tx: &dyn Connection, push: &Push, new: &New<'_>) -> Result<bool, Error> {
    if exists(tx, new.sha256)? {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO push_certificate \
         (repo_id, user_id, at_ms, sha256, certificate, pusher, nonce_status, format, verification, fingerprint, signer_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &params![
            push.repository,
            push.user,
            push.at,
            new.sha256.as_slice(),
            new.certificate,
            new.pusher,
            new.nonce_status,
            new.format,
            new.verification,
            new.fingerprint,
            new.signer
        ],
    )?;
    Ok(true)
}

/// Whether a certificate is kept.
pub fn exists(conn: &dyn Connection, sha256: &[u8; 32]) -> Result<bool, Error> {
    let found =
        conn.first("SELECT 1 FROM push_certificate WHERE sha256 = $1", &params![sha256.as_slice()], |_| Ok(()))?;
    Ok(found.is_some())
}

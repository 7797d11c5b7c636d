//! What a signed push proves, and the evidence of it that is kept.
//!
//! Owns the verification of signatures, what is refused, and the row that keeps the certificate. Whose key signed is asked through
//! [`FindSigner`], inside the commit transaction. Refuses to own keys. Called by `forge/pushes.rs`.

use atomicqms_actors::sql::Connection;
use atomicqms_git::receive::{PushCertificate, SignatureFormat};
use sha2::{Digest, Sha256};
use ssh_key::{HashAlg, PublicKey, SshSig};

use super::nonce::NonceStatus;
use crate::db;
use crate::error::Result;
use crate::model::{KeyOwner, UserId};

/// Names the account whose verified signing key has this fingerprint (`SHA256:...`); none: no such key.
pub type FindSigner = fn(&dyn Connection, &str) -> Result<Option<UserId>>;

/// The account that a key was registered for; a deploy key signs for nobody.
pub(super) fn account_of_key(conn: &dyn Connection, fingerprint: &str) -> Result<Option<UserId>> {
    Ok(db::keys::find_by_fingerprint(conn, fingerprint)?.and_then(|key| match key.owner {
        KeyOwner::User(user) => Some(user),
        KeyOwner::Repository(_) => None,
    }))
}

/// The namespace git signs in.
const NAMESPACE: &str = "git";

/// What is known about a signature without knowing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signature {
    /// The key that it names made it.
    Valid {
        /// `SHA256:...`, as `ssh-keygen -l` prints it.
        fingerprint: String,
    },
    /// Of a kind that is kept and not verified here.
    Unverified {
        /// `openpgp` or `x509`.
        format: &'static str,
    },
}

/// A certificate that passed, to be kept with the push.
#[derive(Debug)]
pub(super) struct Evidence {
    certificate: PushCertificate,
    signature: Signature,
    nonce: NonceStatus,
    sha256: [u8; 32],
}

impl Evidence {
    /// Examines a certificate; refused ones answer the reason that the client will read.
    pub(super) fn examine(certificate: PushCertificate, nonce: NonceStatus) -> std::result::Result<Self, String> {
        match nonce {
            NonceStatus::Ok => {}
            NonceStatus::Missing => return Err("the push certificate has no nonce".to_owned()),
            NonceStatus::Bad => return Err("the nonce of the push certificate is not of this repository".to_owned()),
            NonceStatus::Slop { .. } => return Err("the push certificate is too old; push again".to_owned()),
        }
        let signature = verify(&certificate)?;
        let sha256 = Sha256::digest(&certificate.text).into();
        Ok(Self { certificate, signature, nonce, sha256 })
    }

    /// SHA-256 of the certificate, which the ledger names.
    pub(super) fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Keeps the certificate; answers the word for what was verified. Only once for each certificate: a second push with the same one fails.
    ///
    /// Errors: `Conflict` for a certificate that was used before; those of the database.
    pub(super) fn keep(
        &self,
        tx: &dyn Connection,
        push: &db::push_certificates::Push,
        find_signer: FindSigner,
    ) -> Result<&'static str> {
        let (verification, fingerprint, signer) = match &self.signature {
            Signature::Unverified { .. } => ("unverified", None, None),
            Signature::Valid { fingerprint } => match find_signer(tx, fingerprint)? {
                Some(signer) => ("verified", Some(fingerprint.as_str()), Some(signer)),
                None => ("unknown_key", Some(fingerprint.as_str()), None),
            },
        };
        let format = match &self.signature {
            Signature::Valid { .. } => "ssh",
            Signature::Unverified { format } => format,
        };
        let row = db::push_certificates::New {
            sha256: &self.sha256,
            certificate: &self.certificate.text,
            pusher: &self.certificate.pusher,
            nonce_status: self.nonce.as_str(),
            format,
            verification,
            fingerprint,
            signer,
        };
        if db::push_certificates::insert(tx, push, &row)? {
            return Ok(verification);
        }
        Err(crate::error::Error::conflict("this push certificate was used before; push again"))
    }
}

/// Verifies a signature as far as that goes without knowing whose key it is.
fn verify(certificate: &PushCertificate) -> std::result::Result<Signature, String> {
    match certificate.format() {
        None => Err("the push certificate is not signed".to_owned()),
        Some(SignatureFormat::OpenPgp) => Ok(Signature::Unverified { format: "openpgp" }),
        Some(SignatureFormat::X509) => Ok(Signature::Unverified { format: "x509" }),
        Some(SignatureFormat::Ssh) => {
            let invalid =
                |error: ssh_key::Error| format!("the signature of the push certificate is not valid: {error}");
            let signature = SshSig::from_pem(certificate.signature()).map_err(invalid)?;
            let key = PublicKey::from(signature.public_key().clone());
            key.verify(NAMESPACE, certificate.signed(), &signature).map_err(invalid)?;
            Ok(Signature::Valid { fingerprint: key.fingerprint(HashAlg::Sha256).to_string() })
        }
    }
}

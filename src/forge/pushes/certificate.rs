//! What a signed push proves, and the evidence of it that is kept.
//!
//! Owns the verification of signatures, what is refused, and the row that keeps the certificate. Whose key signed is asked through
//! [`FindSigner`], inside the commit transaction. Refuses to own keys. Called by `forge/pushes.rs`.

use atomicqms_actors::sql::Connection;
use atomicqms_git::receive::{PushCertificate, SignatureFormat};
use sha2::{Digest, Sha256};

use super::nonce::NonceStatus;
use crate::db;
use crate::error::Result;
use crate::forge::{Forge, signatures};
use crate::model::UserId;
use crate::model::openpgp::{Detached, Refusal};
use crate::model::signed_object::SshSignature;

/// Names the account that the signing key with this fingerprint (`SHA256:...`, or hex) speaks for; none: no such key.
pub type FindSigner = fn(&dyn Connection, &str) -> Result<Option<UserId>>;

/// What is known about a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signature {
    /// The key that it names made it.
    Valid {
        /// `ssh` or `openpgp`.
        format: &'static str,
        /// `SHA256:...`, as `ssh-keygen -l` prints it, or that of an OpenPGP key in hex.
        fingerprint: String,
    },
    /// Kept and not verified: of a kind that is not verified here, or by an OpenPGP key that speaks for no account.
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
    pub(super) async fn examine(
        forge: &Forge,
        certificate: PushCertificate,
        nonce: NonceStatus,
    ) -> std::result::Result<Self, String> {
        match nonce {
            NonceStatus::Ok => {}
            NonceStatus::Missing => return Err("the push certificate has no nonce".to_owned()),
            NonceStatus::Bad => return Err("the nonce of the push certificate is not of this repository".to_owned()),
            NonceStatus::Slop { .. } => return Err("the push certificate is too old; push again".to_owned()),
        }
        let signature = verify(forge, &certificate).await?;
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
            Signature::Valid { fingerprint, .. } => match find_signer(tx, fingerprint)? {
                Some(signer) => ("verified", Some(fingerprint.as_str()), Some(signer)),
                None => ("unknown_key", Some(fingerprint.as_str()), None),
            },
        };
        let format = match &self.signature {
            Signature::Valid { format, .. } | Signature::Unverified { format } => format,
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

/// Verifies a signature; whose the key is, is asked again in the transaction.
async fn verify(forge: &Forge, certificate: &PushCertificate) -> std::result::Result<Signature, String> {
    const INVALID: &str = "the signature of the push certificate is not valid";
    match certificate.format() {
        None => Err("the push certificate is not signed".to_owned()),
        Some(SignatureFormat::X509) => Ok(Signature::Unverified { format: "x509" }),
        Some(SignatureFormat::OpenPgp) => {
            let (signed, armor) = (certificate.signed().to_vec(), certificate.signature().to_vec());
            let now_s = forge.clock.now().get().div_euclid(1000);
            // One signature, checked where its key is read.
            let checked =
                forge.read("key of a push certificate", move |conn| verify_openpgp(conn, &signed, &armor, now_s));
            let checked = checked.await.map_err(|error| {
                tracing::error!(error.chain = %error.log_line(), "the key of a push certificate could not be looked up");
                error.public().to_owned()
            })?;
            checked.map_err(|refusal| format!("{INVALID}: {refusal}"))
        }
        Some(SignatureFormat::Ssh) => {
            let signature =
                SshSignature::read(certificate.signature()).filter(|one| one.is_right(certificate.signed()));
            let fingerprint = signature.ok_or(INVALID)?.fingerprint();
            Ok(Signature::Valid { format: "ssh", fingerprint })
        }
    }
}

fn verify_openpgp(
    conn: &dyn Connection,
    signed: &[u8],
    armor: &[u8],
    now_s: i64,
) -> Result<std::result::Result<Signature, Refusal>> {
    let Ok(signature) = std::str::from_utf8(armor).map_err(|_| Refusal::Unreadable).and_then(Detached::read) else {
        return Ok(Err(Refusal::Unreadable));
    };
    let mut keys = Vec::new();
    for id in signature.issuers() {
        keys.extend(signatures::list_speaking(conn, id)?);
    }
    Ok(match signature.maker(keys.iter().map(|key| &key.part), signed, now_s) {
        Ok(part) => Ok(Signature::Valid { format: "openpgp", fingerprint: part.fingerprint.clone() }),
        Err(Refusal::NoKey) => Ok(Signature::Unverified { format: "openpgp" }),
        Err(refusal) => Err(refusal),
    })
}

//! Whose signature something carries: commits and tags, by SSH and OpenPGP keys of accounts.
//!
//! Owns the rule: a signature is verified when it is right, was made by a key of an account that could make it then, and the committer's (or
//! tagger's) address is a verified one of that account. Parsing and mathematics are `model`'s. All keys of a list are looked up at once, and
//! everything that takes processor time runs on the blocking pool. Called by the API, and by pushes, whose rules and certificates believe the
//! same keys.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use atomicqms_actors::sql::Connection;

use super::Forge;
use crate::access::Caller;
use crate::access::rights::may_see;
use crate::db;
use crate::error::{Error, Result};
use crate::model::gpg_key::SigningPart;
use crate::model::openpgp::{Detached, Refusal};
use crate::model::signed_object::{SignatureKind, SignedObject, SshSignature};
use crate::model::{KeyOwner, User, UserId};

/// Something signed, and the address of who says to have made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed, and the signature.
    pub object: SignedObject,
    /// The committer's address, or the tagger's, as recorded.
    pub address: String,
}

/// What is known of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the account's.
    Verified {
        /// Whose key made it; none: the caller may not know.
        signer: Option<Box<User>>,
        /// The key: an id in upper-case hex, or `SHA256:...`.
        key: String,
    },
    /// It cannot be read.
    Unreadable,
    /// No account has the address, or none that the caller may know of.
    NoAccount,
    /// The account with the address has no such key, or none that speaks for it.
    NoKey,
    /// The account has such a key, and it did not make this, or could not.
    Wrong,
}

/// Whether the keys of an account prove anything, be they SSH keys or such that speak for it.
fn counts(user: &User) -> bool {
    user.is_active && !user.is_organization
}

/// The keys of these that speak for the accounts they belong to: the account is active, and it has confirmed an address that the key names, or its holder signed
/// a challenge.
fn speaking(conn: &dyn Connection, parts: Vec<SigningPart>) -> Result<Vec<SigningPart>> {
    let mut addresses: HashMap<UserId, Option<Vec<String>>> = HashMap::new();
    let mut speaking = Vec::new();
    for part in parts {
        let own = match addresses.entry(part.user_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(match db::users::find(conn, part.user_id)?.filter(counts) {
                Some(user) => Some(db::email_addresses::list_verified(conn, user.id)?),
                None => None,
            }),
        };
        if own.as_ref().is_some_and(|own| part.is_verified(own)) {
            speaking.push(part);
        }
    }
    Ok(speaking)
}

/// Lists the OpenPGP keys of an id that speak for accounts: what rules and certificates of pushes believe, as the API does.
pub(super) fn list_speaking(conn: &dyn Connection, key_id: &str) -> Result<Vec<SigningPart>> {
    speaking(conn, db::gpg_keys::list_signing(conn, key_id, None)?)
}

/// The account that a key speaks for, by an SSH fingerprint (`SHA256:...`) or an OpenPGP one (hex); a deploy key signs for nobody.
pub(super) fn account_of_key(conn: &dyn Connection, fingerprint: &str) -> Result<Option<UserId>> {
    if !fingerprint.contains(':') {
        let parts = speaking(conn, db::gpg_keys::list_signing_by_fingerprint(conn, fingerprint)?)?;
        return Ok(parts.first().map(|part| part.user_id));
    }
    match db::keys::find_by_fingerprint(conn, fingerprint)?.map(|key| key.owner) {
        Some(KeyOwner::User(user)) => Ok(db::users::find(conn, user)?.filter(counts).map(|user| user.id)),
        Some(KeyOwner::Repository(_)) | None => Ok(None),
    }
}

/// Judges signatures for a caller, in the order they were given.
///
/// Errors: those of the reader pool.
pub async fn judge(forge: &Forge, caller: &Caller, signed: Vec<Signed>) -> Result<Vec<(Signed, Verdict)>> {
    if signed.is_empty() {
        return Ok(Vec::new());
    }
    let read = move || signed.into_iter().map(|one| (Claim::read(&one.object), one)).collect::<Vec<_>>();
    let claims = tokio::task::spawn_blocking(read).await.map_err(Error::internal)?;
    let wanted: BTreeSet<(String, String)> = claims.iter().flat_map(|(claim, one)| claim.wants(&one.address)).collect();
    let known = match wanted.is_empty() {
        true => Known::default(),
        false => {
            let domain = forge.settings.placeholder_domain.clone();
            forge.read("keys of signatures", move |conn| Known::find(conn, wanted, &domain)).await?
        }
    };
    let now_s = forge.clock.now().get().div_euclid(1000);
    let caller = caller.clone();
    let work = move || {
        let judged = claims.into_iter().map(|(claim, one)| {
            let verdict = known.judge(&claim, &one, &caller, now_s);
            (one, verdict)
        });
        judged.collect()
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// What a signature says of itself.
enum Claim {
    OpenPgp(Detached),
    Ssh(Box<SshSignature>),
    Unreadable,
}

impl Claim {
    fn read(object: &SignedObject) -> Self {
        let read = match object.kind() {
            SignatureKind::OpenPgp => {
                std::str::from_utf8(&object.armor).ok().and_then(|text| Detached::read(text).ok()).map(Self::OpenPgp)
            }
            SignatureKind::Ssh => SshSignature::read(&object.armor).map(|read| Self::Ssh(Box::new(read))),
            SignatureKind::Other => None,
        };
        read.unwrap_or(Self::Unreadable)
    }

    /// The keys that may have made it, each with the address that the key's account must have.
    fn wants(&self, address: &str) -> Vec<(String, String)> {
        let keys = match self {
            Self::OpenPgp(signature) => signature.issuers().to_vec(),
            Self::Ssh(signature) => vec![signature.fingerprint()],
            Self::Unreadable => Vec::new(),
        };
        keys.into_iter().map(|key| (address.to_ascii_lowercase(), key)).collect()
    }
}

/// The rows that a list of signatures asks for.
#[derive(Debug, Default)]
struct Known {
    /// Accounts by confirmed address, in lower case, or by the placeholder that stands for one.
    accounts: HashMap<String, User>,
    /// Keys of those accounts that speak for them, by account and key id.
    openpgp: HashMap<(UserId, String), Vec<SigningPart>>,
    /// Those accounts' SSH keys, by account and fingerprint.
    ssh: BTreeSet<(UserId, String)>,
}

impl Known {
    fn find(conn: &dyn Connection, wanted: BTreeSet<(String, String)>, placeholder_domain: &str) -> Result<Self> {
        let addresses: BTreeSet<String> = wanted.iter().map(|(address, _)| address.clone()).collect();
        let addresses: Vec<String> = addresses.into_iter().collect();
        let accounts = db::users::find_all_by_email(conn, &addresses, placeholder_domain)?;
        let mut known = Self { accounts, ..Self::default() };
        let mut verified = HashMap::new();
        for user in known.accounts.values() {
            verified.insert(user.id, db::email_addresses::list_verified(conn, user.id)?);
        }
        for (address, key) in wanted {
            let Some(user) = known.accounts.get(&address).map(|user| user.id) else { continue };
            if key.starts_with("SHA256:") {
                let owner = db::keys::find_by_fingerprint(conn, &key)?.map(|key| key.owner);
                if owner == Some(KeyOwner::User(user)) {
                    known.ssh.insert((user, key));
                }
                continue;
            }
            let own = verified.get(&user).map(Vec::as_slice).unwrap_or_default();
            let mut parts = db::gpg_keys::list_signing(conn, &key, Some(user))?;
            parts.retain(|part| part.is_verified(own));
            known.openpgp.insert((user, key), parts);
        }
        Ok(known)
    }

    fn judge(&self, claim: &Claim, signed: &Signed, caller: &Caller, now_s: i64) -> Verdict {
        if matches!(claim, Claim::Unreadable) {
            return Verdict::Unreadable;
        }
        let Some(account) = self.accounts.get(&signed.address.to_ascii_lowercase()) else { return Verdict::NoAccount };
        let is_seen = may_see(caller, account, false);
        match self.key(claim, account.id, &signed.object.payload, now_s) {
            Ok(key) => Verdict::Verified { signer: is_seen.then(|| Box::new(account.clone())), key },
            // That there is such an account is not told by what its keys did not sign.
            Err(_) if !is_seen => Verdict::NoAccount,
            Err(verdict) => verdict,
        }
    }

    /// The key of an account that made a signature.
    fn key(&self, claim: &Claim, account: UserId, payload: &[u8], now_s: i64) -> std::result::Result<String, Verdict> {
        match claim {
            Claim::Unreadable => Err(Verdict::Unreadable),
            Claim::Ssh(signature) => {
                let key = (account, signature.fingerprint());
                match self.ssh.contains(&key) {
                    false => Err(Verdict::NoKey),
                    true if signature.is_right(payload) => Ok(key.1),
                    true => Err(Verdict::Wrong),
                }
            }
            Claim::OpenPgp(signature) => {
                let keys = signature.issuers().iter().map(|id| (account, id.clone()));
                let parts = keys.filter_map(|key| self.openpgp.get(&key)).flatten().map(|one| &one.part);
                match signature.maker(parts, payload, now_s) {
                    Ok(part) => Ok(part.key_id.clone()),
                    Err(Refusal::NoKey) => Err(Verdict::NoKey),
                    Err(_) => Err(Verdict::Wrong),
                }
            }
        }
    }
}

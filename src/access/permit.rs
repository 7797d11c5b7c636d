//! The proof that the gate was passed, and the second look inside the transaction that uses it.
//!
//! Owns [`Permit`]: it can be made only in this folder, names its action in its type, and is taken by value by every
//! function of `forge` that writes.

use std::marker::PhantomData;
use std::sync::Arc;

use atomicqms_actors::sql::Connection;

use super::authorize::{check_caller, decide};
use super::{Action, Caller, Credential, Principal};
use crate::db;
use crate::error::Error;
use crate::model::{KeyOwner, UtcMs};

/// Leave for one caller to do one action on one thing, once.
///
/// ```compile_fail
/// # use atomicqms::access::{Caller, Permit, action::DeleteRepository};
/// fn forge_one(caller: Caller, subject: atomicqms::access::action::RepositoryAccess) -> Permit<DeleteRepository> {
///     Permit { caller, subject, action: std::marker::PhantomData }
/// }
/// ```
#[derive(Debug)]
pub struct Permit<A: Action> {
    caller: Caller,
    subject: A::Subject,
    action: PhantomData<A>,
}

impl<A: Action> Permit<A> {
    pub(super) fn new(caller: Caller, subject: A::Subject) -> Self {
        Self { caller, subject, action: PhantomData }
    }

    /// Who was let through.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The thing acted on, as it was when the gate looked.
    pub fn subject(&self) -> &A::Subject {
        &self.subject
    }

    /// Gives the permit up for the thing it was about; for reads.
    pub fn into_subject(self) -> A::Subject {
        self.subject
    }

    /// Looks again with the rows of an open transaction: the account may have been disabled, the token revoked, the
    /// level taken or the repository archived since the gate looked, or the token may have run out.
    ///
    /// Errors: as [`super::authorize()`]; `Unauthenticated` when account or token no longer stand.
    pub fn confirm(&self, tx: &dyn Connection, now: UtcMs) -> Result<A::Subject, Error> {
        let revoked = || Error::unauthenticated("credentials are no longer valid");
        let caller = match self.caller.principal() {
            Principal::Anonymous | Principal::Console | Principal::System => self.caller.clone(),
            Principal::DeployKey(seen) => {
                let key = db::keys::find(tx, seen.id)?.filter(|key| key.owner == seen.owner).ok_or_else(revoked)?;
                self.caller.clone().with_fresh_key(Arc::new(key))
            }
            Principal::User(seen) => {
                let user = db::users::find(tx, seen.id)?.filter(|user| user.may_sign_in()).ok_or_else(revoked)?;
                if let Credential::SshKey { id } = self.caller.credential()
                    && !db::keys::find(tx, id)?.is_some_and(|key| key.owner == KeyOwner::User(seen.id))
                {
                    return Err(revoked());
                }
                if let Credential::Token { id, .. } = self.caller.credential() {
                    db::tokens::find(tx, id)?.filter(|token| !token.is_expired(now)).ok_or_else(revoked)?;
                }
                // With sudo the credential is the administrator's, and only an administrator's standing carries it.
                let (holder, seen_holder) = match self.caller.sudo_doer() {
                    Some(doer) => {
                        let now = db::users::find(tx, doer.id)?.filter(|doer| doer.may_sign_in() && doer.is_admin);
                        (now.ok_or_else(revoked)?, doer)
                    }
                    None => (user.clone(), &**seen),
                };
                if self.caller.credential() == Credential::Password
                    && holder.password_version != seen_holder.password_version
                {
                    return Err(revoked());
                }
                self.caller.clone().with_fresh_user(Arc::new(user))
            }
        };
        check_caller(&A::RULE, &caller)?;
        let subject = A::reload(tx, &caller, &self.subject)?.ok_or_else(Error::not_found)?;
        decide(&A::RULE, &caller, &A::facts(&caller, &subject))?;
        Ok(subject)
    }
}

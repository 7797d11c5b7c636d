//! The OpenPGP signatures of pushed commits: which keys they name is known only when they were read, so they are read a second time with the keys at hand.
//!
//! Owns looking those up, once for a push. Whether the keys are still there is asked again in the transaction. Called by `forge/pushes.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::sql::Connection;
use atomicqms_git::{Ingested, View};

use super::{Checked, Fault, finished};
use crate::error::Result;
use crate::forge::intake::{Alarm, Place};
use crate::forge::{Forge, signatures};
use crate::model::gpg_key::SigningPart;

/// What a push holds while it is looked at: its place, and the time it has.
pub(super) struct Held {
    pub(super) _place: Place,
    pub(super) _alarm: Alarm,
    pub(super) interrupt: Arc<AtomicBool>,
}

/// Verifies what rules asked for and waits for keys.
pub(super) async fn verify(
    forge: &Forge,
    view: &Arc<View>,
    mut checked: Checked,
) -> std::result::Result<Checked, Fault> {
    let held = checked.held.take();
    let signatures = || checked.facts.values().filter_map(|facts| facts.signatures.as_ref());
    if signatures().all(|found| found.openpgp.is_empty()) {
        return Ok(checked);
    }
    let issuers: BTreeSet<String> = signatures().flat_map(|found| found.issuers.iter().cloned()).collect();
    let keys = forge.read("keys of commits", move |conn| keys_of(conn, &issuers)).await.map_err(Fault::Server)?;
    let (view, now_s) = (Arc::clone(view), forge.clock.now().get().div_euclid(1000));
    let span = tracing::Span::current();
    let work = tokio::task::spawn_blocking(move || {
        let _entered = span.entered();
        let objects = checked.ingested.as_ref().map_or(&view.odb, Ingested::snapshot);
        let never = AtomicBool::new(false);
        let interrupt = held.as_ref().map_or(&never, |held| &held.interrupt);
        for found in checked.facts.values_mut().filter_map(|facts| facts.signatures.as_mut()) {
            found.verify_openpgp(objects, &keys, now_s, interrupt)?;
        }
        Ok(checked)
    });
    finished(work.await)
}

/// Keys with one of these ids that speak for accounts.
fn keys_of(conn: &dyn Connection, ids: &BTreeSet<String>) -> Result<Vec<SigningPart>> {
    let mut keys = Vec::new();
    for id in ids {
        keys.extend(signatures::list_speaking(conn, id)?);
    }
    Ok(keys)
}

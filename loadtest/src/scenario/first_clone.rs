//! The first clone after a push: nothing that a server prepared for the clone before fits it exactly.
//!
//! Owns the pair of a push and a clone. Only the clone is timed, and only its bytes are counted; the server's CPU covers
//! both, because no one outside of the server can tell them apart. Called by `scenario`.

use std::time::Instant;

use crate::client::Client;
use crate::pack::ObjectId;
use crate::scenario::push::PushState;
use crate::scenario::{Done, read};
use crate::wire::fetch::{self, Extent};

/// One connection's branch and what it clones besides.
#[derive(Debug)]
pub(crate) struct FirstClone {
    push: PushState,
    wants: Vec<ObjectId>,
}

impl FirstClone {
    /// `wants`: what the repository's refs named before the run.
    pub(crate) fn new(push: PushState, wants: &[ObjectId]) -> Self {
        Self { push, wants: wants.to_vec() }
    }

    /// Pushes one commit and clones.
    pub(crate) async fn step(&mut self, client: &mut Client, verify: bool) -> Result<Done, String> {
        self.push.push(client).await?;
        let tip = self.push.tip().ok_or("the push moved nothing")?;
        let wants: Vec<ObjectId> = self.wants.iter().copied().chain([tip]).collect();
        let call = self.push.upload_call(&fetch::request(&wants, &[], Extent::Full))?;
        let start = Instant::now();
        let done = read::receive_pack(client, &call, verify, &mut |_| {}).await?;
        Ok(Done { timed: Some(start.elapsed()), ..done })
    }

    /// Takes a new branch.
    pub(crate) fn restart(&mut self) {
        self.push.restart();
    }
}

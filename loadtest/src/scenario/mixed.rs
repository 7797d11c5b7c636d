//! Users of a forge: most read, some fetch, few clone, fewer push.
//!
//! Owns the shares and whose turn it is. Called by `scenario`.

use crate::client::Client;
use crate::options::Options;
use crate::random::Random;
use crate::scenario::Done;
use crate::scenario::push::PushState;
use crate::scenario::read::{self, Start};
use crate::target::{Call, Target};

/// Classes and their shares in percent.
const SHARES: [(Class, u32); 4] = [(Class::Read, 60), (Class::Fetch, 25), (Class::Clone, 10), (Class::Push, 5)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Read,
    Fetch,
    Clone,
    Push,
}

/// One user.
#[derive(Debug)]
pub(crate) struct Mixed {
    reads: Vec<Call>,
    fetch: Call,
    clone: Call,
    push: PushState,
    class: Class,
    random: Random,
    /// Turns over the paths to read.
    next_read: usize,
}

impl Mixed {
    /// A user of repository `n`.
    ///
    /// Errors: options that make no request.
    pub(crate) fn new(
        options: &Options,
        target: &Target,
        n: usize,
        start: &Start,
        push: PushState,
    ) -> Result<Self, String> {
        let reads: Result<Vec<Call>, String> =
            options.read.iter().map(|path| read::get_call(options, target, n, path)).collect();
        let reads = reads?;
        if reads.is_empty() {
            return Err("mixed needs at least one --read path".into());
        }
        let behind = start.behind.as_deref().ok_or("the repository has no commit to be behind of")?;
        Ok(Self {
            reads,
            fetch: read::upload_call(options, target, n, behind)?,
            clone: read::upload_call(options, target, n, &start.request)?,
            push,
            class: Class::Read,
            random: Random::new()?,
            next_read: n,
        })
    }

    /// Does what comes next.
    pub(crate) async fn step(&mut self, client: &mut Client, verify: bool) -> Result<Done, String> {
        self.class = class_of(self.random.below(100));
        match self.class {
            Class::Read => {
                self.next_read = (self.next_read + 1) % self.reads.len();
                let Some(call) = self.reads.get(self.next_read) else { return Err("nothing to read".into()) };
                read::plain(client, call).await
            }
            Class::Fetch => read::receive_pack(client, &self.fetch, verify, &mut |_| {}).await,
            Class::Clone => read::receive_pack(client, &self.clone, verify, &mut |_| {}).await,
            Class::Push => self.push.push(client).await,
        }
    }

    /// What was done last.
    pub(crate) fn class(&self) -> &'static str {
        match self.class {
            Class::Read => "read",
            Class::Fetch => "fetch",
            Class::Clone => "clone",
            Class::Push => "push",
        }
    }

    /// Takes a new branch.
    pub(crate) fn restart(&mut self) {
        self.push.restart();
    }
}

/// The class of a number from 0 to 99.
fn class_of(mut number: u32) -> Class {
    for (class, share) in SHARES {
        if number < share {
            return class;
        }
        number -= share;
    }
    Class::Read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_those_asked_for() {
        let count = |wanted: Class| (0..100).filter(|n| class_of(*n) == wanted).count();
        assert_eq!([Class::Read, Class::Fetch, Class::Clone, Class::Push].map(count), [60, 25, 10, 5]);
    }
}

//! What names a kept answer.
//!
//! Owns the parts that an answer depends on: repository, refs, HEAD and question. Nothing about who asks: whoever may read a repository may
//! read all that its refs reach.

use atomicqms_git::View;
use atomicqms_git::upload::Question;
use sha2::{Digest, Sha256};

use crate::model::RepoId;

/// The name of an answer, good in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    repository: RepoId,
    /// [`atomicqms_git::RefTable::id`]: after any change of a ref it is another one.
    refs: u64,
    /// Of HEAD and the question: a client that could make two questions collide would only mislead itself.
    digest: [u8; 32],
}

impl Key {
    /// Names the answer to a question about a view.
    pub fn new(repository: RepoId, view: &View, question: &Question) -> Self {
        let mut digest = Sha256::new();
        digest.update(view.head.as_str().as_bytes());
        // No name holds it.
        digest.update([0]);
        digest.update(question.as_bytes());
        Self { repository, refs: view.refs.id(), digest: digest.finalize().into() }
    }
}

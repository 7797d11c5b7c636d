//! What is known of the signature of a commit.
//!
//! Owns the one place where that is found out; everything that shows a commit asks here.

use super::commit_text::CommitText;
use super::json::VerificationJson;

/// The facts of a commit's signature. Signatures are shown, not yet checked: the reasons are those Gitea has for a signature it has no key for.
pub(super) fn of_commit(commit: &CommitText) -> VerificationJson {
    let reason = match commit.signature {
        Some(_) => "gpg.error.no_gpg_keys_found",
        None => "gpg.error.not_signed_commit",
    };
    VerificationJson {
        verified: false,
        reason,
        signature: commit.signature.clone().unwrap_or_default(),
        signer: None,
        payload: commit.payload.clone(),
    }
}

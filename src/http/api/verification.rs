//! What is known of the signatures of commits and tags.
//!
//! Owns the words for it, which are Gitea's. What is verified is `forge/signatures.rs`'s to say; everything that shows a commit asks here, once for all
//! that it shows.

use super::commit_text::{CommitText, TagText};
use super::json::{PayloadUserJson, VerificationJson};
use crate::access::Caller;
use crate::error::Result;
use crate::forge::signatures::{self, Signed, Verdict};
use crate::http::App;

/// Nothing is signed.
pub(super) fn unsigned() -> VerificationJson {
    VerificationJson {
        verified: false,
        reason: "gpg.error.not_signed_commit".to_owned(),
        signature: String::new(),
        signer: None,
        payload: String::new(),
    }
}

/// What a commit's signature asks; it is taken out, so that nothing is copied.
pub(super) fn of_commit(commit: &mut CommitText) -> Option<Signed> {
    Some(Signed { object: commit.signed.take()?, address: commit.committer.email.clone() })
}

/// What a tag's own signature asks.
pub(super) fn of_tag(tag: &mut TagText) -> Option<Signed> {
    let object = tag.signed.take()?;
    Some(Signed { object, address: tag.tagger.as_ref().map(|tagger| tagger.email.clone()).unwrap_or_default() })
}

/// The facts of signatures, in their order.
///
/// Errors: those of the reader pool.
pub(super) async fn judge(
    app: &App,
    caller: &Caller,
    signed: impl IntoIterator<Item = Option<Signed>>,
) -> Result<Vec<VerificationJson>> {
    let mut rows = Vec::new();
    let mut asked = Vec::new();
    for (at, signed) in signed.into_iter().enumerate() {
        rows.push(unsigned());
        asked.extend(signed.map(|signed| (at, signed)));
    }
    let (places, asked): (Vec<usize>, Vec<Signed>) = asked.into_iter().unzip();
    let judged = signatures::judge(&app.forge, caller, asked).await?;
    for (at, (signed, verdict)) in places.into_iter().zip(judged) {
        if let Some(row) = rows.get_mut(at) {
            *row = render(&signed, &verdict);
        }
    }
    Ok(rows)
}

fn render(signed: &Signed, verdict: &Verdict) -> VerificationJson {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let signer = match verdict {
        Verdict::Verified { signer: Some(user), .. } => Some(user.name.to_string()),
        _ => None,
    };
    let reason = match verdict {
        Verdict::Verified { key, .. } => signer.as_ref().map_or_else(|| key.clone(), |name| format!("{name} / {key}")),
        Verdict::Unreadable => "gpg.error.extract_sign".to_owned(),
        Verdict::NoAccount => "gpg.error.no_committer_account".to_owned(),
        Verdict::NoKey => "gpg.error.no_gpg_keys_found".to_owned(),
        Verdict::Wrong => "gpg.error.probable_bad_signature".to_owned(),
    };
    VerificationJson {
        verified: matches!(verdict, Verdict::Verified { .. }),
        reason,
        signature: text(&signed.object.armor).trim_end().to_owned(),
        // The address is the one recorded, which is the account's: its others may be private.
        signer: signer.map(|name| PayloadUserJson {
            name: name.clone(),
            email: signed.address.clone(),
            username: name,
        }),
        payload: text(&signed.object.payload),
    }
}

//! Owns the rules for names of refs: those of git-check-ref-format(1), plus UTF-8 and lengths that fit on disk. Refuses to know which
//! names a caller may touch.

use std::sync::Arc;

use crate::error::{Error, Result};

/// Longest component: a file name may have 255 bytes on the file systems we care for, and git adds `.lock`.
const MAX_COMPONENT_BYTES: usize = 250;
/// Longest name; leaves room for the path of the repository under PATH_MAX.
const MAX_NAME_BYTES: usize = 1024;

/// A validated full ref name, cheap to clone.
///
/// Shape: starts with `refs/`, UTF-8, passes `git check-ref-format`, components of at most 250 bytes, at most 1024 bytes in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(Arc<str>);

/// The rule that a refused ref name breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefNameFault {
    /// It does not start with `refs/`.
    #[error("does not start with refs/")]
    NotUnderRefs,
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It, or one of its components, is too long.
    #[error("is too long")]
    TooLong,
    /// A component is empty: a slash at the start, at the end or doubled.
    #[error("has an empty component")]
    EmptyComponent,
    /// A component starts with a dot.
    #[error("has a component starting with a dot")]
    LeadingDot,
    /// A component ends with `.lock`.
    #[error("has a component ending with .lock")]
    LockSuffix,
    /// It holds `..`.
    #[error("contains '..'")]
    DoubleDot,
    /// It ends with a dot.
    #[error("ends with a dot")]
    TrailingDot,
    /// It holds `@{`.
    #[error("contains '@{{'")]
    AtBrace,
    /// It holds a control character, a space or one of `~^:?*[\`.
    #[error("contains a forbidden character")]
    BadCharacter,
}

impl RefName {
    /// Validates a full name.
    ///
    /// Errors: `BadRefName`.
    /// Source: git-check-ref-format(1).
    pub fn new(name: &str) -> Result<RefName> {
        match fault(name) {
            None => Ok(RefName(name.into())),
            Some(fault) => Err(Error::BadRefName { name: name.into(), fault }),
        }
    }

    /// Validates a name as it came over the wire or from a file.
    ///
    /// Errors: `BadRefName`.
    pub fn from_bytes(name: &[u8]) -> Result<RefName> {
        match std::str::from_utf8(name) {
            Ok(name) => RefName::new(name),
            Err(_) => {
                let name = String::from_utf8_lossy(name).into_owned();
                Err(Error::BadRefName { name, fault: RefNameFault::NotUtf8 })
            }
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The part after `refs/heads/`, if this is a branch.
    pub fn branch(&self) -> Option<&str> {
        self.0.strip_prefix("refs/heads/")
    }

    /// The part after `refs/tags/`, if this is a tag.
    pub fn tag(&self) -> Option<&str> {
        self.0.strip_prefix("refs/tags/")
    }

    /// Why no new ref should have this name although git takes it; `None` when there is no reason.
    ///
    /// Shape: a branch or tag named like an object id would be found in its place, one named `HEAD` or `@` in place of the current branch, and one that begins with a
    /// dash is taken for an option by programs.
    pub fn misleads(&self) -> Option<&'static str> {
        let below = self.0.strip_prefix("refs/")?;
        if below.starts_with('-') || below.split_once('/').is_some_and(|(_, name)| name.starts_with('-')) {
            return Some("a name must not begin with a dash");
        }
        let name = self.branch().or_else(|| self.tag())?;
        let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        match name {
            "HEAD" | "@" => Some("this name stands for the current branch"),
            // SHA-1 and SHA-256.
            _ if is_hex && matches!(name.len(), 40 | 64) => Some("a name must not look like the id of an object"),
            _ => None,
        }
    }

    /// The name without `refs/heads/`, `refs/tags/` or `refs/`.
    pub fn short(&self) -> &str {
        self.branch().or_else(|| self.tag()).or_else(|| self.0.strip_prefix("refs/")).unwrap_or(&self.0)
    }

    /// Says whether this is a name like `refs/stash`, which git keeps for itself and never accepts by push.
    pub fn is_one_level(&self) -> bool {
        self.0.bytes().filter(|b| *b == b'/').count() < 2
    }
}

impl std::fmt::Display for RefName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for RefName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RefName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for RefName {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        RefName::new(s)
    }
}

/// Finds the first rule that `name` breaks.
fn fault(name: &str) -> Option<RefNameFault> {
    if !name.starts_with("refs/") {
        return Some(RefNameFault::NotUnderRefs);
    }
    if name.len() > MAX_NAME_BYTES {
        return Some(RefNameFault::TooLong);
    }
    for component in name.split('/') {
        if component.is_empty() {
            return Some(RefNameFault::EmptyComponent);
        }
        if component.starts_with('.') {
            return Some(RefNameFault::LeadingDot);
        }
        if component.ends_with(".lock") {
            return Some(RefNameFault::LockSuffix);
        }
        if component.len() > MAX_COMPONENT_BYTES {
            return Some(RefNameFault::TooLong);
        }
    }
    if name.contains("..") {
        return Some(RefNameFault::DoubleDot);
    }
    if name.contains("@{") {
        return Some(RefNameFault::AtBrace);
    }
    if name.bytes().any(|b| b < 0x20 || b == 0x7f || b" ~^:?*[\\".contains(&b)) {
        return Some(RefNameFault::BadCharacter);
    }
    if name.ends_with('.') {
        return Some(RefNameFault::TrailingDot);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testgit::{Random, TestRepo};

    #[test]
    fn faults_are_named() {
        let fault = |name: &str| match RefName::new(name) {
            Err(Error::BadRefName { fault, .. }) => fault,
            other => panic!("{name:?}: {other:?}"),
        };
        assert_eq!(fault("heads/x"), RefNameFault::NotUnderRefs);
        assert_eq!(fault("refs/heads/../x"), RefNameFault::LeadingDot);
        assert_eq!(fault("refs/heads/a..b"), RefNameFault::DoubleDot);
        assert_eq!(fault("refs/heads//x"), RefNameFault::EmptyComponent);
        assert_eq!(fault("refs/heads/"), RefNameFault::EmptyComponent);
        assert_eq!(fault("refs/heads/x.lock"), RefNameFault::LockSuffix);
        assert_eq!(fault("refs/heads/x.lock/y"), RefNameFault::LockSuffix);
        assert_eq!(fault("refs/heads/x."), RefNameFault::TrailingDot);
        assert_eq!(fault("refs/heads/@{x"), RefNameFault::AtBrace);
        assert_eq!(fault("refs/heads/a b"), RefNameFault::BadCharacter);
        assert_eq!(fault("refs/heads/a\u{7f}"), RefNameFault::BadCharacter);
        assert_eq!(fault(&format!("refs/heads/{}", "x".repeat(251))), RefNameFault::TooLong);
        assert_eq!(fault(&format!("refs/heads{}", "/x".repeat(600))), RefNameFault::TooLong);
        let not_text = RefName::from_bytes(b"refs/heads/\xff");
        assert!(matches!(not_text, Err(Error::BadRefName { fault: RefNameFault::NotUtf8, .. })));
        assert!(RefName::new("refs/stash").unwrap().is_one_level());
        assert!(!RefName::new("refs/heads/x").unwrap().is_one_level());
        assert_eq!(RefName::new("refs/heads/a/b").unwrap().short(), "a/b");
        assert_eq!(RefName::new("refs/pull/1/head").unwrap().short(), "pull/1/head");
    }

    /// Pieces that meet every rule from both sides, put together at random; git judges each name.
    #[test]
    fn agrees_with_git_check_ref_format() {
        const PIECES: [&str; 24] = [
            "a", "B", "/", ".", "..", ".lock", "lock", "@", "{", "@{", "-", "~", "^", ":", "?", "*", "[", "]", "\\",
            " ", "\x01", "\x7f", "ü", "x.lock/",
        ];
        let repo = TestRepo::new();
        let mut random = Random::new(7);
        for _ in 0..250 {
            let len = 1 + random.below(5);
            let tail: String = (0..len).map(|_| PIECES[random.below(PIECES.len())]).collect();
            let name = format!("refs/{}{tail}", if random.chance(50) { "heads/" } else { "" });
            let (git, ..) = repo.run(&["check-ref-format", &name], b"", &[]);
            assert_eq!(RefName::new(&name).is_ok(), git, "{name:?}");
        }
    }
}

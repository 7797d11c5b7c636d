//! Owns the question whether some file system takes a name for `.git`, `.gitmodules` and their like. Refuses to judge modes.
//!
//! Source: git 2.39, path.c (`is_ntfs_dotgit`, `is_ntfs_dot_generic`) and utf8.c (`is_hfs_dot_generic`).

/// A name that git gives a meaning, with the prefix of its last-resort short name on NTFS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Special {
    name: &'static [u8],
    short: &'static [u8; 6],
}

pub(super) const GITMODULES: Special = Special { name: b"gitmodules", short: b"gi7eba" };
pub(super) const GITATTRIBUTES: Special = Special { name: b"gitattributes", short: b"gi7d29" };
pub(super) const GITIGNORE: Special = Special { name: b"gitignore", short: b"gi250a" };
pub(super) const MAILMAP: Special = Special { name: b"mailmap", short: b"maba30" };

/// Says whether any question of this module can have the answer yes; it hardly ever does, and trees have many names.
pub(super) fn is_suspicious(name: &[u8]) -> bool {
    let first = name.first().copied().unwrap_or(0);
    first >= 0x80 || b".gGmM~".contains(&first) || name.contains(&b'\\')
}

/// Says whether some system cannot store a name, or stores it as another one: Windows separates by backslashes and drops dots and blanks at the end; control characters
/// change what a list of files says.
pub(super) fn is_unportable(name: &[u8]) -> bool {
    matches!(name.last(), Some(b'.' | b' ')) || name.iter().any(|byte| *byte == b'\\' || byte.is_ascii_control())
}

/// Says whether HFS+ or NTFS takes `name` for `.git`.
pub(super) fn is_dotgit(name: &[u8]) -> bool {
    is_hfs_dot(name, b"git") || is_ntfs_dotgit(name)
}

/// Says whether HFS+ or NTFS takes `name` for a dot file.
pub(super) fn is_dot_file(name: &[u8], special: Special) -> bool {
    is_hfs_dot(name, special.name) || is_ntfs_dot_file(name, special)
}

/// NTFS: `.git` or its short name `git~1`, followed by dots, spaces, a stream name or a separator.
pub(super) fn is_ntfs_dotgit(name: &[u8]) -> bool {
    let rest = strip_prefix_ignoring_case(name, b".git").or_else(|| strip_prefix_ignoring_case(name, b"git~1"));
    let Some(rest) = rest else { return false };
    match rest.iter().find(|b| !matches!(b, b'.' | b' ')) {
        None => true,
        Some(end) => matches!(end, b'\\' | b'/' | b':'),
    }
}

/// NTFS: the dot file itself, its regular short name (`GITMOD~1`) or its last-resort short name (`GI7EBA~1`).
pub(super) fn is_ntfs_dot_file(name: &[u8], special: Special) -> bool {
    let dotted = name.strip_prefix(b".").and_then(|rest| strip_prefix_ignoring_case(rest, special.name));
    if let Some(rest) = dotted {
        return is_ignored_tail(rest);
    }
    let regular = special.name.get(..6).and_then(|prefix| strip_prefix_ignoring_case(name, prefix));
    if let Some([b'~', b'1'..=b'4', rest @ ..]) = regular {
        return is_ignored_tail(rest);
    }
    is_last_resort(name, special.short)
}

/// Up to six bytes of the hashed prefix, a tilde, then digits, eight bytes in all.
fn is_last_resort(name: &[u8], short: &[u8; 6]) -> bool {
    let Some((head, tail)) = name.split_at_checked(8) else { return false };
    let Some(tilde) = head.iter().position(|b| *b == b'~') else { return false };
    let (prefix, digits) = head.split_at(tilde);
    let digits = digits.get(1..).unwrap_or_default();
    short.get(..tilde).is_some_and(|short| short.eq_ignore_ascii_case(prefix))
        && digits.first().is_some_and(|first| *first != b'0')
        && digits.iter().all(u8::is_ascii_digit)
        && is_ignored_tail(tail)
}

/// What NTFS drops from the end of a name: spaces, dots and stream names.
fn is_ignored_tail(rest: &[u8]) -> bool {
    rest.iter().find(|b| !matches!(b, b'.' | b' ')).is_none_or(|end| *end == b':')
}

/// HFS+: compares without case and without ignorable code points; bytes that are no UTF-8 end the name, as in git.
fn is_hfs_dot(name: &[u8], needle: &[u8]) -> bool {
    let valid = name.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let mut chars = valid.chars().take_while(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).filter(|c| !is_hfs_ignored(*c));
    if chars.next() != Some('.') {
        return false;
    }
    for byte in needle {
        if !chars.next().is_some_and(|c| c.is_ascii() && c.to_ascii_lowercase() == char::from(*byte)) {
            return false;
        }
    }
    matches!(chars.next(), None | Some('/'))
}

fn is_hfs_ignored(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn strip_prefix_ignoring_case<'a>(name: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = name.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotgit_in_disguise() {
        for name in [
            ".git",
            ".GIT",
            ".Git",
            ".git ",
            ".git.",
            ".git . .",
            ".git:stream",
            ".git::$INDEX_ALLOCATION",
            "git~1",
            "GIT~1",
            "GIT~1.",
            ".git\\x",
            ".g\u{200c}it",
            "\u{feff}.git",
            ".gi\u{206f}T",
            ".git\u{200d}",
        ] {
            assert!(is_dotgit(name.as_bytes()) && is_suspicious(name.as_bytes()), "{name:?}");
        }
        assert!(is_dotgit(b".git\xff"), "what is no UTF-8 ends the name");
        for name in
            ["git", ".gitx", ".git x", "git~2", "git~10", ".gít", "..git", ".gi", "", ".", "x.git", ".gitignore"]
        {
            assert!(!is_dotgit(name.as_bytes()), "{name:?}");
        }
    }

    #[test]
    fn gitmodules_in_disguise() {
        for name in [
            ".gitmodules",
            ".GITMODULES",
            ".gitmodules .",
            ".gitmodules:x",
            "gitmod~1",
            "GITMOD~4",
            "GITMOD~1 ",
            "gi7eba~1",
            "GI7EBA~9",
            "GI7EB~10",
            "gi7~1234",
            "~1000000",
            "~9999999",
            ".gitmodules\u{200c}",
        ] {
            assert!(is_dot_file(name.as_bytes(), GITMODULES) && is_suspicious(name.as_bytes()), "{name:?}");
        }
        for name in [
            "gitmodules",
            ".gitmodule",
            ".gitmodulesx",
            "gitmod~5",
            "gitmod~0",
            "gitmod~1x",
            "gi7eba~0",
            "gi7eba~",
            "gi7eba~1x",
            "gi7ebb~1",
            "GI7EB~1",
            "~0000001",
            "gi7~12345x",
            ".git",
        ] {
            assert!(!is_dot_file(name.as_bytes(), GITMODULES), "{name:?}");
        }
        for name in [&b"maba30~1"[..], b"MAILMA~1", b"\\x", b"a\\.git"] {
            assert!(is_suspicious(name), "{name:?}");
        }
        assert!(!is_suspicious(b"README.md") && !is_suspicious(b""));
        assert!(is_dot_file(b"gitatt~1", GITATTRIBUTES));
        assert!(is_dot_file(b"gi7d29~1", GITATTRIBUTES));
        assert!(is_dot_file(b"gi250a~1", GITIGNORE));
        assert!(is_dot_file(b"maba30~1", MAILMAP));
        assert!(is_dot_file(b".mailmap", MAILMAP));
    }
}

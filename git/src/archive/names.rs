//! Owns what the entries of an archive are called where their own name could lead out of the place they are unpacked to, because a system reads
//! more in it than git does: backslashes as slashes, drives, dots and blanks at the end. Refuses to know trees and formats. Called by the walk.
//!
//! Git lets such names into trees, and they are ordinary ones where only slashes divide paths. A zip has no other dividers than slashes by its definition, so
//! backslashes never stay there; a tar keeps every name that does no harm, so that it equals git's.
//!
//! Source: APPNOTE.TXT of PKWARE 4.4.17, "Naming Files, Paths, and Namespaces" of Windows.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

/// Other names for those of one directory that cannot stay, each there once. `keeps_backslashes`: where they do no harm.
pub(super) fn renamed<'n>(
    names: impl Iterator<Item = &'n [u8]> + Clone,
    keeps_backslashes: bool,
) -> HashMap<&'n [u8], Vec<u8>> {
    let must_go = |name: &&[u8]| leads_out(name) || (!keeps_backslashes && name.contains(&b'\\'));
    let mut renamed = HashMap::new();
    if !names.clone().any(|name| must_go(&name)) {
        return renamed;
    }
    let mut taken: HashSet<Cow<'_, [u8]>> = names.clone().map(Cow::Borrowed).collect();
    // The next number for each name, so that many that fall together cost no more than their count.
    let mut next: HashMap<Vec<u8>, u64> = HashMap::new();
    for name in names.filter(must_go) {
        let plain = harmless(name);
        let number = next.entry(plain.clone()).or_insert(1);
        let mut candidate = plain.clone();
        while !taken.insert(Cow::Owned(candidate.clone())) {
            *number = number.saturating_add(1);
            candidate = [&plain[..], format!("~{number}").as_bytes()].concat();
        }
        renamed.insert(name, candidate);
    }
    renamed
}

/// Whether a name could be read as a way to somewhere else.
fn leads_out(name: &[u8]) -> bool {
    names_drive(name) || name.first() == Some(&b'\\') || name.split(|byte| *byte == b'\\').any(is_upwards)
}

/// A letter and a colon at the begin.
fn names_drive(name: &[u8]) -> bool {
    matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// Whether a part of a path is, or becomes when dots, blanks and streams (`:name`) at its end are dropped, the directory above.
fn is_upwards(part: &[u8]) -> bool {
    let head = part.split(|byte| *byte == b':').next().unwrap_or_default();
    head.iter().all(|byte| matches!(byte, b'.' | b' ')) && head.iter().filter(|byte| **byte == b'.').count() > 1
}

/// The name with underscores in place of what does harm.
fn harmless(name: &[u8]) -> Vec<u8> {
    let mut plain: Vec<u8> = name.iter().map(|byte| if *byte == b'\\' { b'_' } else { *byte }).collect();
    if let Some(colon) = plain.get_mut(1).filter(|_| names_drive(name)) {
        *colon = b'_';
    }
    if is_upwards(&plain) {
        plain.iter_mut().filter(|byte| **byte == b'.').for_each(|byte| *byte = b'_');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[&str], keeps_backslashes: bool) -> Vec<String> {
        let bytes: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        let renamed = renamed(bytes.iter().copied(), keeps_backslashes);
        let shown = bytes.iter().map(|name| renamed.get(name).map_or(*name, |other| &other[..]));
        shown.map(|name| String::from_utf8(name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn names_by_table() {
        // In a zip, and in a tar.
        let table = [
            ("a.txt", "a.txt", "a.txt"),
            ("..a", "..a", "..a"),
            (".a.", ".a.", ".a."),
            ("10:30", "10:30", "10:30"),
            ("dev\\x2dhuge", "dev_x2dhuge", "dev\\x2dhuge"),
            ("..\\..\\evil.txt", ".._.._evil.txt", ".._.._evil.txt"),
            ("a\\..\\..\\b", "a_.._.._b", "a_.._.._b"),
            ("\\evil", "_evil", "_evil"),
            ("\\\\host\\share", "__host_share", "__host_share"),
            ("C:\\evil", "C__evil", "C__evil"),
            ("c:evil", "c_evil", "c_evil"),
            ("..\\", ".._", ".._"),
            (".. ", "__ ", "__ "),
            ("...", "___", "___"),
            (". .", "_ _", "_ _"),
            ("..::$DATA", "__::$DATA", "__::$DATA"),
            ("..:a\\b", "__:a_b", "__:a_b"),
        ];
        for (name, in_zip, in_tar) in table {
            assert_eq!(all(&[name], false), [in_zip], "{name}");
            assert_eq!(all(&[name], true), [in_tar], "{name}");
            assert!(!leads_out(in_zip.as_bytes()) && !leads_out(in_tar.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_that_fall_together_stay_apart() {
        let names = ["a\\b\\c", "a\\b_c", "a_b\\c", "a_b_c", "a_b_c~2", "x"];
        let shown = all(&names, false);
        assert_eq!(shown, ["a_b_c~3", "a_b_c~4", "a_b_c~5", "a_b_c", "a_b_c~2", "x"]);
        // All the ways of writing one name: no work beyond their number.
        let many: Vec<String> = (0..1_u32 << 14)
            .map(|bits| (0..14).map(|at| if bits >> at & 1 == 0 { '_' } else { '\\' }).collect())
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let shown: HashSet<String> = all(&many, false).into_iter().collect();
        assert_eq!(shown.len(), many.len());
        assert!(!shown.iter().any(|name| name.contains('\\')));
    }
}

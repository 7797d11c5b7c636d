//! Comparing and merging contents that peers chose.

use std::sync::atomic::AtomicBool;

use crate::{
    diff::{
        lines::{LineOptions, Lines, diff_lines},
        patch::create_delta,
    },
    maintenance::DeltaIndex,
    merge::{ConflictStyle, Joining, Labels, LineDiff, TextOptions, merge_text},
    pack::delta,
};

/// Three contents, one after the other with a zero byte in between.
pub(super) fn changes(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (base, ours, theirs) = (next(), next(), next());
    diff(base, ours);
    merge(base, ours, theirs);
    deltas(base, ours);
}

/// The hunks turn one text into the other.
fn diff(before: &[u8], after: &[u8]) {
    let go = AtomicBool::new(false);
    let (left, right) = (Lines::new(before), Lines::new(after));
    let hunks = diff_lines(&left, &right, &LineOptions::default(), &go).unwrap();
    let (mut out, mut at) = (Vec::new(), 0);
    for hunk in &hunks {
        assert!(hunk.before.start >= at);
        (at..hunk.before.start).for_each(|line| out.extend_from_slice(left.get(line)));
        hunk.after.clone().for_each(|line| out.extend_from_slice(right.get(line)));
        at = hunk.before.end;
    }
    (at..left.len()).for_each(|line| out.extend_from_slice(left.get(line)));
    assert!(out == after);
}

/// A side that changed nothing takes no part, and two that changed the same agree.
fn merge(base: &[u8], ours: &[u8], theirs: &[u8]) {
    let go = AtomicBool::new(false);
    for (diff, style) in [(LineDiff::Myers, ConflictStyle::Merge), (LineDiff::Histogram, ConflictStyle::Diff3)] {
        let labels = Labels { base: b"base", ours: b"ours", theirs: b"theirs" };
        let options = TextOptions { diff, style, joining: Joining::default(), marker_size: 7, labels };
        let merge = |base, ours, theirs| merge_text(base, ours, theirs, &options, &go).unwrap();
        let all = merge(base, ours, theirs);
        assert!(all.content.len() <= 4 * (base.len() + ours.len() + theirs.len()) + 64 * (1 + all.conflicts));
        assert_eq!(merge(base, ours, base).content, ours);
        assert_eq!(merge(base, base, theirs).content, theirs);
        assert_eq!(merge(base, ours, ours).content, ours);
        // How many conflicts there are may depend on which side is whose, in git as well; not whether there are any.
        assert_eq!(merge(base, theirs, ours).conflicts == 0, all.conflicts == 0);
    }
}

/// Deltas that we make lead to what they were made for.
fn deltas(base: &[u8], target: &[u8]) {
    let mut out = Vec::new();
    if let Some(made) = DeltaIndex::new(base).and_then(|index| index.delta(base, target, 1 << 20)) {
        delta::apply(base, &made, &mut out).unwrap();
        assert!(out == target);
    }
    let made = create_delta(base, target, 1 << 20, &AtomicBool::new(false)).unwrap();
    if let Some(made) = made {
        delta::apply(base, &made, &mut out).unwrap();
        assert!(out == target);
    }
}

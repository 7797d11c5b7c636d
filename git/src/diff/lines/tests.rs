//! The laws of a line diff on any text. That hunks are git's is tested with whole patches, in `diff::tests`.

use proptest::prelude::*;

use super::*;

static CALM: AtomicBool = AtomicBool::new(false);

fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec!["a\n", "b\n", "c\n", "\n", "  d\n", "}\n", "\t\n", "x", "\r\n"]);
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.concat().into_bytes())
}

proptest! {
    #[test]
    fn hunks_turn_one_text_into_the_other(before in text(), after in text()) {
        let (old, new) = (Lines::new(&before), Lines::new(&after));
        let hunks = diff_lines(&old, &new, &LineOptions::default(), &CALM).unwrap();
        let mut out = Vec::new();
        let mut next = 0;
        for hunk in &hunks {
            prop_assert!(hunk.before.start >= next && !(hunk.before.is_empty() && hunk.after.is_empty()));
            (next..hunk.before.start).for_each(|line| out.extend_from_slice(old.get(line)));
            hunk.after.clone().for_each(|line| out.extend_from_slice(new.get(line)));
            next = hunk.before.end;
        }
        (next..old.len()).for_each(|line| out.extend_from_slice(old.get(line)));
        prop_assert_eq!(out, after);
    }

    #[test]
    fn a_common_tail_is_cut_at_a_line(head in text(), other in text(), tail in prop::collection::vec(any::<u8>(), 0..5000)) {
        let (before, after) = ([&head[..], &tail].concat(), [&other[..], &tail].concat());
        let (a, b) = without_common_tail(&before, &after);
        prop_assert_eq!(before.len() - a.len(), after.len() - b.len());
        prop_assert_eq!(&before[a.len()..], &after[b.len()..]);
        prop_assert!(a.len() == before.len() || a.ends_with(b"\n"));
    }
}

#[test]
fn lines_keep_their_newlines() {
    let lines = Lines::new(b"a\n\nb");
    assert_eq!(lines.iter().collect::<Vec<_>>(), [&b"a\n"[..], b"\n", b"b"]);
    assert_eq!(lines.get(3), b"");
    assert!(Lines::new(b"").is_empty());
}

#[test]
fn a_group_slides_to_where_indentation_suggests() {
    let before = b"/*\n * a\n */\nfoo\n\n/*\n * c\n */\nbar\n";
    let after = b"/*\n * a\n */\nfoo\n\n/*\n * b\n */\nbaz\n\n/*\n * c\n */\nbar\n";
    let with = |indent_heuristic| {
        let options = LineOptions { indent_heuristic, ..LineOptions::default() };
        diff_texts(before, after, &options, &CALM).unwrap()
    };
    assert_eq!(with(true), [Hunk { before: 5..5, after: 5..10 }]);
    assert_eq!(with(false), [Hunk { before: 6..6, after: 6..11 }]);
}

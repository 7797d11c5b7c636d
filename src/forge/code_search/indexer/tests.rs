//! Which repositories are behind, as plain data.

use super::*;
use crate::db::testing::oid;

#[test]
fn what_moved_went_or_was_begun_is_behind() {
    let repo = RepoId::new;
    let tips = [(repo(1), Some(oid(1))), (repo(2), Some(oid(2))), (repo(3), None), (repo(5), None), (repo(6), Some(oid(6)))];
    let known = [
        (repo(1), Some(oid(1)), true),
        (repo(2), Some(oid(9)), true),
        (repo(4), Some(oid(4)), true),
        (repo(5), Some(oid(5)), true),
        (repo(6), None, true),
    ];
    assert_eq!(behind(&tips, &known, true), [2, 5, 6, 4].map(repo));
    assert_eq!(behind(&tips[..1], &known[..1], false), [repo(1)]);
    assert_eq!(behind(&tips, &[], true), [1, 2, 6].map(repo));
}

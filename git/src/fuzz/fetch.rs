//! What a server says to us who fetch: its first answer, its list of refs, its pack in bands.

use super::{blames_the_peer, first};
use crate::{
    error::Result,
    fetch::{Advertisement, Listing, Opening, PackAnswer, ls_refs},
};

/// Lines that are read of one answer.
const LIMIT: u64 = 1000;

/// However an answer is cut, it is understood in the same way, and no error of it is ours.
pub(super) fn fetch(data: &[u8]) {
    let (step, data) = first(data);
    let step = usize::from(step).max(1);
    let opened = |step: usize| -> Result<Opening> {
        let mut advertisement = Advertisement::new(LIMIT);
        data.chunks(step).try_for_each(|chunk| advertisement.push(chunk))?;
        advertisement.finish()
    };
    let opening = blames_the_peer(opened(usize::MAX));
    assert_eq!(opening, blames_the_peer(opened(step)), "cut otherwise");
    let listed = |step: usize| {
        let mut listing = Listing::new(LIMIT);
        data.chunks(step).try_for_each(|chunk| listing.push(chunk))?;
        listing.finish()
    };
    let refs = blames_the_peer(listed(usize::MAX));
    assert_eq!(refs, blames_the_peer(listed(step)), "cut otherwise");
    for name in refs.iter().flat_map(|refs| refs.refs.keys()) {
        assert!(name.branch().or_else(|| name.tag()).is_some_and(|name| !name.starts_with('-')));
    }
    let Some(Opening::V0(server, _) | Opening::V2(server)) = opening else { return };
    assert!(!ls_refs(&server).is_empty());
    // What follows what it said first, as if it were the answer to a fetch.
    let rest = data.windows(4).position(|part| part == b"0000").and_then(|at| data.get(at + 4..)).unwrap_or_default();
    let unpacked = |step: usize| {
        let (mut answer, mut pack) = (PackAnswer::new(&server), Vec::new());
        rest.chunks(step).try_for_each(|chunk| answer.push(chunk, &mut pack))?;
        answer.finish().map(|()| pack)
    };
    let pack = blames_the_peer(unpacked(usize::MAX));
    assert_eq!(pack, blames_the_peer(unpacked(step)), "cut otherwise");
    assert!(pack.is_none_or(|pack| pack.len() <= rest.len()));
}

//! Owns the compressed form of a set of bits: runs of equal words, each followed by words as they are. Refuses to hold anything: it reads
//! from a file into plain words and writes plain words into bytes. Called by [`super::Bitmap`] and by the writer.
//!
//! Shape: number of bits, number of words, the words (64 bits each), position of the last marker; all big-endian. A marker word says from its
//! lowest bit on: the bit that is repeated (1), how many words of it (32), how many words as they are follow (31).
//! Source: git's `technical/bitmap-format`, "Appendix A: Serialization format for an EWAH bitmap".

/// What the numbers before and after the words take.
const HEAD_LEN: usize = 8;
const TAIL_LEN: usize = 4;
const WORD_LEN: usize = 8;

/// Most words as they are behind one marker.
const MAX_PLAIN: usize = (1 << 31) - 1;

/// Appends the compressed form of `words`, of which `bits` bits count.
pub(super) fn write(words: &[u64], bits: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&bits.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    let mut rest = words;
    let mut count = 0u32;
    let last_marker = loop {
        let run_of = rest.first().copied().filter(|word| is_run(*word)).unwrap_or(0);
        let run = rest.iter().take_while(|word| **word == run_of).count();
        let (_, after) = rest.split_at_checked(run).unwrap_or_default();
        let plain_len = after.iter().take_while(|word| !is_run(**word)).take(MAX_PLAIN).count();
        let (plain, after) = after.split_at_checked(plain_len).unwrap_or_default();
        // Positions in a pack are 32 bits, so there are less than 2^27 words.
        let marker = run_of & 1 | (run as u64) << 1 | (plain_len as u64) << 33;
        let place = count;
        count += 1 + plain_len as u32;
        out.extend_from_slice(&marker.to_be_bytes());
        plain.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
        rest = after;
        if rest.is_empty() {
            break place;
        }
    };
    out.extend_from_slice(&last_marker.to_be_bytes());
    if let Some(slot) = out.get_mut(start + 4..start + HEAD_LEN) {
        slot.copy_from_slice(&count.to_be_bytes());
    }
}

fn is_run(word: u64) -> bool {
    word == 0 || word == u64::MAX
}

/// Checks the compressed form that begins at `at` and answers where its words lie and where it ends.
///
/// Shape: it must not describe more than `most` words.
pub(super) fn check(bytes: &[u8], at: usize, most: usize) -> Result<(std::ops::Range<usize>, usize), &'static str> {
    const CUT: &str = "a bitmap is cut short";
    let bits = number(bytes, at).ok_or(CUT)?;
    let count = number(bytes, at.checked_add(4).ok_or(CUT)?).ok_or(CUT)?;
    let start = at.checked_add(HEAD_LEN).ok_or(CUT)?;
    let len = (count as usize).checked_mul(WORD_LEN).ok_or(CUT)?;
    let end = start.checked_add(len).ok_or(CUT)?;
    let last_marker = number(bytes, end).ok_or(CUT)?;
    let words = bytes.get(start..end).ok_or(CUT)?;
    if bits as usize > most.saturating_mul(64) || (last_marker >= count && count > 0) {
        return Err("a bitmap is larger than its pack");
    }
    let mut described = 0usize;
    for step in Steps(words) {
        let (run, _, plain) = step?;
        described = described.checked_add(run).and_then(|sum| sum.checked_add(plain.len() / WORD_LEN)).ok_or(CUT)?;
        if described > most {
            return Err("a bitmap is larger than its pack");
        }
    }
    Ok((start..end, end.checked_add(TAIL_LEN).ok_or(CUT)?))
}

/// Flips the bits of `target` that are set in compressed words; what is too long or cut short was refused by [`check`] and is passed over here.
pub(super) fn xor_into(words: &[u8], target: &mut [u64]) {
    let mut rest = target;
    for (run, is_ones, plain) in Steps(words).map_while(Result::ok) {
        let Some((filled, after)) = std::mem::take(&mut rest).split_at_mut_checked(run) else { return };
        if is_ones {
            filled.iter_mut().for_each(|word| *word = !*word);
        }
        let Some((changed, after)) = after.split_at_mut_checked(plain.len() / WORD_LEN) else { return };
        for (word, raw) in changed.iter_mut().zip(plain.chunks_exact(WORD_LEN)) {
            *word ^= raw.first_chunk().map_or(0, |raw| u64::from_be_bytes(*raw));
        }
        rest = after;
    }
}

/// Markers one after another: length of the run, whether it is one of ones, and the words that follow as they are.
struct Steps<'w>(&'w [u8]);

impl<'w> Iterator for Steps<'w> {
    type Item = Result<(usize, bool, &'w [u8]), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let (marker, rest) = self.0.split_first_chunk()?;
        let marker = u64::from_be_bytes(*marker);
        let run = (marker >> 1 & u64::from(u32::MAX)) as usize;
        let plain_len = ((marker >> 33) as usize).saturating_mul(WORD_LEN);
        let Some((plain, rest)) = rest.split_at_checked(plain_len) else {
            self.0 = &[];
            return Some(Err("a bitmap has fewer words than it says"));
        };
        self.0 = rest;
        Some(Ok((run, marker & 1 == 1, plain)))
    }
}

/// The big-endian number at an offset.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|raw| u32::from_be_bytes(*raw))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn back(words: &[u64]) -> Vec<u64> {
        let mut bytes = vec![7; 3];
        write(words, (words.len() * 64) as u32, &mut bytes);
        let (range, end) = check(&bytes, 3, words.len()).unwrap();
        assert_eq!(end, bytes.len());
        let mut found = vec![0; words.len()];
        xor_into(&bytes[range], &mut found);
        found
    }

    #[test]
    fn runs_are_short_and_come_back() {
        for words in [&[][..], &[0], &[u64::MAX], &[1], &[0, 0, 5, u64::MAX, 0, 7, 8], &[u64::MAX; 99]] {
            assert_eq!(back(words), words);
        }
        let mut bytes = Vec::new();
        write(&[u64::MAX; 5000], 5000 * 64, &mut bytes);
        assert_eq!(bytes.len(), HEAD_LEN + WORD_LEN + TAIL_LEN);
    }

    #[test]
    fn what_describes_too_much_is_refused() {
        let mut bytes = Vec::new();
        write(&[3, 4, 0, 0], 256, &mut bytes);
        assert!(check(&bytes, 0, 4).is_ok());
        assert!(check(&bytes, 0, 3).is_err());
        for len in 0..bytes.len() {
            assert!(check(&bytes[..len], 0, 4).is_err());
        }
        assert!(check(&bytes, usize::MAX, 4).is_err());
    }

    proptest! {
        #[test]
        fn any_words_come_back(words in proptest::collection::vec(prop_oneof![Just(0), Just(u64::MAX), any::<u64>()], 0..40)) {
            prop_assert_eq!(back(&words), words);
        }

        #[test]
        fn garbage_is_read_within_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..80), most in 0usize..20) {
            if let Ok((range, end)) = check(&bytes, 0, most) {
                prop_assert!(end <= bytes.len());
                xor_into(&bytes[range], &mut vec![0; most]);
            }
            xor_into(&bytes, &mut [0; 3]);
        }
    }
}

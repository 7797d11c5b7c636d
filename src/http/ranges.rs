//! `Range` of RFC 9110: which part of a content of known length is asked for.
//!
//! Pure. More than one part is answered with the whole, which is allowed.

use std::ops::Range;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything.
    Whole,
    /// One part that is there.
    Part(Range<u64>),
    /// Nothing that is there.
    Nothing,
}

/// Reads the value of the header. Units: bytes.
pub(super) fn read(header: Option<&str>, length: u64) -> Asked {
    let Some(set) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Asked::Whole };
    let Some((first, last)) = set.trim().split_once('-').filter(|_| !set.contains(',')) else { return Asked::Whole };
    let number = |text: &str| match text.trim() {
        text if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
            // A number too large to write down is beyond any end.
            Some(text.parse::<u64>().unwrap_or(u64::MAX))
        }
        _ => None,
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.trim().is_empty() => first..length,
        (None, Some(count)) if first.trim().is_empty() => length.saturating_sub(count)..length,
        _ => return Asked::Whole,
    };
    if range.start >= range.end { Asked::Nothing } else { Asked::Part(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_by_table() {
        let table = [
            (None, Asked::Whole),
            (Some("bytes=0-3"), Asked::Part(0..4)),
            (Some("bytes=4-"), Asked::Part(4..10)),
            (Some("bytes=-3"), Asked::Part(7..10)),
            (Some("bytes=-30"), Asked::Part(0..10)),
            (Some("bytes=8-99999999999999999999999"), Asked::Part(8..10)),
            (Some("bytes=10-"), Asked::Nothing),
            (Some("bytes=99999999999999999999999-"), Asked::Nothing),
            (Some("bytes=-0"), Asked::Nothing),
            (Some("bytes=3-2"), Asked::Whole),
            (Some("bytes=0-1,3-4"), Asked::Whole),
            (Some("lines=0-1"), Asked::Whole),
            (Some("bytes=-"), Asked::Whole),
            (Some("bytes=a-b"), Asked::Whole),
            (Some("bytes=+1-2"), Asked::Whole),
            (Some("bytes=1--2"), Asked::Whole),
        ];
        for (header, expected) in table {
            assert_eq!(read(header, 10), expected, "{header:?}");
        }
        assert_eq!(read(Some("bytes=0-"), 0), Asked::Nothing);
    }
}

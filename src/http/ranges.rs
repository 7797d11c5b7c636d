//! Conditions and ranges of RFC 9110: whether a client has a content already, and which part of it is asked for.
//!
//! Pure. More than one part is answered with the whole, which is allowed.

use std::ops::Range;

use axum::http::{HeaderMap, header};

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

/// What a request asks for. A part is given only of the very version that `If-Range` names. Units: bytes.
pub(super) fn asked(headers: &HeaderMap, etag: &str, length: u64) -> Asked {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_same = text(header::IF_RANGE).is_none_or(|known| known.trim() == etag);
    read(text(header::RANGE).filter(|_| is_same), length)
}

/// Whether the client says that it has this version (`If-None-Match`).
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
}

/// Reads the value of the header. Units: bytes.
fn read(header: Option<&str>, length: u64) -> Asked {
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
    use axum::http::HeaderValue;

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

    #[test]
    fn conditions_by_table() {
        let headers = |name: header::HeaderName, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            headers
        };
        for (value, expected) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("a", false)]
        {
            assert_eq!(is_known(&headers(header::IF_NONE_MATCH, value), "\"a\""), expected, "{value}");
        }
        let mut part = headers(header::RANGE, "bytes=2-3");
        assert_eq!(asked(&part, "\"a\"", 10), Asked::Part(2..4));
        for (value, expected) in [("\"a\"", Asked::Part(2..4)), ("\"b\"", Asked::Whole), ("W/\"a\"", Asked::Whole)] {
            part.insert(header::IF_RANGE, HeaderValue::from_static(value));
            assert_eq!(asked(&part, "\"a\"", 10), expected, "{value}");
        }
    }
}

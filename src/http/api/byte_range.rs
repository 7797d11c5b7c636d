//! `Range`: one part of a file.
//!
//! Owns reading it. More than one part, or one that lies outside, is answered with the whole, as RFC 9110 allows.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderValue, header};

/// The part a client asks for; none: all of it. A part is given only of the very file that `If-Range` names.
pub(super) fn asked(headers: &HeaderMap, etag: &HeaderValue, length: usize) -> Option<Range<usize>> {
    if headers.get(header::IF_RANGE).is_some_and(|known| known != etag) {
        return None;
    }
    let text = headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?;
    let (first, last) = text.split_once('-')?;
    let number = |text: &str| -> Option<usize> {
        text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let range = match (first, last) {
        ("", last) => length.saturating_sub(number(last)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => number(first)?..number(last)?.saturating_add(1).min(length),
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_that_exists_is_given() {
        let etag = HeaderValue::from_static("\"a\"");
        let table = [
            ("bytes=0-0", Some(0..1)),
            ("bytes=2-", Some(2..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=5-99", Some(5..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=10-", None),
            ("bytes=5-4", None),
            ("bytes=-0", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("bytes=-", None),
            ("items=0-1", None),
            ("bytes=0-18446744073709551616", None),
        ];
        for (text, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static(text));
            assert_eq!(asked(&headers, &etag, 10), expected, "{text}");
            headers.insert(header::IF_RANGE, HeaderValue::from_static("\"b\""));
            assert_eq!(asked(&headers, &etag, 10), None);
        }
    }
}

//! As what a file may be shown to a browser.
//!
//! Owns the choice, which goes by content and never makes anything run: text is plain text whatever its name says, images of a few types are images,
//! everything else is bytes to be saved.

use crate::blobs::sniff;

/// How a file is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// `Content-Type`.
    pub(super) content_type: &'static str,
    /// Whether a browser may show it in place.
    pub(super) is_inline: bool,
    /// Its `Content-Security-Policy`.
    pub(super) policy: &'static str,
}

/// Bytes looked at to tell text from other files, as git does.
const SNIFFED_BYTES: usize = 8000;
/// Bytes in which an image of the SVG kind has to begin.
const SVG_BYTES: usize = 1024;
/// Nothing is loaded and nothing runs.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
const SVG_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Chooses how a file is served.
pub(super) fn shown(name: &str, data: &[u8]) -> Shown {
    let inline = |content_type| Shown { content_type, is_inline: true, policy: POLICY };
    let found = sniff(data);
    if found.starts_with("image/") {
        return inline(found);
    }
    let head = data.get(..SNIFFED_BYTES).unwrap_or(data);
    if head.contains(&0) {
        return Shown { content_type: "application/octet-stream", is_inline: false, policy: POLICY };
    }
    let begin = String::from_utf8_lossy(head.get(..SVG_BYTES).unwrap_or(head));
    if name.to_ascii_lowercase().ends_with(".svg") && begin.contains("<svg") {
        return Shown { policy: SVG_POLICY, ..inline("image/svg+xml") };
    }
    match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_some() => inline("text/plain"),
        // Cut within a character, or good.
        Ok(_) | Err(_) => inline("text/plain; charset=utf-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_run_is_shown_as_what_it_is() {
        let text = "text/plain; charset=utf-8";
        let table: [(&str, &[u8], &str, bool); 9] = [
            ("a.html", b"<html><script>alert(1)</script>", text, true),
            ("a.js", b"alert(1)", text, true),
            ("empty.pdf", b"", text, true),
            ("a.txt", b"gr\xfc\xdfe", "text/plain", true),
            ("a.html", b"<html>\0", "application/octet-stream", false),
            ("a.pdf", b"%PDF-1.7\n\0", "application/octet-stream", false),
            ("a.html", b"\x89PNG\r\n\x1a\n\0", "image/png", true),
            ("a.txt", b"<svg xmlns='x'/>", text, true),
            ("a.SVG", b"<?xml?>\n<svg onload='x'/>", "image/svg+xml", true),
        ];
        for (name, data, content_type, is_inline) in table {
            let shown = shown(name, data);
            assert_eq!((shown.content_type, shown.is_inline), (content_type, is_inline), "{name}");
            assert!(shown.policy.contains("default-src 'none'") && shown.policy.ends_with("sandbox"), "{name}");
        }
        let cut = [vec![b'a'; SNIFFED_BYTES - 1], "ü".as_bytes().to_vec()].concat();
        assert_eq!(shown("a", &cut).content_type, text);
    }
}

//! What a content is, by its first bytes: never by its name, and never by what an uploader says.
//!
//! Owns the list, which is short on purpose: what is not on it is bytes. HTML, SVG and XML are text at best, so that no browser runs them.

/// First bytes that are looked at.
pub(super) const HEAD_BYTES: usize = 512;

const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"BZh", "application/x-bzip2"),
];

/// The media type of a content that begins with these bytes.
pub fn sniff(content: &[u8]) -> &'static str {
    let head = content.get(..HEAD_BYTES).unwrap_or(content);
    if let Some((_, name)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return name;
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return "image/webp";
    }
    if head.get(4..12) == Some(b"ftypavif") {
        return "image/avif";
    }
    if is_text(head) { "text/plain; charset=utf-8" } else { "application/octet-stream" }
}

/// UTF-8 without control characters other than blanks; a character cut off at the end does not count.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(fault) if fault.error_len().is_none() && head.len() >= HEAD_BYTES => {
            head.get(..fault.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty()
        && !text.chars().any(|character| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\x0c'))
}

/// Whether a browser may show it in place; everything else it saves.
pub fn is_shown_inline(content_type: &str) -> bool {
    matches!(
        content_type,
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif" | "text/plain; charset=utf-8"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_known_by_their_first_bytes() {
        let table: [(&[u8], &str); 10] = [
            (b"\x89PNG\r\n\x1a\n...", "image/png"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            (b"\0\0\0\x1cftypavif\0", "image/avif"),
            (b"RIFF\0\0\0\0WAVEfmt ", "application/octet-stream"),
            (b"<!DOCTYPE html><script>alert(1)</script>", "text/plain; charset=utf-8"),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain; charset=utf-8"),
            ("größe\n".as_bytes(), "text/plain; charset=utf-8"),
            (b"\xff\xfe<\0h\0", "application/octet-stream"),
            (b"a\0b", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ];
        for (head, expected) in table {
            assert_eq!(sniff(head), expected, "{head:?}");
        }
        let cut = [vec![b'a'; HEAD_BYTES - 1], vec![0xc3]].concat();
        assert_eq!(sniff(&cut), "text/plain; charset=utf-8");
    }
}

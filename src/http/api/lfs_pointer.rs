//! Files that stand for an object of Git LFS.
//!
//! Owns recognising them. Source: the pointer specification of git-lfs.

/// A larger file is no pointer. Units: bytes.
pub(super) const MAX_BYTES: u64 = 1024;

/// What a pointer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    /// SHA-256 of the object in hex.
    pub(super) oid: String,
    /// Its size. Units: bytes.
    pub(super) size: i64,
}

/// Reads a pointer; none for any other file.
pub(super) fn parse(data: &[u8]) -> Option<Pointer> {
    let text = std::str::from_utf8(data).ok().filter(|text| text.len() as u64 <= MAX_BYTES)?;
    let mut lines = text.lines();
    let version = lines.next()?.strip_prefix("version ")?;
    if !matches!(version, "https://git-lfs.github.com/spec/v1" | "https://hawser.github.com/spec/v1") {
        return None;
    }
    let find = |key: &str| text.lines().skip(1).find_map(|line| line.strip_prefix(key));
    let oid = find("oid sha256:")?;
    let is_hex = oid.len() == 64 && oid.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let size = find("size ")?.parse().ok().filter(|size| *size >= 0)?;
    is_hex.then(|| Pointer { oid: oid.to_owned(), size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_files() {
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let good = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
        assert_eq!(parse(good.as_bytes()), Some(Pointer { oid: oid.to_owned(), size: 12345 }));
        for (from, to) in
            [("v1", "v9"), ("4d7a", "4D7A"), ("size 12345", "size -1"), ("oid ", "old "), ("sha256:", "sha256:a")]
        {
            assert_eq!(parse(good.replacen(from, to, 1).as_bytes()), None, "{from}");
        }
        assert_eq!(parse(format!("{good}{}", "x".repeat(1024)).as_bytes()), None);
        assert_eq!(parse(b"\xff"), None);
    }
}

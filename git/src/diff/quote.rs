//! Owns writing paths as git does: as they are, or in quotes with C escapes when a byte would be misread. Refuses to know what they name.
//! Called by all text outputs.
//!
//! Source: git-config(1), `core.quotePath` (on, the default).

/// Quotes a path together with what stands before it, like `a/`; answers it unchanged when nothing needs quoting.
pub fn quote_path(prefix: &str, path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(prefix.len() + path.len() + 2);
    if !path.iter().any(|byte| needs_quotes(*byte)) {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(path);
        return out;
    }
    out.push(b'"');
    out.extend_from_slice(prefix.as_bytes());
    for byte in path {
        let letter = match byte {
            b'\x07' => b'a',
            b'\x08' => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            b'\x0b' => b'v',
            b'\x0c' => b'f',
            b'\r' => b'r',
            b'"' | b'\\' => *byte,
            byte if needs_quotes(*byte) => {
                out.extend_from_slice(format!("\\{byte:03o}").as_bytes());
                continue;
            }
            byte => {
                out.push(*byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
    out.push(b'"');
    out
}

fn needs_quotes(byte: u8) -> bool {
    !(0x20..0x7f).contains(&byte) || matches!(byte, b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_odd_paths_are_quoted() {
        assert_eq!(quote_path("a/", b"dir/file name"), b"a/dir/file name");
        assert_eq!(quote_path("a/", "M\u{fc}ller\t".as_bytes()), br#""a/M\303\274ller\t""#);
        assert_eq!(quote_path("", b"\x01\"\\\x7f"), br#""\001\"\\\177""#);
    }
}

//! ASCII armor to bytes.
//!
//! Owns one block, strictly: no nesting, no second block. The checksum is not looked at, as RFC 9580 has it: signatures tell damage.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Takes the bytes out of the only block of a kind (`PUBLIC KEY BLOCK`, `SIGNATURE`); none: there is no such block, another one, or damage.
pub(super) fn open(text: &str, kind: &str) -> Option<Vec<u8>> {
    let (begin, end) = (format!("-----BEGIN PGP {kind}-----"), format!("-----END PGP {kind}-----"));
    let mut lines = text.lines().map(str::trim_end).skip_while(|line| line.is_empty());
    if lines.next()? != begin {
        return None;
    }
    // Headers such as `Comment:` end with an empty line.
    for line in lines.by_ref() {
        if line.is_empty() {
            break;
        }
        line.split_once(": ").or_else(|| line.strip_suffix(':').map(|name| (name, "")))?;
    }
    let mut body = String::with_capacity(text.len());
    let mut is_summed = false;
    loop {
        let line = lines.next()?;
        if line == end {
            break;
        }
        if line.len() == 5 && line.starts_with('=') && !is_summed {
            is_summed = true;
        } else if is_summed && !line.is_empty() {
            return None;
        } else {
            body.push_str(line);
        }
    }
    if lines.any(|line| !line.is_empty()) {
        return None;
    }
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_of_the_kind_is_opened_and_nothing_else() {
        let block = |body: &str| format!("-----BEGIN PGP SIGNATURE-----\n{body}\n-----END PGP SIGNATURE-----\n");
        let good = ["\naGk=", "Version: x\nComment:\n\naG\nk=", "\naGk=\n=abcd", "\r\naGk=\r\n=abcd\r"];
        for body in good {
            assert_eq!(open(&block(body), "SIGNATURE").unwrap(), b"hi", "{body:?}");
        }
        assert_eq!(open(&format!("\n\n{}\n\n", block("\naGk=")), "SIGNATURE").unwrap(), b"hi");
        let bad = [
            String::new(),
            "aGk=".to_owned(),
            block("aGk="),
            block("no header\n\naGk="),
            block("\naG*k"),
            block("\naGk=\n=abcd\naGk="),
            block("\naGk=\n=abcd\n=abcd"),
            block(&block("\naGk=")),
            format!("text\n{}", block("\naGk=")),
            format!("{}{}", block("\naGk="), block("\naGk=")),
            block("\naGk=").replace("END", "FIN"),
            block("\naGk=").replace("END PGP SIGNATURE", "END PGP MESSAGE"),
        ];
        for text in bad {
            assert_eq!(open(&text, "SIGNATURE"), None, "{text:?}");
        }
        assert_eq!(open(&block("\naGk="), "PUBLIC KEY BLOCK"), None);
    }
}

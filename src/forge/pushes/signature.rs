//! What the signature of a commit proves, as far as that goes without knowing whose key it is.
//!
//! Owns taking the signature out of the commit, byte for byte as git signs it, and its verification. Whose key it is, is asked inside the commit
//! transaction. OpenPGP and X.509 are refused as not verifiable here.

use ssh_key::{HashAlg, PublicKey, SshSig};

/// The namespace git signs in.
const NAMESPACE: &str = "git";

/// Verifies the signature of a commit; answers the fingerprint of the key, or why it proves nothing.
pub(super) fn verify_commit(raw: &[u8]) -> Result<String, &'static str> {
    let (payload, armor) = split(raw);
    let armor = armor.ok_or("it is not signed")?;
    if !armor.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
        return Err("its signature is of a kind that is not verified here");
    }
    let invalid = |_| "its signature is not valid";
    let signature = SshSig::from_pem(&armor).map_err(invalid)?;
    let key = PublicKey::from(signature.public_key().clone());
    key.verify(NAMESPACE, &payload, &signature).map_err(invalid)?;
    Ok(key.fingerprint(HashAlg::Sha256).to_string())
}

/// The bytes that were signed, and the signature; of two signatures the commit proves nothing.
fn split(raw: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut payload = Vec::with_capacity(raw.len());
    let mut armor: Option<Vec<u8>> = None;
    let mut is_in_armor = false;
    let mut rest = raw;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at.saturating_add(1));
        let (line, tail) = rest.split_at(end);
        if line == b"\n" {
            break;
        }
        rest = tail;
        if is_in_armor && let Some(more) = line.strip_prefix(b" ") {
            armor.get_or_insert_default().extend_from_slice(more);
            continue;
        }
        is_in_armor = false;
        match line.strip_prefix(b"gpgsig ") {
            Some(first) if armor.is_none() => {
                is_in_armor = true;
                armor = Some(first.to_vec());
            }
            // What follows a second one stays part of the text, which then is not what was signed.
            Some(_) | None => payload.extend_from_slice(line),
        }
    }
    payload.extend_from_slice(rest);
    (payload, armor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &[u8] = b"tree 1\nauthor A <a@b> 1 +0000\ngpgsig -----BEGIN X-----\n \n one\n -----END X-----\nencoding x\n\nHi\n\ngpgsig no\n";

    #[test]
    fn the_signature_is_taken_out_and_nothing_else() {
        let (payload, armor) = split(COMMIT);
        assert_eq!(payload, b"tree 1\nauthor A <a@b> 1 +0000\nencoding x\n\nHi\n\ngpgsig no\n");
        assert_eq!(armor.unwrap(), b"-----BEGIN X-----\n\none\n-----END X-----\n");
        let two = [b"gpgsig a\n b\ngpgsig c\n d\n\nm".as_slice()].concat();
        assert_eq!(split(&two), (b"gpgsig c\n d\n\nm".to_vec(), Some(b"a\nb\n".to_vec())));
        assert_eq!(split(b"").1, None);
    }

    #[test]
    fn what_proves_nothing_is_told_apart() {
        assert!(verify_commit(b"tree 1\n\nHi\n").unwrap_err().contains("not signed"));
        assert!(verify_commit(b"gpgsig -----BEGIN PGP SIGNATURE-----\n\nHi\n").unwrap_err().contains("not verified"));
        let bad = b"gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n\nHi\n";
        assert!(verify_commit(bad).unwrap_err().contains("not valid"));
    }
}

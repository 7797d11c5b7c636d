//! Signed commits and tags: which bytes were signed, by what.
//!
//! Owns taking the signature out of an object, byte for byte as git signs it, and SSH's way of verifying. Whose key it is, is asked elsewhere.
//! Called by `forge/signatures.rs`, `forge/pushes` and the API.

use ssh_key::{HashAlg, PublicKey, SshSig};

/// The namespace git signs in.
const NAMESPACE: &str = "git";
/// What armor of SSH begins with.
const SSH: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
/// What armor of OpenPGP begins with.
const OPENPGP: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
/// What other armor begins with that git knows.
const OTHERS: [&[u8]; 2] = [b"-----BEGIN PGP MESSAGE-----", b"-----BEGIN SIGNED MESSAGE-----"];

/// What was signed, and the signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignedObject {
    /// The bytes that were signed.
    pub payload: Vec<u8>,
    /// The signature in its armor.
    pub armor: Vec<u8>,
}

/// By what something is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKind {
    /// OpenPGP.
    OpenPgp,
    /// SSH.
    Ssh,
    /// X.509, or nothing that git knows.
    Other,
}

impl SignedObject {
    /// Reads a commit; none: it is not signed. Of two signatures the commit proves nothing.
    pub fn of_commit(raw: &[u8]) -> Option<Self> {
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
        armor.map(|armor| Self { payload, armor })
    }

    /// Reads a tag; none: it is not signed. Its signature is what the last line that begins armor begins, as git has it.
    pub fn of_tag(raw: &[u8]) -> Option<Self> {
        let mut starts = [0]
            .into_iter()
            .chain(raw.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at.saturating_add(1)));
        let begins = |at: &usize| {
            let line = raw.get(*at..).unwrap_or_default();
            [OPENPGP, SSH].iter().chain(&OTHERS).any(|armor| line.starts_with(armor))
        };
        let at = starts.rfind(begins)?;
        let (payload, armor) = raw.split_at_checked(at)?;
        Some(Self { payload: payload.to_vec(), armor: armor.to_vec() })
    }

    /// By what it is signed.
    pub fn kind(&self) -> SignatureKind {
        match &self.armor {
            armor if armor.starts_with(OPENPGP) => SignatureKind::OpenPgp,
            armor if armor.starts_with(SSH) => SignatureKind::Ssh,
            _ => SignatureKind::Other,
        }
    }

    /// Reads an SSH signature.
    ///
    /// Errors: none that can be read; the armor is another.
    pub fn ssh(&self) -> Option<SshSignature> {
        SshSignature::read(&self.armor)
    }
}

/// An SSH signature, with the key that it says made it.
#[derive(Debug, Clone)]
pub struct SshSignature {
    signature: SshSig,
    key: PublicKey,
}

impl SshSignature {
    /// Reads armor; none: it cannot be read.
    pub fn read(armor: &[u8]) -> Option<Self> {
        let signature = SshSig::from_pem(armor).ok()?;
        let key = PublicKey::from(signature.public_key().clone());
        Some(Self { signature, key })
    }

    /// Names the key, as OpenSSH does: `SHA256:...`.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Whether that key made it over these bytes, for git.
    pub fn is_right(&self, payload: &[u8]) -> bool {
        self.key.verify(NAMESPACE, payload, &self.signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &[u8] = b"tree 1\nauthor A <a@b> 1 +0000\ngpgsig -----BEGIN X-----\n \n one\n -----END X-----\nencoding x\n\nHi\n\ngpgsig no\n";

    fn split(raw: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        SignedObject::of_commit(raw).map(|signed| (signed.payload, signed.armor))
    }

    #[test]
    fn the_signature_is_taken_out_and_nothing_else() {
        let (payload, armor) = split(COMMIT).unwrap();
        assert_eq!(payload, b"tree 1\nauthor A <a@b> 1 +0000\nencoding x\n\nHi\n\ngpgsig no\n");
        assert_eq!(armor, b"-----BEGIN X-----\n\none\n-----END X-----\n");
        let two = b"gpgsig a\n b\ngpgsig c\n d\n\nm";
        assert_eq!(split(two), Some((b"gpgsig c\n d\n\nm".to_vec(), b"a\nb\n".to_vec())));
        // What is signed elsewhere, in a merged tag or under another hash, is text here.
        let embedded = b"tree 1\nmergetag object 1\n type commit\n \n gpgsig x\n\nm";
        for raw in [&b""[..], b"tree 1\n\nHi\n", b"tree 1\n\ngpgsig x\n", b"gpgsig-sha256 x\n\nm", embedded] {
            assert_eq!(split(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn a_tag_ends_with_its_signature() {
        let head = "object 1\ntype commit\ntag v1\ntagger A <a@b> 1 +0000\n\nWords\n";
        let table = [
            ("-----BEGIN PGP SIGNATURE-----\n\nx\n", SignatureKind::OpenPgp),
            ("-----BEGIN SSH SIGNATURE-----\nx\n", SignatureKind::Ssh),
            ("-----BEGIN SIGNED MESSAGE-----\nx\n", SignatureKind::Other),
        ];
        for (armor, kind) in table {
            let signed = SignedObject::of_tag(format!("{head}{armor}").as_bytes()).unwrap();
            assert_eq!(
                (signed.payload.as_slice(), signed.armor.as_slice(), signed.kind()),
                (head.as_bytes(), armor.as_bytes(), kind)
            );
            // Words may quote armor: the last one is the signature.
            let quoted = SignedObject::of_tag(format!("{head}{armor}more\n{armor}").as_bytes()).unwrap();
            assert_eq!(quoted.payload, format!("{head}{armor}more\n").as_bytes());
        }
        assert_eq!(SignedObject::of_tag(head.as_bytes()), None);
        assert_eq!(SignedObject::of_tag(format!("{head} -----BEGIN PGP SIGNATURE-----\n").as_bytes()), None);
        assert_eq!(SignedObject::of_tag(b""), None);
    }

    #[test]
    fn what_is_no_ssh_signature_is_not_read() {
        for armor in [&b""[..], b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", OPENPGP] {
            assert!(SshSignature::read(armor).is_none(), "{armor:?}");
        }
    }
}

//! Push certificates: commands that the pusher has signed.
//!
//! Owns the grammar of a certificate and the split into what is signed and the signature. Refuses to verify signatures, to judge nonces and
//! to know keys: that is the server's. Called by the command parser.
//! Source: gitprotocol-pack(5), "Push Certificate".

use super::{Command, parser::read_command};
use crate::error::{Error, Result};

/// A certificate as it was sent, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushCertificate {
    /// Every byte, to be kept as evidence: what is signed, then the signature.
    pub text: Vec<u8>,
    /// Who says to be pushing: name, address and time, or the id of a key; chosen by the client.
    pub pusher: String,
    /// Where the client believes to push to.
    pub pushee: Option<String>,
    /// The nonce it answers.
    pub nonce: Option<String>,
    /// The push options it was made with.
    pub push_options: Vec<Vec<u8>>,
    signed_len: usize,
}

/// How a certificate is signed, by the words its signature begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureFormat {
    /// OpenPGP.
    OpenPgp,
    /// SSH, as made by `ssh-keygen -Y sign`.
    Ssh,
    /// X.509, as made by `gpgsm`.
    X509,
}

/// The beginnings of signatures that git makes.
const BEGINNINGS: [(&[u8], SignatureFormat); 4] = [
    (b"-----BEGIN SSH SIGNATURE-----", SignatureFormat::Ssh),
    (b"-----BEGIN PGP SIGNATURE-----", SignatureFormat::OpenPgp),
    (b"-----BEGIN PGP MESSAGE-----", SignatureFormat::OpenPgp),
    (b"-----BEGIN SIGNED MESSAGE-----", SignatureFormat::X509),
];

impl PushCertificate {
    /// Takes a certificate apart; also answers the commands that it orders.
    ///
    /// Errors: `BadRequest` for anything that is not a certificate of version 0.1 with at least one command.
    pub(super) fn parse(text: Vec<u8>) -> Result<(PushCertificate, Vec<Command>)> {
        let signed_len = find_signature(&text).map_or(text.len(), |(at, _)| at);
        let signed = text.get(..signed_len).unwrap_or_default();
        let mut lines = signed.split_inclusive(|byte| *byte == b'\n');
        let mut next = || lines.next().map(|line| line.strip_suffix(b"\n").unwrap_or(line));
        if next() != Some(b"certificate version 0.1") {
            return Err(bad("unknown version"));
        }
        let mut pusher = None;
        let (mut pushee, mut nonce, mut push_options) = (None, None, Vec::new());
        loop {
            let line = next().ok_or_else(|| bad("no end of the header"))?;
            if line.is_empty() {
                break;
            }
            let space = line.iter().position(|byte| *byte == b' ').ok_or_else(|| bad("a header line without value"))?;
            let (key, value) = line.split_at(space);
            let value = value.get(1..).unwrap_or_default();
            let shown = || String::from_utf8_lossy(value).into_owned();
            match key {
                b"pusher" if pusher.is_none() => pusher = Some(shown()),
                b"pushee" if pushee.is_none() => pushee = Some(shown()),
                b"nonce" if nonce.is_none() => nonce = Some(shown()),
                b"push-option" => push_options.push(value.to_vec()),
                // Of a line given twice nobody could say which one was meant; of an unknown one, what it means.
                _ => return Err(bad("an unexpected header line")),
            }
        }
        let mut commands = Vec::new();
        while let Some(line) = next() {
            commands.push(read_command(line).ok_or_else(|| bad("expected old/new/ref"))?);
        }
        if commands.is_empty() {
            return Err(bad("no commands"));
        }
        let pusher = pusher.ok_or_else(|| bad("no pusher"))?;
        Ok((PushCertificate { pusher, pushee, nonce, push_options, signed_len, text }, commands))
    }

    /// The bytes the signature is about.
    pub fn signed(&self) -> &[u8] {
        self.text.get(..self.signed_len).unwrap_or_default()
    }

    /// The signature, armoured as sent; empty when there is none.
    pub fn signature(&self) -> &[u8] {
        self.text.get(self.signed_len..).unwrap_or_default()
    }

    /// How it is signed; `None` when there is no signature that git would have made.
    pub fn format(&self) -> Option<SignatureFormat> {
        let found = BEGINNINGS.iter().find(|(words, _)| self.signature().starts_with(words));
        found.map(|(_, format)| *format)
    }
}

/// Finds the last line that begins a signature.
fn find_signature(text: &[u8]) -> Option<(usize, SignatureFormat)> {
    let mut found = None;
    let mut at = 0_usize;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let Some((_, format)) = BEGINNINGS.iter().find(|(words, _)| line.starts_with(words)) {
            found = Some((at, *format));
        }
        at = at.saturating_add(line.len());
    }
    found
}

fn bad(what: &str) -> Error {
    Error::BadRequest { what: format!("malformed push certificate: {what}") }
}

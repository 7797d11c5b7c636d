//! Reads the fields of commit and tag objects that the API shows, from their raw text.
//!
//! Owns decoding only and never fails: objects were checked when they came in, but a repository may hold older, odd
//! ones, and a list must not break because of one of them. Reads no database and no disk. Called by `api/objects.rs`.

use crate::model::signed_object::SignedObject;

/// A commit, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitText {
    /// Id of its tree, as written.
    pub tree: String,
    /// Ids of its parents, as written.
    pub parents: Vec<String>,
    /// Who wrote it.
    pub author: Signature,
    /// Who committed it.
    pub committer: Signature,
    /// Everything after the header.
    pub message: String,
    /// Its signature, and the bytes that were signed: the commit without the header that holds it.
    pub signed: Option<SignedObject>,
}

/// A tag object, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TagText {
    /// Id of what it points at, as written.
    pub object: String,
    /// Kind of that, as written.
    pub kind: String,
    /// The name it gives itself.
    pub name: String,
    /// Who tagged; old tags may name nobody.
    pub tagger: Option<Signature>,
    /// The message without an appended signature.
    pub message: String,
    /// Its signature, and the bytes that were signed.
    pub signed: Option<SignedObject>,
}

/// One `Name <mail> seconds +hhmm` line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// Recorded name.
    pub name: String,
    /// Recorded address.
    pub email: String,
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Seconds east of UTC.
    pub offset_seconds: i32,
}

/// Longest message that is shown; longer ones are cut. Pages of them are held in memory. Units: bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Longest text beside a signature; a cut one could not be verified, so a longer one is left out together with its signature. Units: bytes.
const MAX_PAYLOAD_BYTES: usize = 128 * 1024;

/// Longest name and address that are shown: an address has at most 254 characters, so of a longer one nothing is lost that could be anybody's. Units: bytes.
const MAX_PERSON_BYTES: usize = 1024;

/// Decodes a commit's raw text.
pub(super) fn read_commit(raw: &[u8]) -> CommitText {
    let mut commit = CommitText::default();
    let (header, message) = split_header(raw);
    for line in header.split_inclusive(|byte| *byte == b'\n') {
        match field_of(line) {
            Some((b"tree", value)) => commit.tree = lossy(value),
            Some((b"parent", value)) => commit.parents.push(lossy(value)),
            Some((b"author", value)) => commit.author = read_signature(value),
            Some((b"committer", value)) => commit.committer = read_signature(value),
            _ => {}
        }
    }
    commit.message = message_text(message);
    if raw.len() <= MAX_PAYLOAD_BYTES {
        commit.signed = SignedObject::of_commit(raw);
    }
    commit
}

/// Decodes who wrote a commit, and nothing else.
pub(super) fn read_author(raw: &[u8]) -> Signature {
    let (header, _) = split_header(raw);
    let lines = header.split_inclusive(|byte| *byte == b'\n').filter_map(field_of);
    lines
        .into_iter()
        .find(|(name, _)| *name == b"author")
        .map_or_else(Signature::default, |(_, value)| read_signature(value))
}

/// Decodes a tag object's raw text.
pub(super) fn read_tag(raw: &[u8]) -> TagText {
    let (header, message) = split_header(raw);
    let mut tag = TagText::default();
    for line in header.split(|byte| *byte == b'\n') {
        match field_of(line) {
            Some((b"object", value)) => tag.object = lossy(value),
            Some((b"type", value)) => tag.kind = lossy(value),
            Some((b"tag", value)) => tag.name = lossy(value),
            Some((b"tagger", value)) => tag.tagger = Some(read_signature(value)),
            _ => {}
        }
    }
    let message = message_text(message);
    let end = ["-----BEGIN PGP SIGNATURE-----", "-----BEGIN SSH SIGNATURE-----", "-----BEGIN SIGNED MESSAGE-----"]
        .iter()
        .filter_map(|armor| message.find(armor))
        .min()
        .unwrap_or(message.len());
    tag.message = message[..end].trim().to_owned();
    if raw.len() <= MAX_PAYLOAD_BYTES {
        tag.signed = SignedObject::of_tag(raw);
    }
    tag
}

/// A message, cut where it is too long to be shown.
fn message_text(message: &[u8]) -> String {
    let is_cut = message.len() > MAX_MESSAGE_BYTES;
    let mut text = lossy(message.get(..MAX_MESSAGE_BYTES).unwrap_or(message));
    if is_cut {
        text.push('…');
    }
    text
}

/// Header with its last newline, and what follows the blank line.
fn split_header(raw: &[u8]) -> (&[u8], &[u8]) {
    match raw.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (raw.get(..=end).unwrap_or_default(), raw.get(end.saturating_add(2)..).unwrap_or_default()),
        None => (raw, &[]),
    }
}

fn field_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let space = line.iter().position(|byte| *byte == b' ')?;
    Some((line.get(..space)?, line.get(space.saturating_add(1)..)?))
}

/// Reads from the right, because a name may hold anything but a newline.
fn read_signature(value: &[u8]) -> Signature {
    let text = lossy(value);
    let Some((left, times)) = text.rsplit_once('>') else {
        return Signature { name: cut(&text), ..Signature::default() };
    };
    let (name, email) = left.split_once('<').unwrap_or((left, ""));
    let mut times = times.split_ascii_whitespace();
    let seconds = times.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let offset_seconds = times.next().and_then(read_offset).unwrap_or_default();
    Signature { name: cut(name), email: cut(email), seconds, offset_seconds }
}

/// Without blanks around it, and not longer than is shown.
fn cut(text: &str) -> String {
    let text = text.trim();
    text.get(..text.floor_char_boundary(MAX_PERSON_BYTES)).unwrap_or(text).to_owned()
}

/// `+hhmm` or `-hhmm` to seconds east of UTC.
fn read_offset(word: &str) -> Option<i32> {
    let (sign, digits) = match word.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number: i32 = digits.parse().ok().filter(|number| (0..=9999).contains(number))?;
    Some(sign * ((number / 100) * 3600 + (number % 100) * 60))
}

fn lossy(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &[u8] = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\
parent 1111111111111111111111111111111111111111\n\
author Ada <L.> Lovelace <ada@example.org> 1700000000 +0200\n\
committer Bob <bob@example.org> 1700000001 -0530\n\
gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\
encoding UTF-8\n\
\n\
Subject\n\nBody gpgsig x\n";

    #[test]
    fn commit_fields_and_offsets() {
        let commit = read_commit(SIGNED);
        assert_eq!(commit.author.email, "L.> Lovelace <ada@example.org");
        assert_eq!((commit.author.seconds, commit.author.offset_seconds), (1_700_000_000, 7200));
        assert_eq!(commit.committer.name, "Bob");
        assert_eq!(commit.tree, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(commit.parents, ["1111111111111111111111111111111111111111"]);
        assert_eq!(commit.committer.offset_seconds, -(5 * 3600 + 30 * 60));
        assert_eq!(commit.message, "Subject\n\nBody gpgsig x\n");
    }

    #[test]
    fn long_names_are_cut() {
        let raw = format!("author {}é <{}> 1 +0000\n\n", "n".repeat(MAX_PERSON_BYTES - 1), "a".repeat(1 << 20));
        let author = read_author(raw.as_bytes());
        assert_eq!((author.name.len(), author.email.len()), (MAX_PERSON_BYTES - 1, MAX_PERSON_BYTES));
        assert_eq!(author.seconds, 1);
    }

    #[test]
    fn signature_and_payload_are_separated() {
        let signed = read_commit(SIGNED).signed.unwrap();
        assert_eq!(signed.armor, b"-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n");
        let expected = String::from_utf8_lossy(SIGNED)
            .replace("gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n", "");
        assert_eq!(signed.payload, expected.as_bytes());
    }

    #[test]
    fn unsigned_commit_has_no_payload() {
        let commit = read_commit(b"tree x\nauthor A <a@b> 5 +0000\ncommitter A <a@b> 6 +0000\n\nm");
        assert_eq!(commit.signed, None);
        assert_eq!(commit.message, "m");
    }

    #[test]
    fn tag_message_loses_its_signature() {
        let tag = read_tag(
            b"object 1\ntype commit\ntag v1\ntagger A <a@b> 9 +0100\n\nRelease\n-----BEGIN PGP SIGNATURE-----\nx\n",
        );
        assert_eq!((tag.message.as_str(), tag.name.as_str()), ("Release", "v1"));
        assert_eq!((tag.object.as_str(), tag.kind.as_str()), ("1", "commit"));
        assert_eq!(tag.tagger.map(|tagger| (tagger.seconds, tagger.offset_seconds)), Some((9, 3600)));
        assert_eq!(read_tag(b"object 1\ntype commit\ntag v1\n\nold\n").tagger, None);
    }

    #[test]
    fn odd_objects_do_not_fail() {
        for raw in [
            &b""[..],
            b"\n",
            b"\n\n",
            b"author",
            b"author x",
            b"author >",
            b"author <a> 99999999999999999999 +99",
            b"gpgsig",
            b"gpgsig ",
            b"\xff\xfe\n\n\xff",
            b"author a <b> 1 +\xc3\xa9",
            b"author a <b> 1 --100",
        ] {
            let _ = read_commit(raw);
            let _ = read_tag(raw);
        }
        assert_eq!(read_commit(b"author a <b> 1 +99999\n\n").author.offset_seconds, 0);
    }
}

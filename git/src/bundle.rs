//! Bundles: a file that holds refs and a pack, for clients to download before they fetch the rest.
//!
//! Owns the format and the choice of objects, which is that of a fetch. Refuses to know where bundles lie and who may have them. Called by
//! maintenance; the list of bundles that clients are told is `upload::BundleOffer`.
//! Source: gitformat-bundle(5), versions 2 and 3.

mod shelf;

use std::{
    io::{self, Write},
    sync::atomic::AtomicBool,
};

use crate::{
    error::{Error, Result},
    id::{HASH_KIND, Kind, ObjectId},
    limits::Limits,
    refs::RefName,
    upload,
    view::View,
    walk::peel,
};

pub use shelf::StoredBundle;
pub(crate) use shelf::scan;

/// What a bundle is to hold.
#[derive(Debug, Clone, Default)]
pub struct BundleSpec<'a> {
    /// Refs to put in; none means all of the view.
    pub refs: &'a [RefName],
    /// Commits that whoever takes the bundle must have: what they reach is left out.
    pub prerequisites: &'a [ObjectId],
    /// An object filter as a client writes it, like `blob:none`; makes the bundle one of version 3.
    pub filter: Option<&'a str>,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BundleStats {
    /// Refs, HEAD counted as one where it is in.
    pub refs: u64,
    /// Objects in the pack.
    pub objects: u64,
    /// Bytes of the whole file.
    pub bytes: u64,
}

/// Writes a bundle.
///
/// Shape: HEAD goes in with the branch it names, so that a clone of the file knows what to check out. The writer should be a new file that
/// takes its name only after this succeeds.
/// Errors: `BadRequest` for a ref that the view does not hold, a prerequisite that is no commit here, a bad filter, or nothing to put in (git
/// refuses empty bundles); `Interrupted`; `PeerGone` when `out` fails; those of the object store.
pub fn write(
    view: &View,
    spec: &BundleSpec<'_>,
    limits: &Limits,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> Result<BundleStats> {
    let refs = choose(view, spec)?;
    let mut head = Vec::new();
    match spec.filter {
        None => head.extend_from_slice(b"# v2 git bundle\n"),
        Some(filter) => {
            head.extend_from_slice(
                format!("# v3 git bundle\n@object-format={HASH_KIND}\n@filter={filter}\n").as_bytes(),
            );
        }
    }
    for id in spec.prerequisites {
        match view.odb.header(id)? {
            Some((Kind::Commit, _)) => head.extend_from_slice(format!("-{id} \n").as_bytes()),
            _ => return Err(Error::BadRequest { what: format!("prerequisite {id} is no commit here") }),
        }
    }
    for (name, target) in &refs {
        head.extend_from_slice(format!("{target} {name}\n").as_bytes());
    }
    head.push(b'\n');

    let wants: Vec<ObjectId> = refs.iter().map(|(_, target)| *target).collect();
    let mut counted = Counting { out, bytes: 0 };
    counted.write_all(&head).map_err(Error::PeerGone)?;
    let stats = upload::write_plain_pack(
        view,
        upload::PlainPack { wants, haves: spec.prerequisites.to_vec(), filter: spec.filter },
        limits,
        &mut counted,
        interrupt,
    )?;
    counted.flush().map_err(Error::PeerGone)?;
    Ok(BundleStats { refs: refs.len() as u64, objects: stats.objects, bytes: counted.bytes })
}

fn choose<'v>(view: &'v View, spec: &BundleSpec<'v>) -> Result<Vec<(&'v str, ObjectId)>> {
    let mut refs = Vec::new();
    if spec.refs.is_empty() {
        refs.extend(view.refs.iter().map(|item| (item.name.as_str(), item.target)));
    }
    for name in spec.refs {
        let found = view.refs.get(name.as_str());
        let found = found.ok_or_else(|| Error::BadRequest { what: format!("unknown ref {name}") })?;
        refs.push((name.as_str(), found.target));
    }
    if let Some(head) = refs.iter().find(|(name, _)| *name == view.head.as_str()).map(|(_, target)| *target) {
        refs.insert(0, ("HEAD", head));
    }
    if spec.filter.is_some() {
        // Git takes filtered bundles with commits at their tips only.
        let mut commits = Vec::with_capacity(refs.len());
        for (name, target) in refs {
            if peel(&view.odb, &target)?.kind == Kind::Commit {
                commits.push((name, target));
            }
        }
        refs = commits;
    }
    match refs.is_empty() {
        true => Err(Error::BadRequest { what: "an empty bundle is of no use".into() }),
        false => Ok(refs),
    }
}

struct Counting<'o> {
    out: &'o mut dyn Write,
    bytes: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.out.write(data)?;
        self.bytes = self.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;

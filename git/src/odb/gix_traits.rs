//! Owns the bridge to gix: [`Snapshot`] as an object database for gix's diff, traversal and merge. Refuses to add behaviour.

use gix::{
    hash::oid,
    objs::{Data, Exists, Find, FindHeader, Header},
};

use super::Snapshot;
use crate::id::HASH_KIND;

impl Exists for Snapshot {
    fn exists(&self, id: &oid) -> bool {
        self.contains(&id.to_owned()).unwrap_or(false)
    }
}

impl Find for Snapshot {
    fn try_find<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> gix::Result<Option<Data<'a>>> {
        let kind = Snapshot::find(self, &id.to_owned(), buffer).map_err(to_gix)?;
        Ok(kind.map(|kind| Data::new(buffer, kind, HASH_KIND)))
    }
}

impl FindHeader for Snapshot {
    fn try_header(&self, id: &oid) -> gix::Result<Option<Header>> {
        let header = Snapshot::header(self, &id.to_owned()).map_err(to_gix)?;
        Ok(header.map(|(kind, size)| Header { kind, size }))
    }
}

fn to_gix(error: crate::Error) -> gix::Error {
    gix::Error::from_error(error)
}

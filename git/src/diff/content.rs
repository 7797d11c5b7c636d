//! Owns the bytes of a file as a diff sees them: a blob, the target of a link, one line for a submodule. Refuses to load what is larger
//! than allowed. Called by patch text and statistics.

use super::{change::File, patch::PatchOptions};
use crate::{
    error::{Error, Result},
    odb::Snapshot,
};

/// Git looks for a zero byte in so many bytes.
const SNIFFED_BYTES: usize = 8000;

/// Says whether git takes this for a binary file: there is a zero byte near the start.
pub fn is_binary(data: &[u8]) -> bool {
    data.iter().take(SNIFFED_BYTES).any(|byte| *byte == 0)
}

/// The content of one side of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The bytes; empty when there is no file, or when it is larger than was allowed.
    pub data: Vec<u8>,
    /// The size of the file. Units: bytes.
    pub size: u64,
    /// Whether it is not shown as lines: binary, or too large.
    pub is_binary: bool,
    /// Whether `data` is all of it.
    pub is_complete: bool,
}

impl Content {
    /// Loads a file within `max_blob_bytes` and `max_lines`.
    ///
    /// Errors: `Lost`, `Corrupt`, `Io`.
    pub fn load(odb: &Snapshot, file: Option<&File>, limits: &PatchOptions) -> Result<Content> {
        let Some(file) = file else { return Ok(Content::of(Vec::new())) };
        if file.mode == super::FileMode::SUBMODULE {
            return Ok(Content::of(format!("Subproject commit {}\n", file.id).into_bytes()));
        }
        let (_, size) = odb.header(&file.id)?.ok_or(Error::Lost { id: file.id })?;
        if size > limits.max_blob_bytes {
            return Ok(Content { data: Vec::new(), size, is_binary: true, is_complete: false });
        }
        let mut data = Vec::new();
        odb.find(&file.id, &mut data)?.ok_or(Error::Lost { id: file.id })?;
        let mut content = Content::of(data);
        content.is_binary |= content.data.iter().filter(|byte| **byte == b'\n').count() > limits.max_lines;
        Ok(content)
    }

    fn of(data: Vec<u8>) -> Content {
        Content { size: data.len() as u64, is_binary: is_binary(&data), data, is_complete: true }
    }
}

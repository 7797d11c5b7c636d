//! Owns the file of a pack while it is written: buffer, checksums, trailer, index, flush. Refuses to know objects. Used by [`super::Rewrite`].

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest, Sha1};

use crate::{
    error::{Error, Result},
    files,
    id::{ID_LEN, ObjectId},
    map::FileBytes,
    pack::{
        Idx, Pack,
        idx::{self, IdxEntry},
    },
};

/// Between two writes to the file.
const BUFFER_BYTES: usize = 256 * 1024;

pub(super) struct Output {
    path: PathBuf,
    stream: Stream,
}

/// Everything that passes is counted and summed.
struct Stream {
    file: BufWriter<File>,
    sha1: Sha1,
    crc: crc32fast::Hasher,
    offset: u64,
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write_all(data)?;
        self.sha1.update(data);
        self.crc.update(data);
        self.offset = self.offset.saturating_add(data.len() as u64);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output {
    /// Begins a pack of `count` objects.
    pub(super) fn create(path: &Path, count: u32) -> Result<Output> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, files::create_new(path)?);
        let stream = Stream { file, sha1: Sha1::new(), crc: crc32fast::Hasher::new(), offset: 0 };
        let mut output = Output { path: path.into(), stream };
        output.put(b"PACK\0\0\0\x02")?;
        output.put(&count.to_be_bytes())?;
        Ok(output)
    }

    pub(super) fn offset(&self) -> u64 {
        self.stream.offset
    }

    /// Begins an entry and answers where.
    pub(super) fn begin(&mut self) -> u64 {
        self.stream.crc.reset();
        self.stream.offset
    }

    /// The checksum of the entry begun last.
    pub(super) fn end(&self) -> u32 {
        self.stream.crc.clone().finalize()
    }

    pub(super) fn put(&mut self, data: &[u8]) -> Result<()> {
        self.stream.write_all(data).map_err(|e| Error::io("write", &self.path, e))
    }

    pub(super) fn put_deflated(&mut self, data: &[u8]) -> Result<()> {
        let mut encoder = ZlibEncoder::new(&mut self.stream, Compression::default());
        let written = encoder.write_all(data).and_then(|()| encoder.finish().map(drop));
        written.map_err(|e| Error::io("write", &self.path, e))
    }

    /// Writes trailer and index, flushes both, and opens them under the name the pack will have in `directory`.
    pub(super) fn finish(self, mut lines: Vec<IdxEntry>, idx_path: &Path, directory: &Path) -> Result<Pack> {
        let Output { path, stream: Stream { mut file, sha1, .. } } = self;
        let checksum: [u8; ID_LEN] = sha1.finalize().into();
        let written = file.write_all(&checksum).and_then(|()| file.flush()).and_then(|()| files::sync(file.get_ref()));
        written.map_err(|e| Error::io("write", &path, e))?;
        drop(file);
        lines.sort_unstable_by_key(|line| line.id);
        write_flushed(idx_path, &idx::write(&lines, &checksum))?;
        let idx = Idx::parse(FileBytes::open(idx_path)?).map_err(|what| Error::corrupt(idx_path, what))?;
        let name = format!("pack-{}.pack", ObjectId::from(checksum));
        Pack::from_parts(&directory.join(name), FileBytes::open(&path)?, idx)
    }
}

/// Writes a new file and flushes it.
pub(in crate::maintenance) fn write_flushed(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = files::create_new(path)?;
    file.write_all(content).and_then(|()| files::sync(&file)).map_err(|e| Error::io("write", path, e))
}

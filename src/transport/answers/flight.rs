//! An answer in the making that more than one may read: the file it goes to, and the end that writes.
//!
//! Owns how far the file is written and how it ended. The file has no name, so a crash leaves nothing. Whoever made the first request may
//! leave: the work goes on as long as anybody reads, and is interrupted when nobody does.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use atomicqms_git::FileBytes;
use bytes::Bytes;
use tokio::sync::watch;

use super::kept::Sums;
use super::{Answers, Facts, Kept, Key};

/// Bytes gathered before a write.
const WRITE_BYTES: usize = 128 * 1024;
/// What is set aside at once for an answer that is larger than expected.
const MORE_BYTES: u64 = 16 << 20;
/// No count of readers.
const ABANDONED: usize = usize::MAX;

/// An answer in the making.
pub(super) struct Flight {
    reserved_bytes: AtomicU64,
    file: OnceLock<File>,
    progress: watch::Sender<Progress>,
    /// How many read it; [`ABANDONED`] once the last has left.
    followers: AtomicUsize,
    interrupt: Arc<AtomicBool>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bytes in the file.
    pub(super) written: u64,
    pub(super) end: Option<End>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The answer is complete, though it may be a refusal.
    Whole,
    /// It broke off.
    Broken,
}

impl Flight {
    pub(super) fn new(reserved_bytes: u64) -> Self {
        Self {
            reserved_bytes: AtomicU64::new(reserved_bytes),
            file: OnceLock::new(),
            progress: watch::Sender::default(),
            followers: AtomicUsize::new(0),
            interrupt: Arc::new(AtomicBool::new(false)),
        }
    }

    pub(super) fn reserved_bytes(&self) -> u64 {
        self.reserved_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn note_reserved(&self, more: u64) {
        self.reserved_bytes.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Counts one more reader; false once the last one has left.
    pub(super) fn enter(&self) -> bool {
        let enter = |count: usize| (count != ABANDONED).then(|| count + 1);
        self.followers.fetch_update(Ordering::AcqRel, Ordering::Acquire, enter).is_ok()
    }

    /// Counts one reader less. The last one ends the work, in one step with its leaving: nobody can join in between.
    pub(super) fn leave(&self) {
        let leave = |count: usize| Some(if count == 1 { ABANDONED } else { count.saturating_sub(1) });
        if self.followers.fetch_update(Ordering::AcqRel, Ordering::Acquire, leave) == Ok(1) {
            self.interrupt.store(true, Ordering::Relaxed);
        }
    }

    /// Reads what is written already, and was a moment ago: its pages are in memory.
    pub(super) fn read(&self, from: u64, len: usize) -> io::Result<Bytes> {
        let file = self.file.get().ok_or_else(|| io::Error::other("nothing is written yet"))?;
        FileBytes::window(file, from, len).map(Bytes::from_owner)
    }
}

/// The end that writes; used on a blocking thread. Dropped without an end it breaks off.
pub struct FlightWriter {
    answers: Answers,
    key: Key,
    flight: Arc<Flight>,
    buffer: Vec<u8>,
    written: u64,
    sums: Sums,
    has_landed: bool,
}

impl FlightWriter {
    pub(super) fn new(answers: Answers, key: Key, flight: Arc<Flight>) -> Self {
        let buffer = Vec::with_capacity(WRITE_BYTES);
        Self { answers, key, flight, buffer, written: 0, sums: Sums::default(), has_landed: false }
    }

    /// Raised when nobody reads any more.
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flight.interrupt)
    }

    /// Bytes of the answer so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Ends a complete answer and keeps it.
    ///
    /// Errors: the file cannot be written; those who read see the answer break off.
    pub fn keep(mut self, facts: Facts) -> io::Result<()> {
        self.write_buffer()?;
        let kept = match self.flight.file.get() {
            Some(file) => {
                let sums = std::mem::take(&mut self.sums).finish();
                let file = file.try_clone().inspect_err(|error| self.answers.note_unwritable(&self.key, error))?;
                Some(Arc::new(Kept::on_disk(file, self.written, sums, facts)))
            }
            None => None,
        };
        self.land(End::Whole, kept);
        Ok(())
    }

    /// Ends an answer that is complete but not worth keeping, such as a refusal.
    pub fn finish(mut self) -> io::Result<()> {
        self.write_buffer()?;
        self.land(End::Whole, None);
        Ok(())
    }

    fn land(&mut self, end: End, kept: Option<Arc<Kept>>) {
        self.has_landed = true;
        self.answers.land(&self.key, &self.flight, kept);
        self.flight.progress.send_modify(|progress| progress.end = Some(end));
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.append_buffer().inspect_err(|error| self.answers.note_unwritable(&self.key, error))
    }

    fn append_buffer(&mut self) -> io::Result<()> {
        let file = match self.flight.file.get() {
            Some(file) => file,
            None => {
                let made = nameless_file(&self.answers.inner.settings.directory)?;
                self.flight.file.get_or_init(|| made)
            }
        };
        let end = self.written + self.buffer.len() as u64;
        if end > self.flight.reserved_bytes() && !self.answers.reserve_more(&self.flight, MORE_BYTES) {
            return Err(io::Error::other("there is no room for the answer in the cache on disk"));
        }
        file.write_all_at(&self.buffer, self.written)?;
        self.sums.update(&self.buffer);
        self.written = end;
        self.buffer.clear();
        let written = self.written;
        self.flight.progress.send_modify(|progress| progress.written = written);
        Ok(())
    }
}

impl io::Write for FlightWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE_BYTES {
            self.write_buffer()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_buffer()
    }
}

impl Drop for FlightWriter {
    fn drop(&mut self) {
        if !self.has_landed {
            self.land(End::Broken, None);
        }
    }
}

/// Makes a file that goes with its last descriptor or mapping.
fn nameless_file(directory: &Path) -> io::Result<File> {
    std::fs::create_dir_all(directory)?;
    let path = directory.join(ulid::Ulid::generate().to_string());
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

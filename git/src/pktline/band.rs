//! Side-bands: pack data, progress and errors multiplexed over one stream of pkt-lines.
//!
//! Owns chunking and the choice of band; the caller owns when something is said. Used by pack streaming and by the
//! report of a push.

use std::io::{self, Write};

use super::header;

/// How much of the side-band protocol the client understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum BandMode {
    /// No side-band: the pack follows as plain bytes, progress and errors cannot be told.
    #[default]
    None,
    /// `side-band`: packets of at most 1000 bytes.
    Small,
    /// `side-band-64k`, and always in protocol v2: packets of at most 65520 bytes.
    Large,
}

impl BandMode {
    /// Most payload bytes in one packet, not counting the band byte.
    pub fn capacity(self) -> usize {
        match self {
            BandMode::Small => 995,
            BandMode::Large | BandMode::None => 65515,
        }
    }
}

/// The three channels of a side-band stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// Pack or report bytes.
    Data = 1,
    /// Text for the user, shown with `remote: ` in front.
    Progress = 2,
    /// A last message before the stream breaks off.
    Error = 3,
}

/// Buffers data into packets as large as the client accepts.
///
/// Shape: with [`BandMode::None`] data passes through unframed, and progress and errors are dropped because the
/// client has no place for them. Data is held back until a packet is full: call [`BandWriter::flush_data`] at the end.
pub struct BandWriter<'a> {
    out: &'a mut dyn Write,
    mode: BandMode,
    buffer: Vec<u8>,
    written: u64,
}

impl std::fmt::Debug for BandWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BandWriter").field("mode", &self.mode).field("written", &self.written).finish_non_exhaustive()
    }
}

/// Length digits and band byte kept in front of the buffered data, so that a packet leaves in one write.
const PREFIX: usize = 5;

impl<'a> BandWriter<'a> {
    /// Frames everything written from now on for `mode`.
    pub fn new(out: &'a mut dyn Write, mode: BandMode) -> Self {
        let mut buffer = Vec::with_capacity(mode.capacity().saturating_add(PREFIX));
        buffer.resize(PREFIX, 0);
        BandWriter { out, mode, buffer, written: 0 }
    }

    /// Bytes handed to the underlying writer so far, framing included.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Whether the client can be told anything besides data.
    pub fn has_bands(&self) -> bool {
        self.mode != BandMode::None
    }

    /// Queues data for band 1, writing every packet that fills up.
    pub fn data(&mut self, mut data: &[u8]) -> io::Result<()> {
        let full = self.mode.capacity().saturating_add(PREFIX);
        while !data.is_empty() {
            let room = full.saturating_sub(self.buffer.len());
            let (now, later) = data.split_at(room.min(data.len()));
            self.buffer.extend_from_slice(now);
            data = later;
            if self.buffer.len() >= full {
                self.flush_data()?;
            }
        }
        Ok(())
    }

    /// Writes what [`BandWriter::data`] has queued.
    pub fn flush_data(&mut self) -> io::Result<()> {
        let len = self.buffer.len().saturating_sub(PREFIX);
        if len == 0 {
            return Ok(());
        }
        if self.mode == BandMode::None {
            let data = self.buffer.get(PREFIX..).unwrap_or_default();
            self.out.write_all(data)?;
            self.written = self.written.saturating_add(len as u64);
        } else {
            if let Some(prefix) = self.buffer.first_chunk_mut::<PREFIX>() {
                let [a, b, c, d] = header(len.saturating_add(1));
                *prefix = [a, b, c, d, Band::Data as u8];
            }
            self.out.write_all(&self.buffer)?;
            self.written = self.written.saturating_add(self.buffer.len() as u64);
        }
        self.buffer.truncate(PREFIX);
        Ok(())
    }

    /// Tells the user something at once; queued data goes out first so that order is kept.
    pub fn progress(&mut self, text: &str) -> io::Result<()> {
        self.message(Band::Progress, text)
    }

    /// Tells the client that the stream ends here in failure.
    pub fn error(&mut self, text: &str) -> io::Result<()> {
        self.message(Band::Error, text)
    }

    fn message(&mut self, band: Band, text: &str) -> io::Result<()> {
        if self.mode == BandMode::None {
            return Ok(());
        }
        self.flush_data()?;
        for chunk in text.as_bytes().chunks(self.mode.capacity()) {
            let mut packet = Vec::with_capacity(chunk.len().saturating_add(PREFIX));
            packet.extend_from_slice(&header(chunk.len().saturating_add(1)));
            packet.push(band as u8);
            packet.extend_from_slice(chunk);
            self.out.write_all(&packet)?;
            self.written = self.written.saturating_add(packet.len() as u64);
        }
        self.out.flush()
    }

    /// Sends an empty data packet, which clients ignore, so that nobody on the way thinks the stream is dead.
    pub fn keep_alive(&mut self) -> io::Result<()> {
        if self.mode == BandMode::None {
            return Ok(());
        }
        self.flush_data()?;
        self.out.write_all(b"0005\x01")?;
        self.written = self.written.saturating_add(5);
        self.out.flush()
    }

    /// Ends the stream: writes what is queued and, for side-band clients, the closing flush packet.
    pub fn finish(mut self) -> io::Result<u64> {
        self.flush_data()?;
        if self.mode != BandMode::None {
            self.out.write_all(super::FLUSH)?;
            self.written = self.written.saturating_add(4);
        }
        self.out.flush()?;
        Ok(self.written)
    }
}

//! Owns the graph of `git diff --stat`. Refuses to count. Called by mails.

use std::io::Write;

use super::FileStat;
use crate::error::{Error, Result};

/// Least columns for names, and least for the graph.
const LEAST_NAME: i64 = 16;
const LEAST_GRAPH: i64 = 6;

/// Writes one line with a graph for each file; the line with the sums is [`super::write_shortstat`].
///
/// Units: `width` in columns; git takes 80 for people and 72 for mails. Characters outside of ASCII are quoted in names, so bytes are columns.
/// Errors: `PeerGone`.
pub fn write_graph(stats: &[FileStat], width: usize, out: &mut dyn Write) -> Result<()> {
    let columns = Columns::new(stats, width as i64);
    stats.iter().try_for_each(|stat| out.write_all(&columns.line(stat))).map_err(Error::PeerGone)
}

/// How a line is divided.
struct Columns {
    name: i64,
    number: i64,
    graph: i64,
    most: i64,
}

impl Columns {
    fn new(stats: &[FileStat], width: i64) -> Columns {
        let longest = stats.iter().map(|stat| stat.name.len() as i64).max().unwrap_or(0);
        let texts = || stats.iter().filter(|stat| !stat.is_binary);
        let most = texts().map(|stat| stat.added.saturating_add(stat.deleted) as i64).max().unwrap_or(0);
        let binaries = || stats.iter().filter(|stat| stat.is_binary);
        // "Bin XXX -> YYY bytes"
        let binary = binaries().map(|stat| 14 + digits(stat.added as i64) + digits(stat.deleted as i64)).max();
        let number = digits(most).max(if binary.is_some() { 3 } else { 0 });
        let width = width.max(LEAST_NAME + LEAST_GRAPH + number);
        let mut graph = most.max(binary.unwrap_or(0) - 4);
        let mut name = longest;
        if name + number + 6 + graph > width {
            graph = graph.min((width * 3 / 8 - number - 6).max(LEAST_GRAPH));
            let left = width - number - 6;
            if name > left - graph {
                name = left - graph;
            } else {
                graph = left - name;
            }
        }
        Columns { name, number, graph, most }
    }

    fn line(&self, stat: &FileStat) -> Vec<u8> {
        let mut out = vec![b' '];
        let mut name = &stat.name[..];
        let mut room = self.name;
        if room < name.len() as i64 {
            // The end of a long name is shown, from a slash on if there is one.
            out.extend_from_slice(b"...");
            room = (room - 3).max(0);
            name = name.get(name.len() - room as usize..).unwrap_or_default();
            let slash = name.iter().position(|byte| *byte == b'/').unwrap_or(0);
            name = name.get(slash..).unwrap_or_default();
        }
        out.extend_from_slice(name);
        out.resize(out.len() + (room - name.len() as i64).max(0) as usize, b' ');
        let number = self.number as usize;
        if stat.is_binary {
            out.extend_from_slice(format!(" | {:>number$}", "Bin").as_bytes());
            if stat.added > 0 || stat.deleted > 0 {
                out.extend_from_slice(format!(" {} -> {} bytes", stat.deleted, stat.added).as_bytes());
            }
        } else {
            let sum = stat.added.saturating_add(stat.deleted);
            let (plus, minus) = self.bars(stat.added as i64, stat.deleted as i64);
            let space = if sum > 0 { " " } else { "" };
            out.extend_from_slice(format!(" | {sum:>number$}{space}").as_bytes());
            out.resize(out.len() + plus.max(0) as usize, b'+');
            out.resize(out.len() + minus.max(0) as usize, b'-');
        }
        out.push(b'\n');
        out
    }

    fn bars(&self, added: i64, deleted: i64) -> (i64, i64) {
        if self.graph > self.most {
            return (added, deleted);
        }
        let mut total = self.scale(added.saturating_add(deleted));
        if total < 2 && added > 0 && deleted > 0 {
            total = 2;
        }
        if added < deleted {
            let plus = self.scale(added);
            (plus, total - plus)
        } else {
            let minus = self.scale(deleted);
            (total - minus, minus)
        }
    }

    /// Something stays something, however small.
    fn scale(&self, count: i64) -> i64 {
        if count == 0 { 0 } else { 1 + count.saturating_mul(self.graph - 1) / self.most.max(1) }
    }
}

fn digits(number: i64) -> i64 {
    i64::from(number.checked_ilog10().unwrap_or(0)) + 1
}

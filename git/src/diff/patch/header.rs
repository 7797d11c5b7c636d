//! Owns the lines of a patch before its first hunk. Refuses contents. Called by [`super::PatchWriter`].

use crate::{
    diff::{
        abbrev::IdPrinter,
        change::{Change, File, Status},
        quote::quote_path,
    },
    id::{HASH_KIND, ObjectId},
};

/// The header of one file.
pub(super) struct Header<'a> {
    change: &'a Change,
    before: Option<&'a File>,
    after: Option<&'a File>,
    ids: Vec<u8>,
}

impl<'a> Header<'a> {
    /// The header of `change`, or of one half of it: the deletion or the creation in a change of type.
    pub(super) fn new(change: &'a Change, before: Option<&'a File>, after: Option<&'a File>) -> Self {
        Header { change, before, after, ids: Vec::new() }
    }

    /// Adds the `index` line.
    pub(super) fn add_ids(&mut self, ids: IdPrinter<'_>) {
        let print = |file: Option<&File>| ids.print(&file.map_or(ObjectId::null(HASH_KIND), |file| file.id));
        self.ids = format!("index {}..{}", print(self.before), print(self.after)).into_bytes();
        if let (Some(before), Some(after)) = (self.before, self.after)
            && before.mode == after.mode
        {
            self.ids.extend_from_slice(format!(" {:06o}", before.mode.bits()).as_bytes());
        }
        self.ids.push(b'\n');
    }

    /// Whether it tells something even when no line differs.
    pub(super) fn is_news(&self) -> bool {
        let is_modification = self.before.zip(self.after).is_some_and(|(before, after)| before.mode == after.mode);
        !is_modification || self.change.status.similarity().is_some()
    }

    /// The whole header but for the lines with `---` and `+++`.
    pub(super) fn text(&self) -> Vec<u8> {
        let (old, new) = self.names();
        let mut out = [b"diff --git ", &old[..], b" ", &new, b"\n"].concat();
        let mut line = |text: String| out.extend_from_slice(text.as_bytes());
        match (self.before, self.after) {
            (None, Some(file)) => line(format!("new file mode {:06o}\n", file.mode.bits())),
            (Some(file), None) => line(format!("deleted file mode {:06o}\n", file.mode.bits())),
            (Some(before), Some(after)) if before.mode != after.mode => {
                line(format!("old mode {:06o}\nnew mode {:06o}\n", before.mode.bits(), after.mode.bits()));
            }
            _ => {}
        }
        let verb = match self.change.status {
            Status::Renamed(_) => "rename",
            Status::Copied(_) => "copy",
            _ => "",
        };
        if let Some(similarity) = self.change.status.similarity() {
            line(format!("similarity index {similarity}%\n"));
            for (word, path) in [("from", self.change.old_path()), ("to", self.change.path())] {
                out.extend_from_slice(format!("{verb} {word} ").as_bytes());
                out.extend_from_slice(&quote_path("", path));
                out.push(b'\n');
            }
        }
        out.extend_from_slice(&self.ids);
        out
    }

    /// The lines with `---` and `+++`.
    pub(super) fn name_lines(&self) -> Vec<u8> {
        let (old, new) = self.labels();
        // A tab ends names with a space, for tools that would take the rest for a date.
        let end = |name: &[u8]| if name.contains(&b' ') { &b"\t\n"[..] } else { b"\n" };
        [b"--- ", &old[..], end(&old), b"+++ ", &new, end(&new)].concat()
    }

    /// What stands for a binary file that is not shown.
    pub(super) fn binary_line(&self) -> Vec<u8> {
        let (old, new) = self.labels();
        [b"Binary files ", &old[..], b" and ", &new, b" differ\n"].concat()
    }

    fn names(&self) -> (Vec<u8>, Vec<u8>) {
        (quote_path("a/", self.change.old_path()), quote_path("b/", self.change.path()))
    }

    fn labels(&self) -> (Vec<u8>, Vec<u8>) {
        let (old, new) = self.names();
        let null = || b"/dev/null".to_vec();
        (self.before.map_or_else(null, |_| old), self.after.map_or_else(null, |_| new))
    }
}

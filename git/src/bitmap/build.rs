//! Owns computing the bitmaps of chosen commits: parents first, each from those made before and a walk over the rest. Refuses to choose. Called by the
//! writer.

use std::sync::atomic::AtomicBool;

use super::{Cover, ewah};
use crate::{
    bits::Bits,
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
    pack::Pack,
    walk::{Flags, Graph, Node, TreeEntries, check_interrupt, unreadable},
};

/// The bitmap of one commit, as the file has it.
#[derive(Debug)]
pub(super) struct Made {
    /// Position in the pack's index.
    pub(super) index: u32,
    /// Whether the bits have to be compared with those of the one made before.
    pub(super) is_xor: bool,
    /// Compressed.
    pub(super) bytes: Vec<u8>,
}

/// Bitmaps in the making.
pub(super) struct Builder<'a> {
    odb: &'a Snapshot,
    pack: &'a Pack,
    interrupt: &'a AtomicBool,
    /// Compressed bits of commits made before, each on its own; by [`Node`].
    done: std::collections::HashMap<Node, Vec<u8>>,
    broken: Flags,
    before: Option<Bits>,
    /// How many were compared with the one before, one after another.
    chain: usize,
    made: Vec<Made>,
    data: Vec<u8>,
    stack: Vec<ObjectId>,
}

/// Longest way to a bitmap that stands alone: whoever wants one has to read all on the way.
const MAX_CHAIN: usize = 50;

/// Something that a commit reaches is not in the pack.
const BROKEN: u8 = 1;

impl<'a> Builder<'a> {
    pub(super) fn new(odb: &'a Snapshot, pack: &'a Pack, interrupt: &'a AtomicBool) -> Self {
        Builder {
            odb,
            pack,
            interrupt,
            done: Default::default(),
            broken: Flags::default(),
            before: None,
            chain: 0,
            made: Vec::new(),
            data: Vec::new(),
            stack: Vec::new(),
        }
    }

    /// Adds a loaded commit, whose chosen ancestors were all added before. One that reaches beyond the pack gets no bitmap.
    ///
    /// Errors: `Lost`, `Corrupt`, `Interrupted`.
    pub(super) fn add(&mut self, graph: &mut Graph<'_>, node: Node) -> Result<()> {
        let objects = self.pack.object_count();
        let Some(index) = self.pack.idx().lookup(&graph.id(node)) else { return Ok(()) };
        let (pack, done, broken) = (self.pack, &self.done, &self.broken);
        let mut meets_broken = false;
        let cover = Cover::find_by(graph, &[node], usize::MAX, Bits::new(objects as usize), |graph, node, bits| {
            meets_broken |= broken.has(node, BROKEN);
            if meets_broken || position(pack, &graph.id(node)).is_some_and(|at| bits.contains(at)) {
                return true;
            }
            let Some(found) = done.get(&node) else { return false };
            unite(found, objects, bits);
            true
        })?;
        let Some(Cover { mut bits, open }) = cover.filter(|_| !meets_broken) else {
            self.broken.set(node, BROKEN);
            return Ok(());
        };
        for below in open {
            if !self.mark(graph, below, &mut bits)? {
                self.broken.set(below, BROKEN);
                self.broken.set(node, BROKEN);
                return Ok(());
            }
        }
        let mut plain = Vec::new();
        ewah::write(bits.words(), objects, &mut plain);
        let mut made = Made { index, is_xor: false, bytes: plain.clone() };
        if let Some(mut difference) = self.before.take().filter(|_| self.chain < MAX_CHAIN) {
            difference.xor(&bits);
            let mut compared = Vec::new();
            ewah::write(difference.words(), objects, &mut compared);
            if compared.len() < plain.len() {
                made = Made { index, is_xor: true, bytes: compared };
            }
        }
        self.chain = if made.is_xor { self.chain + 1 } else { 0 };
        self.made.push(made);
        self.done.insert(node, plain);
        self.before = Some(bits);
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Made> {
        self.made
    }

    /// Marks a commit and everything in its tree that is not marked yet; answers whether all of it is in the pack.
    fn mark(&mut self, graph: &Graph<'_>, node: Node, bits: &mut Bits) -> Result<bool> {
        let Some(at) = position(self.pack, &graph.id(node)) else { return Ok(false) };
        bits.insert(at);
        let Some(at) = position(self.pack, &graph.tree(node)) else { return Ok(false) };
        self.stack.clear();
        if bits.insert(at) {
            self.stack.push(graph.tree(node));
        }
        while let Some(tree) = self.stack.pop() {
            check_interrupt(self.interrupt)?;
            match self.odb.find(&tree, &mut self.data)? {
                Some(Kind::Tree) => {}
                Some(actual) => {
                    return Err(Error::WrongKind { id: tree, expected: Kind::Tree, actual, referenced_by: None });
                }
                None => return Err(Error::Lost { id: tree }),
            }
            let mut entries = TreeEntries::new(&self.data);
            for entry in entries.by_ref() {
                let Some(kind) = entry.kind else { continue };
                let Some(at) = position(self.pack, &entry.id) else { return Ok(false) };
                if bits.insert(at) && kind == Kind::Tree {
                    self.stack.push(entry.id);
                }
            }
            if entries.is_broken() {
                return Err(unreadable(&tree, "the tree cannot be read"));
            }
        }
        Ok(true)
    }
}

fn position(pack: &Pack, id: &ObjectId) -> Option<u32> {
    pack.rank_of_index(pack.idx().lookup(id)?)
}

/// Adds bits that were compressed here.
fn unite(compressed: &[u8], objects: u32, bits: &mut Bits) {
    let mut found = Bits::new(objects as usize);
    if let Ok((range, _)) = ewah::check(compressed, 0, found.words().len()) {
        ewah::xor_into(compressed.get(range).unwrap_or_default(), found.words_mut());
        bits.unite(&found);
    }
}

//! Owns the second pass: every delta is applied to its base, bases first, along an explicit stack.
//!
//! A base stays in memory while deltas of it wait; its last delta takes it over. What is held beyond the budget is dropped, oldest first, and
//! rebuilt when its turn comes; the work of rebuilding is bounded, too.

mod finish;

use super::{
    Context, EXTERNAL, Indexed, IndexedObject, NONE, Node, Progress, Ticker, object::Form, scan::Scanned, visit,
    waiting::List,
};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    pack::delta::{self, DeltaHeader},
};

/// A base with deltas that wait for it.
struct Frame {
    node: Node,
    kind: Kind,
    depth: u32,
    data: Option<Vec<u8>>,
    /// Entries to be resolved against it.
    waiting: List,
}

struct Resolver<'a, 'c> {
    scanned: Scanned<'a>,
    context: &'c Context<'c>,
    externals: Vec<ObjectId>,
    stack: Vec<Frame>,
    held_bytes: u64,
    rebuilt_bytes: u64,
    /// A buffer to be used again.
    spare: Vec<u8>,
}

pub(super) fn resolve(
    scanned: Scanned<'_>,
    context: &Context<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Indexed> {
    let deltas = scanned.deltas;
    let mut ticker = Ticker::new(progress, deltas, |done, total| Progress::Resolved { done, total });
    // One base, one delta and one result at a time, and the bases that wait for more deltas.
    let needed = scanned.unpacked_bytes.min(context.limits.delta_memory_bytes);
    let needed = needed.saturating_add(scanned.largest_bytes.saturating_mul(3));
    let needed = if deltas > 0 { needed } else { 0 };
    let _memory = context.limits.memory.reserve(needed, context.interrupt)?;
    let mut resolver = Resolver {
        scanned,
        context,
        externals: Vec::new(),
        stack: Vec::new(),
        held_bytes: 0,
        rebuilt_bytes: 0,
        spare: Vec::new(),
    };
    if deltas > 0 {
        resolver.resolve_from_pack(&mut ticker)?;
        resolver.resolve_from_repository(&mut ticker)?;
    }
    finish::finish(resolver.scanned, resolver.externals, context)
}

impl Resolver<'_, '_> {
    /// Resolves everything that builds on objects stored whole in the pack.
    fn resolve_from_pack(&mut self, ticker: &mut Ticker<'_>) -> Result<()> {
        for index in 0..self.scanned.entries.len() as u32 {
            let entry = *self.entry(index)?;
            let Some(kind) = entry.known_kind().filter(|_| entry.form() == Form::Whole) else { continue };
            let waiting = self.waiting_for(index, &entry.id());
            if !waiting.is_empty() {
                let mut data = Vec::new();
                self.scanned.source.inflate(&entry, &mut data)?;
                self.run(Frame { node: index, kind, depth: 0, data: Some(data), waiting }, ticker)?;
            }
        }
        Ok(())
    }

    /// Resolves what builds on objects of the repository. Whatever the pack can provide itself was provided before.
    fn resolve_from_repository(&mut self, ticker: &mut Ticker<'_>) -> Result<()> {
        for index in 0..self.scanned.entries.len() as u32 {
            self.context.check_interrupt()?;
            let Some(id) = self.entry(index)?.awaited_base() else { continue };
            // Each base is looked for once, however many deltas name it.
            if !self.scanned.waiting.is_first_of_base(index) {
                continue;
            }
            let mut data = Vec::new();
            if let Some(kind) = self.context.base.find(&id, &mut data)? {
                self.scanned.charge_base(data.len() as u64, self.context.limits)?;
                let node = EXTERNAL | self.externals.len() as Node;
                self.externals.push(id);
                let waiting = self.waiting_for(node, &id);
                self.run(Frame { node, kind, depth: 0, data: Some(data), waiting }, ticker)?;
            }
        }
        Ok(())
    }

    /// Resolves all that builds on one base.
    fn run(&mut self, root: Frame, ticker: &mut Ticker<'_>) -> Result<()> {
        self.push(root);
        while let Some(frame) = self.stack.last_mut() {
            self.context.check_interrupt()?;
            let Some(index) = self.scanned.waiting.pop(&mut frame.waiting) else {
                self.pop();
                continue;
            };
            let (node, kind, depth) = (frame.node, frame.kind, frame.depth + 1);
            let base = match frame.data.take() {
                Some(data) => data,
                None => self.rebuild(node)?,
            };
            if depth > self.context.limits.max_delta_depth {
                let limit = u64::from(self.context.limits.max_delta_depth);
                return Err(Error::TooLarge { what: "length of a chain of deltas", limit });
            }
            let mut data = std::mem::take(&mut self.spare);
            let entry = *self.entry(index)?;
            let bad = |what| Error::bad_pack(what, entry.offset());
            let delta = self.scanned.source.delta(index, &entry)?;
            visit::check_size(kind, DeltaHeader::parse(delta).map_err(bad)?.result_size, self.context.limits)?;
            delta::apply(&base, delta, &mut data).map_err(bad)?;
            let id = self.scanned.visitor.object(self.context, entry.offset(), kind, &data)?;
            self.scanned.entries.get_mut(index as usize).ok_or_else(lost_entry)?.resolve(id, kind);
            self.scanned.waiting.set_base(index, node);
            ticker.step();
            self.give_back(base);
            let waiting = self.waiting_for(index, &id);
            if waiting.is_empty() {
                self.spare = data;
            } else {
                self.push(Frame { node: index, kind, depth, data: Some(data), waiting });
            }
        }
        Ok(())
    }

    /// Returns the base to the frame on top, or lets go of it after its last delta.
    fn give_back(&mut self, base: Vec<u8>) {
        match self.stack.last_mut() {
            Some(frame) if !frame.waiting.is_empty() => frame.data = Some(base),
            _ => {
                self.held_bytes = self.held_bytes.saturating_sub(base.len() as u64);
                self.stack.pop();
            }
        }
    }

    fn push(&mut self, frame: Frame) {
        self.held_bytes += frame.data.as_ref().map_or(0, |data| data.len() as u64);
        self.stack.push(frame);
        if self.held_bytes <= self.context.limits.delta_memory_bytes {
            return;
        }
        // The bottom of the stack is needed last.
        let below = self.stack.len().saturating_sub(1);
        for frame in self.stack.iter_mut().take(below) {
            if let Some(data) = frame.data.take() {
                self.held_bytes = self.held_bytes.saturating_sub(data.len() as u64);
                if self.held_bytes <= self.context.limits.delta_memory_bytes {
                    break;
                }
            }
        }
    }

    fn pop(&mut self) {
        if let Some(Frame { data: Some(data), .. }) = self.stack.pop() {
            self.held_bytes = self.held_bytes.saturating_sub(data.len() as u64);
        }
    }

    /// Computes the dropped content of the frame on top again, from the nearest thing that is still there.
    fn rebuild(&mut self, node: Node) -> Result<Vec<u8>> {
        let mut chain: Vec<u32> = Vec::new();
        let mut at = node;
        let mut below = self.stack.iter().rev().peekable();
        let mut data = loop {
            if let Some(frame) = below.next_if(|frame| frame.node == at)
                && let Some(data) = &frame.data
            {
                break data.clone();
            }
            if at & EXTERNAL != 0 {
                let id = self.externals.get((at & !EXTERNAL) as usize).ok_or_else(lost_entry)?;
                break self.context.base.read(id)?.data;
            }
            let entry = *self.entry(at)?;
            if entry.form() == Form::Whole {
                let mut data = Vec::new();
                self.scanned.source.inflate(&entry, &mut data)?;
                break data;
            }
            chain.push(at);
            at = self.scanned.waiting.base(at);
        };
        let mut next = Vec::new();
        for index in chain.into_iter().rev() {
            self.context.check_interrupt()?;
            let entry = *self.entry(index)?;
            let applied = delta::apply(&data, self.scanned.source.delta(index, &entry)?, &mut next);
            applied.map_err(|what| Error::bad_pack(what, entry.offset()))?;
            std::mem::swap(&mut data, &mut next);
            self.rebuilt_bytes = self.rebuilt_bytes.saturating_add(data.len() as u64);
            let limit = self.context.limits.max_unpacked_bytes.saturating_mul(2);
            if self.rebuilt_bytes > limit {
                return Err(Error::TooLarge { what: "work to resolve deltas", limit });
            }
        }
        self.held_bytes += data.len() as u64;
        Ok(data)
    }

    /// Hands out the deltas of an object, each once.
    fn waiting_for(&mut self, node: Node, id: &ObjectId) -> List {
        self.scanned.waiting.take(node, id, &self.scanned.entries)
    }

    fn entry(&self, index: u32) -> Result<&IndexedObject> {
        self.scanned.entries.get(index as usize).ok_or_else(lost_entry)
    }
}

/// Positions come from this module itself, so this does not happen; were it to, the pack is refused.
fn lost_entry() -> Error {
    Error::BadPack { what: "inconsistent positions", offset: None }
}

const _: () = assert!(NONE & EXTERNAL != 0, "NONE is no position of an entry");

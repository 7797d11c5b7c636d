//! Owns pairing files of equal content. Refuses to read any. Called by [`super::find`].

use std::{collections::HashMap, sync::atomic::AtomicBool};

use super::{MAX_SCORE, Pairing, name};
use crate::{error::Result, id::ObjectId, walk::check_interrupt};

/// How many files of the same content are weighed against each other.
const MAX_ALTERNATIVES: usize = 100;

/// Gives each new file the best source with its content: one that is not used yet, then one of the same name, then the first.
pub(super) fn pair(pairing: &mut Pairing, interrupt: &AtomicBool) -> Result<()> {
    let mut by_id: HashMap<ObjectId, Vec<usize>> = HashMap::new();
    for (at, source) in pairing.sources.iter().enumerate() {
        by_id.entry(source.file.id).or_default().push(at);
    }
    for to in 0..pairing.destinations.len() {
        check_interrupt(interrupt)?;
        if let Some(source) = best_source(pairing, to, &by_id) {
            pairing.record(to, source, MAX_SCORE);
        }
    }
    Ok(())
}

fn best_source(pairing: &Pairing, to: usize, by_id: &HashMap<ObjectId, Vec<usize>>) -> Option<usize> {
    let target = &pairing.destinations.get(to)?.file;
    let mut best = None;
    let mut weighed = 0;
    for at in by_id.get(&target.id)? {
        let source = pairing.sources.get(*at)?;
        let is_regular = source.file.mode.is_regular() && target.mode.is_regular();
        if !is_regular && source.file.mode != target.mode {
            continue;
        }
        if source.used > 0 && !pairing.with_copies {
            continue;
        }
        let worth = u8::from(source.used == 0) + u8::from(name(&source.file.path) == name(&target.path));
        if best.is_none_or(|(_, most)| worth > most) {
            best = Some((*at, worth));
            if worth == 2 {
                break;
            }
        }
        weighed += 1;
        if weighed == MAX_ALTERNATIVES {
            break;
        }
    }
    best.map(|(at, _)| at)
}

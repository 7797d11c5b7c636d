//! Owns the question which tips hold a commit, as `git branch --contains` and `git tag --contains` answer it. Called by commit pages.

use std::sync::atomic::AtomicBool;

use crate::{
    error::Result,
    id::{Kind, ObjectId},
    odb::Snapshot,
    walk::{Flags, Graph, Node, peel},
};

const HOLDS: u8 = 1;
const LACKS: u8 = 2;

/// Says for each tip whether it holds `commit`; all in one walk, in which no commit is visited twice.
///
/// Shape: one answer for each tip, in their order; tags are followed, also from `commit`, and a tip that is no commit holds none.
/// Errors: `Lost`, `WrongKind` when `commit` is none, `Interrupted`.
pub fn tips_containing(
    odb: &Snapshot,
    commit: &ObjectId,
    tips: &[ObjectId],
    interrupt: &AtomicBool,
) -> Result<Vec<bool>> {
    let mut graph = Graph::new(odb, interrupt);
    let target = graph.load_named(commit)?;
    let mut flags = Flags::default();
    flags.set(target, HOLDS);
    let mut answers = Vec::with_capacity(tips.len());
    for tip in tips {
        let peeled = peel(odb, tip)?;
        answers.push(match peeled.kind {
            Kind::Commit => {
                let node = graph.load(&peeled.target)?;
                holds(&mut graph, &mut flags, node, target)?
            }
            Kind::Tree | Kind::Blob | Kind::Tag => false,
        });
    }
    Ok(answers)
}

fn holds(graph: &mut Graph<'_>, flags: &mut Flags, start: Node, target: Node) -> Result<bool> {
    let floor = graph.generation(target);
    // The path from the tip to the commit looked at, with the next parent to try.
    let mut path = vec![(start, 0_u32)];
    while let Some((node, position)) = path.last_mut() {
        let node = *node;
        if flags.has(node, HOLDS) {
            for (node, _) in path {
                flags.set(node, HOLDS);
            }
            return Ok(true);
        }
        let next = match flags.has(node, LACKS) || graph.generation(node) < floor {
            true => None,
            false => graph.parent(node, *position)?,
        };
        *position = position.saturating_add(1);
        match next {
            Some(parent) => path.push((parent, 0)),
            None => {
                flags.set(node, LACKS);
                path.pop();
            }
        }
    }
    Ok(false)
}

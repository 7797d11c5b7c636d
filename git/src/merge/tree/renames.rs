//! Owns bringing the versions of renamed files together under one path. Refuses to merge unrelated paths: that is [`super::resolve`].

use super::{
    ConflictKind, Merge, content,
    entry::{BASE, OURS, Path, PathEntry, THEIRS, bit, other},
};
use crate::{error::Result, walk::check_interrupt};

/// A rename of one side.
#[derive(Debug, Clone)]
pub(super) struct Rename {
    pub(super) from: Path,
    pub(super) to: Path,
    pub(super) side: usize,
}

/// Applies all renames; `list` is sorted by the old path, ours before theirs.
pub(super) fn process(merge: &mut Merge<'_>, list: &[Rename]) -> Result<()> {
    let mut rest = list;
    while let Some((first, tail)) = rest.split_first() {
        check_interrupt(merge.interrupt)?;
        rest = tail;
        let Some(old) = merge.paths.get(&first.from).filter(|old| !old.is_clean).cloned() else { continue };
        match tail.split_first() {
            Some((second, tail)) if second.from == first.from => {
                rest = tail;
                twice(merge, old, first, second)?;
            }
            _ => once(merge, old, first)?,
        }
    }
    Ok(())
}

/// Both sides renamed the file.
fn twice(merge: &mut Merge<'_>, mut old: PathEntry, first: &Rename, second: &Rename) -> Result<()> {
    let (Some(mut ours), Some(mut theirs)) =
        (merge.paths.get(&first.to).cloned(), merge.paths.get(&second.to).cloned())
    else {
        return Ok(());
    };
    if first.to == second.to {
        ours.set_stage(BASE, old.stage(BASE));
        ours.files |= bit(BASE);
        old.remove();
        merge.paths.insert(first.to.clone(), ours);
        merge.paths.insert(first.from.clone(), old);
        return Ok(());
    }
    let stages = [old.stage(BASE), ours.stage(OURS), theirs.stage(THEIRS)];
    let origins = [first.from.clone(), first.to.clone(), second.to.clone()];
    let merged = content::merge(merge, stages, &origins, 1 + 2 * merge.depth)?;
    // What cannot be merged is not copied from one path to the other.
    let is_left_alone = !merged.is_clean && merged.item == ours.stage(OURS);
    ours.set_stage(OURS, merged.item);
    theirs.set_stage(THEIRS, if is_left_alone { theirs.stage(THEIRS) } else { merged.item });
    for entry in [&mut ours, &mut theirs, &mut old] {
        entry.is_path_conflict = true;
    }
    merge.note(ConflictKind::RenameRename, &first.from, &[&first.to, &second.to]);
    merge.paths.insert(first.to.clone(), ours);
    merge.paths.insert(second.to.clone(), theirs);
    merge.paths.insert(first.from.clone(), old);
    Ok(())
}

/// One side renamed the file.
fn once(merge: &mut Merge<'_>, mut old: PathEntry, rename: &Rename) -> Result<()> {
    let Some(mut new) = merge.paths.get(&rename.to).cloned() else { return Ok(()) };
    let (side, opposite) = (rename.side, other(rename.side));
    let is_deleted = old.files == bit(BASE);
    let is_file = |item: Option<crate::create::entries::Item>| item.is_some_and(|item| item.mode.is_file());
    let is_type_changed = !is_deleted && is_file(old.stage(opposite)) != is_file(new.stage(side));
    // With another type at the old path, the file at the new one is most likely the other half of this rename.
    let is_taken = new.files & bit(opposite) != 0 && !is_type_changed;
    if is_taken && !is_deleted {
        let mut stages = [old.stage(BASE), old.stage(OURS), old.stage(THEIRS)];
        let mut origins = [rename.from.clone(), rename.from.clone(), rename.from.clone()];
        if let (Some(stage), Some(origin)) = (stages.get_mut(side), origins.get_mut(side)) {
            *stage = new.stage(side);
            *origin = rename.to.clone();
        }
        let merged = content::merge(merge, stages, &origins, 1 + 2 * merge.depth)?;
        new.set_stage(side, merged.item);
        if !merged.is_clean {
            merge.note(ConflictKind::RenameCollision, &rename.to, &[&rename.from]);
        }
    } else if is_taken {
        new.is_path_conflict = true;
        merge.note(ConflictKind::RenameDelete, &rename.to, &[&rename.from]);
    } else {
        new.set_stage(BASE, old.stage(BASE));
        new.files |= bit(BASE);
        new.set_origin(BASE, &rename.from);
        if is_type_changed {
            old.set_stage(BASE, None);
            old.files &= !bit(BASE);
        } else if is_deleted {
            new.is_path_conflict = true;
            merge.note(ConflictKind::RenameDelete, &rename.to, &[&rename.from]);
        } else {
            new.set_stage(opposite, old.stage(opposite));
            new.files |= bit(opposite);
            new.set_origin(opposite, &rename.from);
        }
    }
    if !is_type_changed {
        old.remove();
    }
    merge.paths.insert(rename.to.clone(), new);
    merge.paths.insert(rename.from.clone(), old);
    Ok(())
}

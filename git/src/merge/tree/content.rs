//! Owns the merge of three versions of one file, symbolic link or submodule of the same type: mode and content. Refuses to decide about paths.

use super::{
    ConflictKind, Merge,
    entry::{OURS, Path},
};
use crate::{
    create::entries::{Item, Mode},
    diff::is_binary,
    error::Result,
    id::{Kind, ObjectId},
    merge::{Joining, Labels, LineDiff, TextOptions, merge_text},
};

/// Length of conflict markers. Units: characters.
const MARKER_SIZE: usize = 7;

/// A merged version.
pub(super) struct Merged {
    pub(super) item: Option<Item>,
    pub(super) is_clean: bool,
    /// What stands in the way.
    pub(super) kind: Option<ConflictKind>,
}

impl Merged {
    fn clean(item: Item) -> Merged {
        Merged { item: Some(item), is_clean: true, kind: None }
    }

    fn conflict(item: Option<Item>, kind: ConflictKind) -> Merged {
        Merged { item, is_clean: false, kind: Some(kind) }
    }
}

/// Merges base, ours and theirs; both sides exist and are of the same type.
///
/// Shape: `origins` are the paths of the versions, named in conflict markers when they differ; conflict markers are longer by `longer`.
pub(super) fn merge(
    merge: &mut Merge<'_>,
    stages: [Option<Item>; 3],
    origins: &[Path; 3],
    longer: usize,
) -> Result<Merged> {
    let [base, Some(ours), Some(theirs)] = stages else {
        return Ok(Merged::conflict(stages.get(OURS).copied().flatten(), ConflictKind::ModifyDelete));
    };
    let base_mode = base.map(|base| base.mode);
    let (mode, is_mode_clean) = if ours.mode == theirs.mode || Some(ours.mode) == base_mode {
        (theirs.mode, true)
    } else {
        (ours.mode, Some(theirs.mode) == base_mode)
    };
    let mut merged = contents(merge, base, ours, theirs, origins, longer)?;
    if let Some(item) = &mut merged.item
        && item.mode.is_file()
        && mode.is_file()
    {
        item.mode = mode;
    }
    if !is_mode_clean {
        merged.is_clean = false;
        merged.kind = merged.kind.or(Some(ConflictKind::Content));
    }
    Ok(merged)
}

fn contents(
    merge: &mut Merge<'_>,
    base: Option<Item>,
    ours: Item,
    theirs: Item,
    origins: &[Path; 3],
    longer: usize,
) -> Result<Merged> {
    let base_id = base.map(|base| base.id);
    if ours.id == theirs.id || Some(ours.id) == base_id {
        return Ok(Merged::clean(Item { mode: ours.mode, id: theirs.id }));
    }
    if Some(theirs.id) == base_id {
        return Ok(Merged::clean(ours));
    }
    // An inner merge goes back to the base, whatever type it is.
    let unmerged = if merge.depth > 0 { base } else { Some(ours) };
    match ours.mode {
        Mode::File | Mode::Executable => {
            // A base of another type is none for a text.
            let base = base.filter(|base| base.mode.is_file());
            blobs(merge, base, ours, theirs, origins, longer)
        }
        // Whether one commit follows the other is known to the other repository only.
        Mode::Submodule => Ok(Merged::conflict(unmerged, ConflictKind::Submodule)),
        Mode::Symlink => Ok(Merged::conflict(unmerged, ConflictKind::Symlink)),
        Mode::Tree => Ok(Merged::conflict(Some(ours), ConflictKind::FileDirectory)),
    }
}

fn blobs(
    merge: &mut Merge<'_>,
    base: Option<Item>,
    ours: Item,
    theirs: Item,
    origins: &[Path; 3],
    longer: usize,
) -> Result<Merged> {
    let ids = [base.map(|base| base.id), Some(ours.id), Some(theirs.id)];
    // For an inner merge what cannot be merged stays as it was; an empty file stands for nothing.
    let unmerged = |merge: &mut Merge<'_>, kind| -> Result<Merged> {
        if merge.depth == 0 {
            return Ok(Merged::conflict(Some(ours), kind));
        }
        let id = match base {
            Some(base) => base.id,
            None => merge.objects.write(Kind::Blob, Vec::new())?,
        };
        Ok(Merged { item: Some(Item { mode: ours.mode, id }), is_clean: true, kind: None })
    };
    for id in ids.iter().flatten() {
        if size(merge, id)? > merge.options.max_file_bytes {
            return unmerged(merge, ConflictKind::TooLarge);
        }
    }
    let read = |id: Option<ObjectId>| id.map_or(Ok(Vec::new()), |id| merge.objects.read_as(&id, Kind::Blob));
    let [base_text, our_text, their_text] = [read(ids[0])?, read(ids[1])?, read(ids[2])?];
    if [&base_text, &our_text, &their_text].iter().any(|text| is_binary(text)) {
        return unmerged(merge, ConflictKind::Binary);
    }
    let labels = labels(merge, origins);
    let options = TextOptions {
        diff: LineDiff::Histogram,
        style: merge.options.style,
        joining: Joining::Near,
        marker_size: MARKER_SIZE.saturating_add(longer),
        labels: Labels { base: &labels[0], ours: &labels[1], theirs: &labels[2] },
    };
    let text = merge_text(&base_text, &our_text, &their_text, &options, merge.interrupt)?;
    let item = Item { mode: ours.mode, id: merge.objects.write(Kind::Blob, text.content)? };
    if text.conflicts == 0 {
        return Ok(Merged::clean(item));
    }
    let kind = if base.is_none() { ConflictKind::AddAdd } else { ConflictKind::Content };
    Ok(Merged::conflict(Some(item), kind))
}

fn size(merge: &Merge<'_>, id: &ObjectId) -> Result<u64> {
    Ok(merge.objects.header(id)?.map_or(0, |(_, size)| size))
}

/// The names behind conflict markers: with the path when the versions come from different ones.
fn labels(merge: &Merge<'_>, origins: &[Path; 3]) -> [Vec<u8>; 3] {
    let names = [&merge.names.base, &merge.names.ours, &merge.names.theirs];
    let [base, ours, theirs] = origins;
    let is_moved = base != ours || ours != theirs;
    let label = |(name, path): (&String, &Path)| {
        if is_moved { [name.as_bytes(), b":", path].concat() } else { name.as_bytes().to_vec() }
    };
    let [base_name, our_name, their_name] = names;
    [label((base_name, base)), label((our_name, ours)), label((their_name, theirs))]
}

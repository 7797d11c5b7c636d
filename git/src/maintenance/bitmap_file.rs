//! Owns the bitmap file of a repository: for which pack, when it is made, and its way into place. Refuses to know what is in it: that is
//! [`crate::bitmap`]. Runs after each publication, outside of the turn.
//!
//! There is one, for the largest pack: git reads no more, and what came later is little. The file is put into place while no other change is published
//! and only if its pack is still in use, so that none is left beside a pack that goes; with the pack it goes, too.

use std::{
    fs,
    sync::{Arc, atomic::AtomicBool},
};

use super::{AfterPublish, fault, local::Local, rewrite::write_flushed};
use crate::{
    bitmap::{self, Bitmap, BitmapOptions},
    error::{Error, Result},
    files,
    id::ObjectId,
    incoming::quarantine::Quarantine,
    repository::Repository,
    view::View,
};

/// The bitmap file, made when the largest pack has none.
#[derive(Debug, Clone, Default)]
pub struct BitmapFile {
    /// What it holds.
    pub options: BitmapOptions,
}

impl AfterPublish for BitmapFile {
    fn derive(&self, repository: &Repository, view: &View, interrupt: &AtomicBool) -> Result<()> {
        let tips: Vec<ObjectId> = view.refs.iter().map(|item| item.peeled.unwrap_or(item.target)).collect();
        match Ready::make(repository, &tips, &self.options, interrupt)? {
            Some(ready) => ready.publish(repository).map(drop),
            None => Ok(()),
        }
    }
}

/// A bitmap file that waits to be published. Dropping it leaves nothing.
pub(super) struct Ready {
    bitmap: Arc<Bitmap>,
    /// Where the file lies, unless it lies beside its pack already.
    quarantine: Option<Quarantine>,
}

impl Ready {
    /// Makes the largest pack's bitmap file; `None` if it is in use already, or not worth while.
    ///
    /// Errors: those of [`bitmap::make`], `DiskFull`.
    pub(super) fn make(
        repository: &Repository,
        tips: &[ObjectId],
        options: &BitmapOptions,
        interrupt: &AtomicBool,
    ) -> Result<Option<Ready>> {
        let odb = repository.odb();
        let objects = repository.objects();
        let local = Local::of(&objects, &odb);
        let Some(pack) = local.regular.iter().max_by_key(|pack| pack.object_count()) else { return Ok(None) };
        if odb.bitmap().is_some_and(|known| Arc::ptr_eq(known.pack(), pack)) {
            return Ok(None);
        }
        match Bitmap::open(pack) {
            Ok(Some(bitmap)) => return Ok(Some(Ready { bitmap, quarantine: None })),
            Err(Error::Corrupt { path, what }) => {
                tracing::warn!(file.path = %path.display(), what, "a bitmap file is made anew");
            }
            other => drop(other?),
        }
        let Some(file) = bitmap::make(&odb, pack, tips, options, interrupt)? else { return Ok(None) };
        let quarantine = Quarantine::for_maintenance(&objects)?;
        write_flushed(&quarantine.bitmap_path(), &file)?;
        fault::reach("bitmaps flushed");
        let bitmap = Bitmap::open_at(&quarantine.bitmap_path(), pack)?;
        tracing::debug!(
            file.path = %pack.path().display(),
            commits = bitmap.len(),
            objects = pack.object_count(),
            bytes = file.len(),
            "bitmaps were made"
        );
        Ok(Some(Ready { bitmap, quarantine: Some(quarantine) }))
    }

    /// Moves the file into place and publishes a snapshot that uses it; answers false when its pack has gone meanwhile.
    ///
    /// Errors: `Io`, `DiskFull`.
    pub(super) fn publish(self, repository: &Repository) -> Result<bool> {
        let Ready { bitmap, quarantine } = self;
        let directory = repository.objects().join("pack");
        let mut is_used = false;
        repository.exchange(|current| {
            if !current.packs().iter().any(|known| Arc::ptr_eq(known, bitmap.pack())) {
                return Ok(None);
            }
            let target = bitmap.path();
            bitmap::remove_others(&directory, &target)?;
            fault::reach("other bitmaps removed");
            if let Some(quarantine) = &quarantine {
                let from = quarantine.bitmap_path();
                fs::rename(&from, &target).map_err(|e| Error::io("rename to", &target, e))?;
                fault::reach("bitmaps in place");
            }
            is_used = true;
            Ok(Some(current.with_bitmap(Arc::clone(&bitmap))))
        })?;
        // Outside: nobody need wait for it, and a file that a power cut takes back is only missing.
        files::sync_dir(&directory)?;
        Ok(is_used)
    }
}

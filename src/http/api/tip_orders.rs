//! In which order branches and tags are listed: by the dates of their tips, which are read once and remembered.
//!
//! Owns the memory of it. An order is of one exact state of the refs; when they move, only tips that were not there before are read. Who may see
//! them is asked before, each time. Called by `api/objects.rs` on the blocking pool.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use atomicqms_git::{self as git, ObjectId, View};
use moka::sync::Cache;

use crate::model::RepoId;

/// All orders that are remembered, together. Units: bytes, roughly.
const CACHE_BYTES: u64 = 64 << 20;
/// After this time without a request an order is forgotten.
const CACHE_IDLE: Duration = Duration::from_secs(3600);

/// The order of one kind of refs in one state of them.
#[derive(Debug)]
struct Known {
    /// The state: the number of its table.
    refs: u64,
    /// Places among the refs of the kind by name, the newest tip first.
    order: Arc<[u32]>,
    /// When each tip was made. Units: seconds.
    dates: HashMap<ObjectId, i64>,
}

impl Known {
    fn weight(&self) -> u32 {
        let bytes = self.order.len().saturating_mul(4).saturating_add(self.dates.len().saturating_mul(48));
        u32::try_from(bytes.saturating_add(200)).unwrap_or(u32::MAX)
    }
}

/// The orders that were asked for lately; cheap to clone.
#[derive(Debug, Clone)]
pub struct TipOrders(Cache<(RepoId, &'static str), Arc<Known>>);

impl Default for TipOrders {
    fn default() -> Self {
        let weigh = |_: &(RepoId, &'static str), known: &Arc<Known>| known.weight();
        Self(Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).time_to_idle(CACHE_IDLE).build())
    }
}

impl TipOrders {
    /// The refs below `prefix`, the newest tip first, then by name. `date` reads when a tip was made.
    ///
    /// Errors: those of `date`.
    pub fn list<'v>(
        &self,
        view: &'v View,
        repository: RepoId,
        prefix: &'static str,
        date: impl Fn(&git::Ref) -> git::Result<i64>,
    ) -> git::Result<Vec<&'v git::Ref>> {
        let by_name: Vec<&git::Ref> = view.refs.iter_prefix(prefix).collect();
        let key = (repository, prefix);
        let earlier = self.0.get(&key);
        let order = match &earlier {
            Some(known) if known.refs == view.refs.id() => Arc::clone(&known.order),
            _ => {
                let known = Arc::new(learn(view.refs.id(), &by_name, earlier.as_deref(), date)?);
                self.0.insert(key, Arc::clone(&known));
                Arc::clone(&known.order)
            }
        };
        Ok(order.iter().filter_map(|place| by_name.get(usize::try_from(*place).ok()?).copied()).collect())
    }
}

fn learn(
    refs: u64,
    by_name: &[&git::Ref],
    earlier: Option<&Known>,
    date: impl Fn(&git::Ref) -> git::Result<i64>,
) -> git::Result<Known> {
    let mut dates = HashMap::with_capacity(by_name.len());
    let mut order = Vec::with_capacity(by_name.len());
    for (place, entry) in (0_u32..).zip(by_name) {
        let known = earlier.and_then(|earlier| earlier.dates.get(&entry.target)).or_else(|| dates.get(&entry.target));
        let made = match known {
            Some(made) => *made,
            None => date(entry)?,
        };
        dates.insert(entry.target, made);
        order.push((Reverse(made), place));
    }
    // Places are in the order of names already.
    order.sort_unstable();
    Ok(Known { refs, order: order.into_iter().map(|(_, place)| place).collect(), dates })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use atomicqms_git::{RefEdit, RefName, RefTable};

    use super::*;

    fn view(refs: RefTable) -> View {
        View { refs, head: RefName::new("refs/heads/main").unwrap(), odb: Arc::default(), version: 1 }
    }

    fn entry(name: &str, tip: u8) -> git::Ref {
        git::Ref { name: RefName::new(name).unwrap(), target: ObjectId::from([tip; 20]), peeled: None }
    }

    #[test]
    fn the_newest_come_first_and_only_new_tips_are_read() {
        let (orders, read) = (TipOrders::default(), Cell::new(0));
        let date = |entry: &git::Ref| {
            read.set(read.get() + 1);
            Ok(i64::from(entry.target.as_bytes()[0] % 10))
        };
        let table = RefTable::from_refs(vec![
            entry("refs/heads/a", 1),
            entry("refs/heads/b", 3),
            entry("refs/heads/c", 13),
            entry("refs/heads/d", 1),
            entry("refs/tags/x", 9),
        ]);
        let first = view(table);
        let names = |view: &View| -> Vec<String> {
            let listed = orders.list(view, RepoId::new(1), "refs/heads/", date).unwrap();
            listed.iter().map(|entry| entry.name.as_str()["refs/heads/".len()..].to_owned()).collect()
        };
        assert_eq!(names(&first), ["b", "c", "a", "d"]);
        assert_eq!(read.get(), 3, "two branches share a tip");
        assert_eq!(names(&first), ["b", "c", "a", "d"]);
        assert_eq!(read.get(), 3, "remembered");
        let edit = RefEdit {
            name: RefName::new("refs/heads/a").unwrap(),
            old: Some(ObjectId::from([1; 20])),
            new: Some(ObjectId::from([5; 20])),
            peeled: None,
        };
        let second = view(first.refs.apply(&[edit]).unwrap());
        assert_eq!(names(&second), ["a", "b", "c", "d"]);
        assert_eq!(read.get(), 4, "the one that is new");
        assert_eq!(names(&first), ["b", "c", "a", "d"], "another state, another order");
        let listed = orders.list(&first, RepoId::new(1), "refs/tags/", date).unwrap();
        assert_eq!((listed.len(), read.get()), (1, 5));
    }
}

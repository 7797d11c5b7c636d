//! Owns the types of refs: names, values, changes, and why a change is refused. The table lives in [`table`], the files in [`disk`].
//! Refuses to decide who may change what. Called by the protocol, by the repository actors and by the database layer.

pub mod disk;
mod name;
pub mod table;

pub use name::{RefName, RefNameFault};
pub use table::RefTable;

use crate::id::ObjectId;

/// One ref: a name and the object it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// Full name, `refs/...`.
    pub name: RefName,
    /// The object it points at.
    pub target: ObjectId,
    /// For an annotated tag: the object at the end of the chain of tags.
    pub peeled: Option<ObjectId>,
}

/// One change of one ref, with the value that must be there before.
///
/// Shape: `None` stands for an absent ref, so `old: None` creates and `new: None` deletes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefEdit {
    /// Full name, `refs/...`.
    pub name: RefName,
    /// The value that must be there now.
    pub old: Option<ObjectId>,
    /// The value to be there afterwards.
    pub new: Option<ObjectId>,
    /// For a new value that is an annotated tag: the object at the end of the chain of tags.
    pub peeled: Option<ObjectId>,
}

impl RefEdit {
    /// The ref as it is after this change, `None` if it is deleted.
    pub fn result(&self) -> Option<Ref> {
        self.new.map(|target| Ref { name: self.name.clone(), target, peeled: self.peeled })
    }
}

/// Why a change does not fit the refs that exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefConflict {
    /// The ref does not have the value that the change expects.
    #[error("ref {name} is at {}, expected {}", Value(*actual), Value(*expected))]
    Stale {
        /// The ref.
        name: RefName,
        /// The value that the change names; `None` is absent.
        expected: Option<ObjectId>,
        /// The value found; `None` is absent.
        actual: Option<ObjectId>,
    },
    /// One of two names would have to be a directory for the other.
    #[error("'{other}' exists; cannot create '{name}'")]
    DirectoryFile {
        /// The ref to be created.
        name: RefName,
        /// The ref in its way.
        other: RefName,
    },
    /// Two changes of one batch name the same ref.
    #[error("multiple updates for ref '{name}' not allowed")]
    Duplicate {
        /// The ref.
        name: RefName,
    },
}

/// Writes an id or `absent`.
struct Value(Option<ObjectId>);

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(id) => write!(f, "{id}"),
            None => f.write_str("absent"),
        }
    }
}

//! Row ids, one type per table so that two cannot be mixed.
//!
//! Owns only the newtypes; names and rows live beside. Used everywhere a row is named.
//!
//! ```compile_fail
//! use atomicqms::model::{RepoId, UserId};
//! fn wants_repository(_: RepoId) {}
//! wants_repository(UserId::new(1));
//! ```

use std::fmt;

use atomicqms_actors::sql::Value;
use serde::{Deserialize, Serialize};

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Wraps a number read from a row or a path.
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The number as stored.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for Value {
            fn from(id: $name) -> Self {
                Self::Int(id.0)
            }
        }
    };
}

row_id! {
    /// Id of a user row; never reused.
    UserId
}
row_id! {
    /// Id of a repository row; never reused, also not after a deletion.
    RepoId
}
row_id! {
    /// Id of a team row; never reused.
    TeamId
}
row_id! {
    /// Id of an access token row; never reused.
    TokenId
}
row_id! {
    /// Id of a public key row; never reused.
    KeyId
}
row_id! {
    /// Id of the row of an OpenPGP key or of its subkey; never reused.
    GpgKeyId
}
row_id! {
    /// Id of a protection rule of branches or of tags; never reused.
    RuleId
}
row_id! {
    /// Id of a release row; never reused.
    ReleaseId
}
row_id! {
    /// Id of an attachment row; never reused.
    AttachmentId
}

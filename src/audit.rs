//! The ledger: every change of the forge writes one event in its own transaction, chained by hashes.
//!
//! Owns the event format, appending and verification. Refuses to decide what is an event: `forge` does, one per
//! mutation. Called by `forge` inside write transactions, and by `atomicqms audit verify`.

pub mod append;
pub mod event;
pub mod verify;

pub use append::{append, leaf};
pub use event::{Actor, Auth, Event, GitChange, Object, Stamp, action};
pub use verify::{Fault, Report, verify};

//! What handlers ask of a request: the caller, names from the path, a JSON body, a page.
//!
//! Owns parsing and validation at the border; a handler receives valid types or is not called. Decides nothing about
//! rights.

pub mod body;
pub mod caller;
pub mod connection;
mod field_names;
pub mod form;
pub mod multipart;
pub mod names;
pub mod paging;

pub use body::{Body, TextBody};
pub use caller::Visitor;
pub use connection::OwnConnection;
pub use form::Form;
pub use names::{OrgPath, PathParam, RepoPath, TeamPath, UserPath};
pub use paging::Paging;

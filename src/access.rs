//! Who is calling, and what they may do: credentials in, [`Caller`] out; caller, action and resource in, [`Permit`] out.
//!
//! Owns passwords, tokens, brute-force limits and the one gate, [`authorize()`]. Refuses to change anything but "last
//! used" marks: what follows from a permit is done in `forge`. Called by `http` (identify), by handlers and `forge`
//! (authorize), and inside commit transactions ([`Permit::confirm`]).

pub mod action;
pub mod authorize;
pub mod caller;
pub mod client;
pub mod identify;
pub mod password;
pub mod permit;
pub mod quota;
pub mod rights;
pub mod rights_cache;
pub mod settings;
pub mod throttle;
pub mod token;

pub use action::{Action, OrganizationAccess, RepoPath, RepositoryAccess, TeamAccess, TransferAccess};
pub use authorize::{authorize, authorize_known};
pub use caller::{Caller, Credential, Origin, Principal};
pub use client::Client;
pub use identify::{Access, Presented};
pub use permit::Permit;
pub use quota::Quota;
pub use rights::RepositoryRights;
pub use rights_cache::{RightsCache, RightsVersion};
pub use settings::Settings;

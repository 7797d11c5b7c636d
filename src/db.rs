//! Every SQL statement of the server, one file a table group.
//!
//! Owns statements and the mapping of rows to model types. Refuses decisions and events: a function here does what its
//! name says inside whatever transaction it is given. Statements keep to what SQLite and PostgreSQL both accept, except
//! in [`dialect`]. Called by `access`, `audit` and `forge`.

pub mod account_limits;
pub mod account_redirects;
pub mod attachments;
pub mod audit;
pub mod avatars;
pub mod blocks;
pub mod code_index;
pub mod collaborators;
pub mod commit_statuses;
pub mod dialect;
pub mod email_addresses;
mod filter;
pub mod follows;
pub mod gpg_keys;
pub mod instance;
pub mod interests;
pub mod invitations;
pub mod jobs;
pub mod keys;
pub mod labels;
pub mod languages;
pub mod migrate;
pub mod mirrors;
pub mod organizations;
pub mod outgoing_mails;
pub mod protection;
pub mod push_certificates;
pub mod refs;
pub mod registrations;
pub mod releases;
pub mod repositories;
pub mod rights;
pub mod teams;
#[cfg(test)]
pub(crate) mod testing;
pub mod tokens;
pub mod topics;
pub mod transfers;
pub mod users;

#[cfg(test)]
mod plans;

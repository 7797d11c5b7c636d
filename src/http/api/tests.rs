//! The API through the whole HTTP stack of one server in this process: every operation with its success, its refusals
//! and its pages.
//!
//! Owns the fixture: a server on an empty data directory with the administrator `admin` and the accounts `ada` and
//! `bob`. Clients here speak through the middleware, so error bodies and headers are the real ones.

mod accounts;
mod collaborators;
mod commit_statuses;
mod contents;
mod declared;
mod fixture;
mod forks;
mod git;
mod gpg;
mod gpg_keys;
mod history;
mod interests;
mod issue_templates;
mod labels;
mod markup;
mod objects;
mod organizations;
mod people;
mod protection;
mod refs;
mod releases;
mod repositories;
mod search;
mod settings;
mod spec;
mod sweep;
mod templates;
mod tokens;
mod topics;
mod verification;
mod write_paths;
mod writing;

use fixture::{Api, basic};

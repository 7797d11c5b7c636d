//! The API through the whole HTTP stack of one server in this process: every operation with its success, its refusals
//! and its pages.
//!
//! Owns the fixture: a server on an empty data directory with the administrator `admin` and the accounts `ada` and
//! `bob`. Clients here speak through the middleware, so error bodies and headers are the real ones.

mod accounts;
mod avatars;
mod blocks;
mod canaries;
mod code_search;
mod collaborators;
mod commit_statuses;
mod contents;
mod declared;
mod files;
mod fixture;
mod follows;
mod forks;
mod git;
mod gpg;
mod gpg_keys;
mod history;
mod interests;
mod issue_templates;
mod labels;
mod markup;
mod matrix;
mod mirrors;
mod objects;
mod organizations;
mod people;
mod protection;
mod refs;
mod releases;
mod repositories;
mod revoked;
mod search;
mod settings;
mod spec;
mod sweep;
mod templates;
mod tokens;
mod topics;
mod verification;
mod write_paths;
mod writers;
mod writing;

use fixture::{Api, basic};

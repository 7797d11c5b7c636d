//! The API through the whole HTTP stack of one server in this process: every operation with its success, its refusals
//! and its pages.
//!
//! Owns the fixture: a server on an empty data directory with the administrator `admin` and the accounts `ada` and
//! `bob`. Clients here speak through the middleware, so error bodies and headers are the real ones.

mod accounts;
mod collaborators;
mod contents;
mod fixture;
mod git;
mod history;
mod objects;
mod organizations;
mod refs;
mod repositories;
mod search;
mod sweep;
mod templates;
mod tokens;

use fixture::{Api, basic};

//! The API through the whole HTTP stack of one server in this process: every operation with its success, its refusals
//! and its pages.
//!
//! Owns the fixture: a server on an empty data directory with the administrator `admin` and the accounts `ada` and
//! `bob`. Clients here speak through the middleware, so error bodies and headers are the real ones.

mod accounts;
mod collaborators;
mod fixture;
mod git;
mod refs;
mod repositories;
mod search;
mod sweep;
mod tokens;
mod topics;

use fixture::{Api, basic};

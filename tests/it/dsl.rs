//! The language the integration tests are written in: a running forge, the people who use it, and real git.
//!
//! Owns how a server is started, spoken to, stopped and examined afterwards. Holds no assertion about a feature; those
//! live in the test modules beside it.

pub(crate) mod backend;
pub(crate) mod chance;
pub(crate) mod evidence;
pub(crate) mod forge;
pub(crate) mod git;
pub(crate) mod http;
pub(crate) mod mail_sink;
pub(crate) mod pack;
pub(crate) mod persona;
pub(crate) mod remote;
pub(crate) mod sop;
pub(crate) mod ssh;
pub(crate) mod tamper;
pub(crate) mod wait;

pub(crate) use forge::Forge;
pub(crate) use git::{Git, PROTOCOLS};
pub(crate) use http::{Call, Reply, Wire};
pub(crate) use persona::Persona;
pub(crate) use ssh::Identity;
pub(crate) use wait::{PATIENCE, until, within};

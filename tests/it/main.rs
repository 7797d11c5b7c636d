//! Black-box tests: the built server, real git, and requests made by hand, against everything the product promises.
//!
//! Owns no rule of its own; one module a subject, all written in the language of `dsl`. The only test binary with a
//! running server; rules on plain data are tested beside their code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]
#![expect(clippy::disallowed_methods, reason = "tests start real processes and read the clock; the server may not")]

mod against_git;
mod answers;
mod api;
mod audit;
mod bundles;
mod clients;
mod concurrency;
mod contract;
mod crash;
mod dashboard;
mod disk_full;
mod dsl;
mod durability;
mod exhaustion;
mod faults;
mod git_basics;
mod git_transport;
mod hostile_floods;
mod hostile_http;
mod hostile_objects;
mod hostile_packs;
mod lifecycle;
mod limits;
mod mail;
mod maintenance;
mod midway;
mod mirrors;
mod no_process;
mod permissions;
mod push_features;
mod races;
mod random_walk;
mod ssh;
mod ssh_access;
mod ssh_hostile;
mod ssh_limits;
mod stalled;
mod storm;

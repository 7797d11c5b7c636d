//! The AtomicQMS server as a library: settings, access, forge, ledger, HTTP, SSH. `main.rs` is a thin shell over [`cli`].
//!
//! Owns only the list of modules. Arrows point down: `http` and `ssh` call `transport`, `forge` and `access`, these call `db` and the
//! actors.

pub mod access;
pub mod audit;
pub mod blobs;
pub mod bundled;
pub mod cli;
pub mod config;
pub mod db;
pub mod error;
pub mod forge;
pub mod http;
pub mod mail;
pub mod markdown;
pub mod memory;
pub mod model;
pub mod outbound;
pub mod pictures;
pub mod server;
pub mod ssh;
pub mod telemetry;
pub mod transport;

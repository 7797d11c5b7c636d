//! The HTTP transport: connections, middleware, routes, extractors and error bodies.
//!
//! Owns how requests arrive and answers leave. Owns no policy and no SQL: handlers parse, ask `access` and `forge`,
//! and render. Started by `server.rs`.

pub mod account_pages;
pub mod api;
pub mod avatars;
pub mod body_memory;
pub mod connection;
mod disposition;
pub mod downloads;
pub mod error;
pub mod extract;
pub mod files;
pub mod git;
pub mod health;
pub mod held;
pub mod metrics;
pub mod middleware;
pub mod page;
mod ranges;
pub mod renderings;
pub mod router;

use std::sync::Arc;

use axum::extract::FromRef;

use crate::config::Config;
use crate::forge::Forge;
use crate::forge::intake::Intake;
use crate::server::status::Status;
use crate::server::work::Work;

/// What every handler can reach; cloning costs one reference count.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// Shares the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The parts of an [`App`].
pub struct Parts {
    /// What may be done and what follows from it.
    pub forge: Arc<Forge>,
    /// The settings this server runs with.
    pub config: Arc<Config>,
    /// Tasks that outlive their request; shutdown waits for them.
    pub work: Work,
    /// URL under which clients reach this server; ends with `/`.
    pub root_url: Arc<str>,
    /// What clone addresses over SSH begin with; none: there is no SSH server.
    pub ssh_root: Option<Arc<str>>,
    /// Where this server is in its life.
    pub status: Arc<Status>,
    /// How much git work runs at once, and its limits.
    pub intake: Intake,
    /// What request bodies may take of the memory.
    pub body_memory: body_memory::BodyMemory,
    /// What was offered lately of repositories with many refs.
    pub advertisements: crate::transport::Advertisements,
    /// Answers to clones and fetches that are kept.
    pub answers: crate::transport::answers::Answers,
    /// Places for rendering large texts.
    pub renderings: renderings::Renderings,
    /// What is in directories, with the commits that last changed it.
    pub directories: api::directories::Directories,
    /// Who brought the lines of files.
    pub blames: api::blame::Blames,
    /// Who committed, and when.
    pub statistics: api::statistics::Statistics,
    /// What the API says of itself.
    pub specification: api::spec::Specification,
    /// In which order branches and tags are listed.
    pub tip_orders: api::tip_orders::TipOrders,
    /// The last look at the parts, shared by all probes.
    pub probe: Arc<health::Probe>,
}

impl FromRef<App> for Arc<Forge> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.forge)
    }
}

impl FromRef<App> for Arc<Config> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.config)
    }
}

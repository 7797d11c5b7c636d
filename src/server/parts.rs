//! The actor tree and the forge on top of it: started in order, stopped in reverse.
//!
//! Owns the order and the translation of settings. Used by the server and, over an empty directory of repositories,
//! by the `admin` commands, so that both change things in one way only.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atomicqms_actors::supervisor::OnEscalate;
use atomicqms_actors::{
    Directory, DirectoryArgs, DirectoryOptions, Readers, ReadersOptions, Supervisor, Writer, WriterOptions,
};

use super::Failure;
use crate::access;
use crate::config::{Config, Security};
use crate::db::refs::Refs;
use crate::forge::{Forge, ForgeParts, Settings, setup};
use crate::model::{Clock, SystemClock};

/// Everything below HTTP.
pub struct Parts {
    /// What may be done and what follows from it.
    pub forge: Arc<Forge>,
    supervisor: Supervisor,
}

impl Parts {
    /// Starts everything a server needs; migrates the database first.
    ///
    /// Errors: `Failure::Schema` for a database this version cannot use, `Failure::Start` otherwise.
    pub async fn start(config: &Config, on_escalate: OnEscalate) -> Result<Self, Failure> {
        Self::start_over(config, config.repositories_dir(), on_escalate).await
    }

    /// Starts what commands need beside a running server: no repository can be opened or touched.
    ///
    /// Errors: as [`Parts::start`].
    pub async fn start_beside(config: &Config) -> Result<Self, Failure> {
        let report = |escalation: atomicqms_actors::Escalation| {
            tracing::error!(child = escalation.child, reason = escalation.reason, "a part of the command died");
        };
        Self::start_over(config, config.run_dir().join("no-repositories"), Arc::new(report)).await
    }

    async fn start_over(config: &Config, root: PathBuf, on_escalate: OnEscalate) -> Result<Self, Failure> {
        let path = config.database_path();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let supervisor = Supervisor::start(on_escalate).await?;
        let database = &config.database;
        let options = WriterOptions {
            queue: database.writer_queue,
            max_batch: database.writer_max_batch,
            busy_timeout_ms: database.busy_timeout_ms,
            ..WriterOptions::default()
        };
        let writer = Writer::start(&path, options, &supervisor).await?;
        setup::migrate(&writer).await.map_err(|error| Failure::Schema { path: path.clone(), error })?;
        let readers =
            Readers::open(&path, ReadersOptions { connections: database.readers, ..ReadersOptions::default() })?;
        let options = DirectoryOptions {
            max_open: config.git.max_open_repositories,
            idle_close: Duration::from_secs(config.git.idle_close_seconds),
            ..DirectoryOptions::default()
        };
        let directory = Directory::start(
            DirectoryArgs {
                writer: writer.clone(),
                readers: readers.clone(),
                store: Arc::new(Refs::new(Arc::clone(&clock))),
                root,
                options,
            },
            &supervisor,
        )
        .await?;
        let settings = Settings {
            security: access_settings(&config.security),
            default_branch: config.git.default_branch.clone(),
            min_rsa_bits: config.ssh.min_rsa_bits,
        };
        let forge = Forge::new(ForgeParts { writer, readers, directory, clock, settings })?;
        Ok(Self { forge, supervisor })
    }

    /// Brings repositories in line whose files lag behind their rows, after a crash.
    ///
    /// Errors: the rows cannot be read.
    pub async fn reconcile(&self) -> Result<(), Failure> {
        let count = self.forge.directory.reconcile_unprojected().await?;
        if count > 0 {
            tracing::info!(count, "repositories were brought in line with the database");
        }
        let removed = crate::forge::repositories::finish_removals(&self.forge).await?;
        if removed > 0 {
            tracing::info!(count = removed, "directories of deleted repositories were removed");
        }
        Ok(())
    }

    /// Finishes running turns and queued writes, then stops everything.
    pub async fn stop(self) {
        self.forge.directory.shutdown().await;
        if let Err(error) = self.forge.writer.shutdown().await {
            tracing::error!(error = %error, "the database writer did not end in order");
        }
        self.supervisor.stop().await;
        self.forge.readers.close();
    }
}

fn access_settings(security: &Security) -> access::Settings {
    let defaults = access::Settings::default();
    access::Settings {
        argon2_memory_kib: security.argon2_memory_kib,
        argon2_iterations: security.argon2_iterations,
        password_hashes_at_once: match security.password_hashes_at_once {
            0 => defaults.password_hashes_at_once,
            count => count,
        },
        password_hashes_waiting: security.password_hashes_waiting,
        min_password_chars: security.min_password_length,
        max_token_lifetime_days: (security.max_token_lifetime_days > 0).then_some(security.max_token_lifetime_days),
        credential_cache_seconds: security.credential_cache_seconds,
        allow_query_tokens: security.allow_query_tokens,
        max_failed_sign_ins: security.max_failed_sign_ins,
        failed_sign_in_window_seconds: security.failed_sign_in_window_seconds,
    }
}

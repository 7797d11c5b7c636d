//! The actor tree and the forge on top of it: started in order, stopped in reverse.
//!
//! Owns the order and the translation of settings. Used by the server and, over an empty directory of repositories,
//! by the `admin` commands, so that both change things in one way only.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atomicqms_actors::supervisor::OnEscalate;
use atomicqms_actors::{
    Derived, DerivedOptions, Directory, DirectoryArgs, DirectoryOptions, Jobs, JobsArgs, JobsOptions, Readers,
    ReadersOptions, Supervisor, WaitingLimits, Watched, Writer, WriterOptions,
};

use super::duties::Duties;
use super::{Failure, bootstrap};
use crate::access::{self, RightsVersion};
use crate::blobs::Blobs;
use crate::blobs::local::LocalStore;
use crate::config::{self, Config, Maintenance, Search, Security};
use crate::db;
use crate::db::refs::Refs;
use crate::forge::code_search::indexer::{Indexer, IndexerParts};
use crate::forge::code_search::{self, CodeSearch};
use crate::forge::intake::Intake;
use crate::forge::mails::{self, LinkCodes, Sender, SenderParts};
use crate::forge::maintenance::{self, Runner, RunnerParts};
use crate::forge::mirrors::{self, Mirrors, Sealer};
use crate::forge::registrations::Inviters;
use crate::forge::{Forge, ForgeParts, Settings, invitations, registrations, setup};
use crate::http::api::urls::Urls;
use crate::mail::{self, Smtp};
use crate::model::{Clock, SystemClock};
use crate::outbound::{self, LowSpeed, Outbound};

/// Everything below HTTP.
pub struct Parts {
    /// What may be done and what follows from it.
    pub forge: Arc<Forge>,
    /// Runs the jobs of maintenance.
    pub maintenance: Runner,
    /// Bounds of git work, for whoever brings it.
    pub intake: Intake,
    supervisor: Supervisor,
    jobs: Option<Jobs>,
    mail_jobs: Option<Jobs>,
    mirror_jobs: Option<Jobs>,
}

impl Parts {
    /// Starts everything a server needs; migrates the database first.
    ///
    /// Errors: `Failure::Schema` for a database this version cannot use, `Failure::Start` otherwise.
    pub async fn start(config: &Config, on_escalate: OnEscalate) -> Result<Self, Failure> {
        // Whether maintenance is on is asked where a job is run: others run in any case.
        let runs = Runs { jobs: true, mails: true };
        Self::start_over(config, config.repositories_dir(), runs, on_escalate).await
    }

    /// Starts what a command needs that works on repositories while no server runs: as a server, without jobs in the background.
    ///
    /// Errors: as [`Parts::start`].
    pub async fn start_alone(config: &Config) -> Result<Self, Failure> {
        Self::start_over(config, config.repositories_dir(), Runs::default(), Arc::new(report)).await
    }

    /// Starts what commands need beside a running server: no repository can be opened or touched.
    ///
    /// Errors: as [`Parts::start`].
    pub async fn start_beside(config: &Config) -> Result<Self, Failure> {
        let nowhere = config.run_dir().join("no-repositories");
        Self::start_over(config, nowhere, Runs::default(), Arc::new(report)).await
    }

    async fn start_over(config: &Config, root: PathBuf, runs: Runs, on_escalate: OnEscalate) -> Result<Self, Failure> {
        let path = config.database_path();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let supervisor = Supervisor::start(on_escalate).await?;
        let database = &config.database;
        let rights = RightsVersion::default();
        let options = WriterOptions {
            queue: database.writer_queue,
            max_batch: database.writer_max_batch,
            busy_timeout_ms: database.busy_timeout_ms,
            watched: Some(Watched { query: db::rights::VERSION_QUERY, value: rights.shared() }),
            checkpoint_pages: database.checkpoint_pages,
            commit_delay: Duration::from_micros(database.commit_delay_us),
            ..WriterOptions::default()
        };
        let writer = Writer::start(&path, options, &supervisor).await?;
        setup::migrate(&writer).await.map_err(|error| Failure::Schema { path: path.clone(), error })?;
        let readers =
            Readers::open(&path, ReadersOptions { connections: database.readers, ..ReadersOptions::default() })?;
        let options = DirectoryOptions {
            max_open: config.git.max_open_repositories,
            idle_close: Duration::from_secs(config.git.idle_close_seconds),
            settle_after: Duration::from_millis(config.git.settle_ms),
            waiting: WaitingLimits { packs: config.git.max_waiting_packs, total_bytes: config.git.max_waiting_bytes },
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
        let root_url = super::root_url(&config.server.root_url, config.server.http_addr);
        let root_secret = bootstrap::root_secret(config)?;
        let link_codes = LinkCodes::new(&root_secret);
        let settings = Settings {
            security: access_settings(&config.security),
            default_branch: config.git.default_branch.clone(),
            maintenance: maintenance_settings(&config.maintenance),
            min_rsa_bits: config.ssh.min_rsa_bits,
            push_to_create: config.git.push_to_create,
            everybody_creates_organizations: config.security.everybody_creates_organizations,
            max_repository_bytes: config.git.max_repository_bytes,
            avatars: crate::forge::avatars::Settings {
                max_bytes: config.avatars.max_bytes,
                max_pixels: config.avatars.max_pixels,
                at_once: config.avatars.max_concurrent,
            },
            placeholder_domain: Urls::new(&root_url).placeholder_domain(),
            mails: mail_settings(config, &root_url),
            registration: registration_settings(&config.security),
            invitations: invitation_settings(&config.security),
        };
        let maintenance = Runner::new(RunnerParts {
            directory: directory.clone(),
            readers: readers.clone(),
            writer: writer.clone(),
            clock: Arc::clone(&clock),
            settings: settings.maintenance.clone(),
            // In this order: bitmaps are made by a walk that the commit-graph shortens.
            derived: vec![
                Arc::new(atomicqms_git::maintenance::CommitGraphFile::default()),
                Arc::new(atomicqms_git::maintenance::BitmapFile::default()),
                Arc::new(atomicqms_git::maintenance::MultiPackIndexFile),
            ],
        });
        let blobs = Blobs::new(Arc::new(LocalStore::new(config.attachments_dir())));
        let search = search_settings(&config.search);
        let indexer = match runs.jobs {
            true => {
                let path = config.search_dir().join("code.db");
                let open = move || Derived::open(&path, db::code_index::SHAPE, DerivedOptions::default());
                let index = tokio::task::spawn_blocking(open).await.map_err(crate::error::Error::internal)??;
                Some(Indexer::new(IndexerParts {
                    index: Arc::new(index),
                    directory: directory.clone(),
                    readers: readers.clone(),
                    writer: writer.clone(),
                    clock: Arc::clone(&clock),
                    settings: search.clone(),
                }))
            }
            false => None,
        };
        let jobs = match &indexer {
            Some(indexer) => {
                let args = JobsArgs {
                    name: "jobs",
                    writer: writer.clone(),
                    store: Arc::new(db::jobs::Rows::new(Arc::clone(&clock))),
                    run: Arc::new(Duties {
                        maintenance: config.maintenance.enabled.then(|| maintenance.clone()),
                        indexer: indexer.clone(),
                        blobs: blobs.clone(),
                        readers: readers.clone(),
                        writer: writer.clone(),
                        clock: Arc::clone(&clock),
                    }),
                    options: jobs_options(&config.maintenance),
                };
                Some(Jobs::start(args, &supervisor).await?)
            }
            None => None,
        };
        let host = Urls::new(&root_url).host().to_owned();
        let mail_jobs = match mail::Settings::read(&config.mail, &host).filter(|_| runs.mails) {
            Some(smtp) => {
                let sender = Sender::new(SenderParts {
                    smtp: Smtp::new(smtp),
                    readers: readers.clone(),
                    codes: link_codes.clone(),
                    root_url,
                    host,
                    clock: Arc::clone(&clock),
                });
                let args = JobsArgs {
                    name: "mails",
                    writer: writer.clone(),
                    store: Arc::new(db::outgoing_mails::Rows::new(Arc::clone(&clock))),
                    run: Arc::new(sender),
                    options: mail_options(&config.mail),
                };
                Some(Jobs::start(args, &supervisor).await?)
            }
            None => None,
        };
        let (jobs_of_forge, mails_of_forge) = (jobs.clone(), mail_jobs.clone());
        let outbound = Outbound::new(outbound_settings(&config.outbound));
        let (supervised, kept_clock) = (writer.clone(), Arc::clone(&clock));
        let forge = Forge::new(ForgeParts {
            writer,
            readers,
            directory,
            clock,
            settings,
            rights,
            jobs: jobs_of_forge,
            blobs,
            code_search: indexer.map(|indexer| CodeSearch::new(indexer, search)),
            mail_jobs: mails_of_forge,
            link_codes,
            mirrors: Mirrors::new(mirror_settings(&config.mirrors), outbound, Sealer::new(&root_secret)),
        })?;
        let intake = Intake::new(&config.git, &root_secret);
        let mirror_jobs = match runs.jobs && config.mirrors.enabled {
            true => {
                let args = JobsArgs {
                    name: "mirrors",
                    writer: supervised,
                    store: Arc::new(db::mirrors::Rows::new(
                        kept_clock,
                        mirrors::Settings::share(config.mirrors.max_concurrent),
                    )),
                    run: Arc::new(mirrors::Runner::new(&forge, intake.clone())),
                    // What comes here failed for reasons of our own, which pass.
                    options: JobsOptions {
                        at_once: config.mirrors.max_concurrent,
                        max_attempts: u32::MAX,
                        ..JobsOptions::default()
                    },
                };
                let jobs = Jobs::start(args, &supervisor).await?;
                forge.mirrors.run_by(jobs.clone());
                Some(jobs)
            }
            false => None,
        };
        Ok(Self { forge, maintenance, intake, supervisor, jobs, mail_jobs, mirror_jobs })
    }

    /// Says in the log how it stands with mails: those that nobody will send, and those that the mail server did not take.
    ///
    /// Errors: the rows cannot be read.
    async fn report_mails(&self) -> Result<(), Failure> {
        let status = self.forge.read("mail status", |conn| Ok(db::outgoing_mails::status(conn)?)).await?;
        if status.waiting > 0 && self.mail_jobs.is_none() {
            tracing::warn!(count = status.waiting, "mails wait, and nobody sends them: mail.smtp_host is not set");
        } else if status.waiting > 0 || status.failed > 0 {
            let (waiting, failed) = (status.waiting, status.failed);
            tracing::info!(mails.waiting = waiting, mails.failed = failed, "mails from before this start");
        }
        Ok(())
    }

    /// Brings repositories in line whose files lag behind their rows, after a crash.
    ///
    /// Errors: the rows cannot be read.
    pub async fn reconcile(&self) -> Result<(), Failure> {
        let count = self.forge.directory.reconcile_unprojected().await?;
        if count > 0 {
            tracing::info!(count, "repositories were brought in line with the database");
        }
        self.forge.blobs.tidy().await.map_err(crate::forge::attachments::storage_error)?;
        let removed = crate::forge::repositories::finish_removals(&self.forge).await?;
        if removed > 0 {
            tracing::info!(count = removed, "directories of deleted repositories were removed");
        }
        if let Some(search) = &self.forge.code_search {
            let count = search.catch_up().await?;
            if count > 0 {
                tracing::info!(count, "repositories will be indexed");
                self.forge.wake_jobs();
            }
        }
        if self.forge.settings.registration.inviters == Inviters::Administrators {
            tracing::warn!(
                "only invitations of site administrators make accounts: everybody may make an organization and invite to it; \
                 with security.everybody_creates_organizations = false, those of its owners do, too"
            );
        }
        self.report_mails().await
    }

    /// Finishes running turns and queued writes, then stops everything.
    pub async fn stop(self) {
        for jobs in [&self.jobs, &self.mail_jobs, &self.mirror_jobs].into_iter().flatten() {
            jobs.shutdown().await;
        }
        self.forge.directory.shutdown().await;
        if let Err(error) = self.forge.writer.shutdown().await {
            tracing::error!(error = %error, "the database writer did not end in order");
        }
        self.supervisor.stop().await;
        if let Some(search) = &self.forge.code_search {
            search.close();
        }
        self.forge.readers.close();
    }
}

/// What runs in the background.
#[derive(Debug, Clone, Copy, Default)]
struct Runs {
    /// Durable jobs.
    jobs: bool,
    /// Mails are sent, if there is a mail server.
    mails: bool,
}

fn report(escalation: atomicqms_actors::Escalation) {
    tracing::error!(child = escalation.child, reason = escalation.reason, "a part of the command died");
}

fn maintenance_settings(config: &Maintenance) -> maintenance::Settings {
    maintenance::Settings {
        is_enabled: config.enabled,
        pack_threshold: config.pack_threshold,
        quiet_pack_threshold: config.quiet_pack_threshold,
        geometric_factor: config.geometric_factor,
        removal_delay: Duration::from_secs(config.removal_delay_seconds),
        unreachable_days: config.unreachable_days,
        searches_deltas: config.delta_search,
        quiet_period: Duration::from_secs(config.quiet_seconds),
        delta_memory_bytes: config.delta_memory_bytes,
        makes_bundles: config.bundles,
        bundle_min_bytes: config.bundle_min_bytes,
    }
}

fn search_settings(config: &Search) -> code_search::Settings {
    code_search::Settings {
        is_enabled: config.enabled,
        max_file_bytes: config.max_file_bytes,
        max_files: config.max_files_per_repository,
        max_words: config.max_words_per_repository,
        timeout: Duration::from_millis(config.timeout_ms),
        max_candidates: config.max_candidates,
        max_concurrent: config.max_concurrent,
    }
}

fn jobs_options(config: &Maintenance) -> JobsOptions {
    JobsOptions {
        at_once: config.jobs_at_once,
        period: Duration::from_secs(config.poll_seconds),
        max_attempts: config.max_attempts,
        ..JobsOptions::default()
    }
}

fn mail_options(config: &config::Mail) -> JobsOptions {
    let backoff = Duration::from_secs(config.retry_seconds);
    JobsOptions {
        at_once: config.mails_at_once,
        max_attempts: config.max_attempts,
        backoff,
        period: backoff.min(JobsOptions::default().period),
        ..JobsOptions::default()
    }
}

fn mail_settings(config: &Config, root_url: &str) -> mails::Settings {
    mails::Settings {
        is_on: config.has_mail(),
        root_url: root_url.to_owned(),
        confirmation_ms: i64::from(config.security.confirmation_hours).saturating_mul(3_600_000),
        max_waiting: config.mail.max_waiting,
        max_text_bytes: config.mail.max_text_bytes,
        max_per_recipient: config.mail.max_per_recipient,
        max_per_account: config.mail.max_per_account,
    }
}

fn mirror_settings(config: &config::Mirrors) -> mirrors::Settings {
    let milliseconds = |seconds: u32| i64::from(seconds).saturating_mul(1000);
    mirrors::Settings {
        is_enabled: config.enabled,
        is_for_admins: config.admins_only,
        min_interval_ms: milliseconds(config.min_interval_seconds),
        default_interval_ms: milliseconds(config.default_interval_seconds),
        retry_ms: milliseconds(config.retry_seconds),
        timeout: Duration::from_secs(config.timeout_seconds),
        max_refs: config.max_refs,
        at_once: config.max_concurrent,
        min_asked_ms: milliseconds(config.min_asked_seconds),
    }
}

fn outbound_settings(config: &config::Outbound) -> outbound::Settings {
    outbound::Settings {
        allowed_networks: config.allowed_networks.clone(),
        allows_http: config.allow_http,
        ca_file: (!config.ca_file.is_empty()).then(|| config.ca_file.clone().into()),
        connect_timeout: Duration::from_secs(config.connect_timeout_seconds),
        idle_timeout: Duration::from_secs(config.idle_timeout_seconds),
        low_speed: LowSpeed {
            bytes_a_second: config.low_speed_bytes,
            window: Duration::from_secs(config.low_speed_seconds),
        },
        max_redirects: config.max_redirects,
    }
}

fn registration_settings(security: &Security) -> registrations::Settings {
    registrations::Settings {
        is_open: security.registration == config::Registration::Open,
        inviters: match security.registration {
            config::Registration::Off => Inviters::Nobody,
            config::Registration::Invited if security.everybody_creates_organizations => Inviters::Administrators,
            config::Registration::Invited | config::Registration::Open => Inviters::Owners,
        },
        domains: security.registration_domains.clone(),
        max_pending: security.max_pending_registrations,
        max_per_network: security.max_registrations_per_address,
    }
}

fn invitation_settings(security: &Security) -> invitations::Settings {
    invitations::Settings {
        days: security.invitation_days,
        max_per_team: security.max_invitations_per_team,
        max_per_account: security.max_invitations_per_account,
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
        rights_cache_entries: security.rights_cache_entries,
        allow_query_tokens: security.allow_query_tokens,
        max_failed_sign_ins: security.max_failed_sign_ins,
        failed_sign_in_window_seconds: security.failed_sign_in_window_seconds,
    }
}

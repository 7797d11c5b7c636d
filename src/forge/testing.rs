//! A whole forge on a temporary directory, for tests of this crate.

use std::sync::Arc;

use atomicqms_actors::{
    Deadline, Directory, DirectoryArgs, DirectoryOptions, Readers, ReadersOptions, Supervisor, Watched, Writer,
    WriterOptions,
};
use base64::Engine;

use super::{Forge, ForgeParts, Settings, repositories, setup, users};
use crate::access::action::{CreateRepository, CreateUser, RepoPath};
use crate::access::{Caller, Origin, Presented, RightsVersion};
use crate::audit;
use crate::blobs::Blobs;
use crate::blobs::local::LocalStore;
use crate::db;
use crate::model::time::ManualClock;
use crate::model::{Email, NewRepository, NewUser, RepoName, Repository, User, UserName};

/// Password of every account made here.
pub(crate) const PASSWORD: &str = "a long enough password";

/// A forge with its actors; call [`TestForge::finish`] at the end.
pub(crate) struct TestForge {
    pub(crate) forge: Arc<Forge>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: tempfile::TempDir,
    supervisor: Supervisor,
}

impl TestForge {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(tune: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("atomicqms.db");
        let supervisor = Supervisor::start(Arc::new(|escalation| panic!("{escalation:?}"))).await.unwrap();
        let rights = RightsVersion::default();
        let watched = Watched { query: db::rights::VERSION_QUERY, value: rights.shared() };
        let options = WriterOptions { watched: Some(watched), ..WriterOptions::default() };
        let writer = Writer::start(&database, options, &supervisor).await.unwrap();
        setup::migrate(&writer).await.unwrap();
        let readers = Readers::open(&database, ReadersOptions::default()).unwrap();
        let clock = Arc::new(ManualClock::new(db::testing::NOON));
        let args = DirectoryArgs {
            writer: writer.clone(),
            readers: readers.clone(),
            store: Arc::new(db::refs::Refs::new(clock.clone())),
            root: directory.path().join("git/repositories"),
            options: DirectoryOptions::default(),
        };
        let repositories = Directory::start(args, &supervisor).await.unwrap();
        let mut settings = Settings { security: crate::access::password::tests::quick(), ..Settings::default() };
        tune(&mut settings);
        let blobs = Blobs::new(Arc::new(LocalStore::new(directory.path().join("attachments"))));
        blobs.tidy().await.unwrap();
        let parts = ForgeParts {
            writer,
            readers,
            directory: repositories,
            clock: clock.clone(),
            settings,
            rights,
            jobs: None,
            blobs,
            code_search: None,
            mail_jobs: None,
            link_codes: crate::forge::mails::LinkCodes::new(b"secret"),
            mirrors: crate::forge::testing::mirrors(),
        };
        Self { forge: Forge::new(parts).unwrap(), clock, directory, supervisor }
    }

    /// The console, which may do everything.
    pub(crate) fn console(&self) -> Caller {
        Caller::console(Origin::default())
    }

    pub(crate) async fn user(&self, name: &str) -> User {
        let new =
            NewUser::new(UserName::new(name).unwrap(), Email::new(&format!("{name}@example.org")).unwrap(), PASSWORD);
        let permit = self.forge.authorize(&self.console(), CreateUser, &()).await.unwrap();
        users::create_user(&self.forge, permit, new).await.unwrap()
    }

    /// Signs in with name and password.
    pub(crate) async fn sign_in(&self, name: &str) -> Caller {
        self.show(&basic(name, PASSWORD)).await.unwrap()
    }

    /// Shows an `Authorization` header.
    pub(crate) async fn show(&self, header: &str) -> crate::error::Result<Caller> {
        let origin = Origin { source_ip: Some([192, 0, 2, 1].into()), ..Origin::default() };
        self.forge.identify(Presented { authorization: Some(header), query_token: None, origin }).await
    }

    pub(crate) async fn repository(&self, caller: &Caller, name: &str) -> Repository {
        let owner = caller.user().unwrap().name.clone();
        let permit = self.forge.authorize(caller, CreateRepository, &owner).await.unwrap();
        let new = NewRepository::new(RepoName::new(name).unwrap());
        repositories::create_repository(&self.forge, permit, new).await.unwrap()
    }

    /// Actions of the ledger so far, in order.
    pub(crate) async fn actions(&self) -> Vec<String> {
        self.forge
            .read("events", |conn| {
                let events = db::audit::list_after(conn, 0, 1000)?;
                Ok(events.into_iter().map(|event| event.action).collect())
            })
            .await
            .unwrap()
    }

    /// Stops everything after checking that the ledger verifies.
    pub(crate) async fn finish(self) {
        let report = self.forge.read("verify", audit::verify).await.unwrap();
        assert_eq!(report.fault, None);
        self.forge.directory.shutdown().await;
        self.forge.writer.shutdown().await.unwrap();
        assert_eq!(
            self.supervisor.inspect(Deadline::after(std::time::Duration::from_secs(10))).await.unwrap(),
            Vec::<&str>::new()
        );
        self.supervisor.stop().await;
    }
}

/// Mirrors of nothing that could be reached.
pub(crate) fn mirrors() -> super::mirrors::Mirrors {
    let outbound = crate::outbound::Outbound::new(crate::outbound::Settings::default());
    super::mirrors::Mirrors::new(super::mirrors::Settings::default(), outbound, super::mirrors::Sealer::new(b"secret"))
}

/// The header of basic authentication.
pub(crate) fn basic(login: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{login}:{password}")))
}

/// `owner/name` as a resource.
pub(crate) fn path(owner: &str, name: &str) -> RepoPath {
    RepoPath::new(UserName::new(owner).unwrap(), RepoName::new(name).unwrap())
}

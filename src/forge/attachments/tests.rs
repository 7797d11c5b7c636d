//! Rows, contents and the ledger together, without HTTP.

use std::path::PathBuf;

use atomicqms_actors::Job;
use bytes::Bytes;

use super::*;
use crate::access::action::{DeleteRepository, EditReleases};
use crate::config::Config;
use crate::forge::intake::Intake;
use crate::forge::releases::{self, Which};
use crate::forge::testing::{TestForge, path};
use crate::forge::{first_commit, repositories};
use crate::model::{BlobId, NewRelease, NewRepository, Release, ReleasePatch, RepoName};

struct World {
    test: TestForge,
    ada: Caller,
    intake: Intake,
}

impl World {
    async fn start() -> Self {
        let test = TestForge::start().await;
        test.user("ada").await;
        let ada = test.sign_in("ada").await;
        let intake = Intake::new(&Config::for_tests(test.directory.path()).git, b"secret");
        let world = Self { test, ada, intake };
        world.repository("sops").await;
        world
    }

    async fn repository(&self, name: &str) {
        let owner = self.ada.user().unwrap().name.clone();
        let permit =
            self.test.forge.authorize(&self.ada, crate::access::action::CreateRepository, &owner).await.unwrap();
        let new = NewRepository { auto_init: true, ..NewRepository::new(RepoName::new(name).unwrap()) };
        first_commit::create_with_first_commit(&self.test.forge, &self.intake, permit, new).await.unwrap();
    }

    async fn permit(&self, name: &str) -> Permit<EditReleases> {
        self.test.forge.authorize(&self.ada, EditReleases, &path("ada", name)).await.unwrap()
    }

    async fn release(&self, name: &str, new: NewRelease) -> Release {
        let permit = self.permit(name).await;
        releases::create_release(&self.test.forge, &self.intake, permit, new).await.unwrap().release
    }

    async fn attach(&self, name: &str, release: ReleaseId, content: &'static [u8]) -> Attachment {
        let mut receiving = self.test.forge.blobs.receive().await.unwrap();
        receiving.write(Bytes::from_static(content)).await.unwrap();
        let file = FileName::new("a.txt").unwrap();
        attach(&self.test.forge, self.permit(name).await, release, file, receiving.finish()).await.unwrap()
    }

    fn content(&self, blob: BlobId) -> PathBuf {
        let name = blob.to_string();
        self.test.directory.path().join("attachments").join(&name[..2]).join(&name[2..4]).join(&name)
    }

    /// What the ledger gained since the repository was made.
    async fn actions(&self) -> Vec<String> {
        let all = self.test.actions().await;
        let is_ours = |action: &String| action.starts_with("release.") || action.starts_with("attachment.");
        all.into_iter().filter(is_ours).collect()
    }
}

fn tagged(tag: &str) -> NewRelease {
    NewRelease { tag: tag.into(), ..NewRelease::default() }
}

#[tokio::test]
async fn every_change_has_one_event_and_nothing_else_has() {
    let world = World::start().await;
    let draft = world.release("sops", NewRelease { is_draft: true, ..tagged("v1") }).await;
    let edit = async |patch: ReleasePatch| {
        let permit = world.permit("sops").await;
        releases::edit_release(&world.test.forge, &world.intake, permit, draft.id, patch).await
    };
    let title = ReleasePatch { title: Some("One".into()), ..ReleasePatch::default() };
    edit(title.clone()).await.unwrap();
    edit(title).await.unwrap();
    world.test.clock.advance_ms(5000);
    let published = edit(ReleasePatch { is_draft: Some(false), ..ReleasePatch::default() }).await.unwrap().release;
    assert_eq!(published.published_ms, draft.created_ms.plus_ms(5000));
    assert!(
        edit(ReleasePatch { target: Some("x".into()), ..ReleasePatch::default() }).await.is_ok(),
        "its tag is there"
    );
    let file = world.attach("sops", draft.id, b"content").await;
    let which = (draft.id, file.id);
    let name = FileName::new("b.txt").unwrap();
    for _ in 0..2 {
        let permit = world.permit("sops").await;
        rename_attachment(&world.test.forge, permit, which, Some(name.clone()), Vec::new()).await.unwrap();
    }
    delete_attachment(&world.test.forge, world.permit("sops").await, which).await.unwrap();
    releases::delete_release(&world.test.forge, world.permit("sops").await, Which::Id(draft.id)).await.unwrap();
    assert_eq!(
        world.actions().await,
        [
            "release.create",
            "release.edit",
            "release.publish",
            "release.edit",
            "attachment.create",
            "attachment.edit",
            "attachment.delete",
            "release.delete",
        ]
    );
    world.test.finish().await;
}

#[tokio::test]
async fn a_content_lives_as_long_as_the_last_file_that_needs_it() {
    let world = World::start().await;
    world.repository("other").await;
    let (one, two) = (world.release("sops", tagged("v1")).await, world.release("other", tagged("v1")).await);
    let first = world.attach("sops", one.id, b"shared").await;
    let second = world.attach("other", two.id, b"shared").await;
    let alone = world.attach("other", two.id, b"alone").await;
    assert_eq!(first.blob, second.blob);
    assert!(world.content(first.blob).is_file());
    delete_attachment(&world.test.forge, world.permit("sops").await, (one.id, first.id)).await.unwrap();
    assert!(world.content(first.blob).is_file(), "another repository has it");
    let permit = world.test.forge.authorize(&world.ada, DeleteRepository, &path("ada", "other")).await.unwrap();
    repositories::delete_repository(&world.test.forge, permit).await.unwrap();
    assert!(!world.content(first.blob).exists() && !world.content(alone.blob).exists());

    let third = world.attach("sops", one.id, b"with its release").await;
    releases::delete_release(&world.test.forge, world.permit("sops").await, Which::Tag("v1".into())).await.unwrap();
    assert!(!world.content(third.blob).exists());
    world.test.finish().await;
}

#[tokio::test]
async fn an_upload_without_a_row_is_forgotten_and_one_with_a_row_is_not() {
    let world = World::start().await;
    let release = world.release("sops", tagged("v1")).await;
    let mut receiving = world.test.forge.blobs.receive().await.unwrap();
    receiving.write(Bytes::from_static(b"lost")).await.unwrap();
    let received = receiving.finish();
    let lost = received.id;
    let file = FileName::new("a").unwrap();
    let absent = ReleaseId::new(99);
    let refused = attach(&world.test.forge, world.permit("sops").await, absent, file, received).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::NotFound);
    assert!(!world.content(lost).exists());

    let kept = world.attach("sops", release.id, b"kept").await;
    let job = |blob: BlobId| Job {
        id: 1,
        kind: FORGET_BLOB.to_owned(),
        key: blob.to_string(),
        payload: String::new(),
        attempts: 1,
    };
    let forge = &world.test.forge;
    // The note that each upload leaves for the case that its server dies.
    run_job(&forge.blobs, &forge.readers, &job(kept.blob)).await.unwrap();
    assert!(world.content(kept.blob).is_file());
    let nonsense = Job { key: "../../etc/passwd".to_owned(), ..job(kept.blob) };
    assert!(run_job(&forge.blobs, &forge.readers, &nonsense).await.is_err());
    world.test.finish().await;
}

#[tokio::test]
async fn downloads_are_counted_together_and_written_once() {
    let world = World::start().await;
    let release = world.release("sops", tagged("v1")).await;
    let file = world.attach("sops", release.id, b"content").await;
    for _ in 0..3 {
        downloads::note(&world.test.forge, file.id);
    }
    downloads::write(&world.test.forge).await;
    downloads::write(&world.test.forge).await;
    let uuid = file.uuid.clone();
    let found = world.test.forge.read("count", move |conn| Ok(db::attachments::find_by_uuid(conn, &uuid)?)).await;
    assert_eq!(found.unwrap().unwrap().download_count, 3);
    world.test.finish().await;
}

#[test]
fn kinds_of_files_by_table() {
    let allowed: Vec<String> = [".tar.gz", ".md", "image/*", "application/pdf"].map(str::to_owned).into();
    let table = [
        ("a.md", "application/octet-stream", true),
        ("a.MD", "text/plain; charset=utf-8", true),
        ("a.tar.gz", "application/gzip", true),
        ("a.gz", "application/gzip", false),
        ("a.png", "image/png", true),
        ("a.png", "text/plain; charset=utf-8", false),
        ("a", "application/pdf", true),
    ];
    for (name, content_type, passes) in table {
        let name = FileName::new(name).unwrap();
        assert_eq!(check_type(&allowed, &name, content_type).is_ok(), passes, "{name:?} {content_type}");
        assert!(check_type(&[], &name, content_type).is_ok());
        assert!(check_type(&["*/*".to_owned()], &name, content_type).is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_removals_of_one_content_at_once_lose_nothing() {
    let world = Arc::new(World::start().await);
    let release = world.release("sops", tagged("v1")).await.id;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let world = Arc::clone(&world);
        tasks.spawn(async move {
            for _ in 0..8 {
                let file = world.attach("sops", release, b"the same").await;
                assert!(world.content(file.blob).is_file(), "a row without its content");
                let permit = world.permit("sops").await;
                delete_attachment(&world.test.forge, permit, (release, file.id)).await.unwrap();
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let left = world.attach("sops", release, b"the same").await;
    assert!(world.content(left.blob).is_file());
    delete_attachment(&world.test.forge, world.permit("sops").await, (release, left.id)).await.unwrap();
    assert!(!world.content(left.blob).exists());
    Arc::into_inner(world).unwrap().test.finish().await;
}

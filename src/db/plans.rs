//! Every statement of this folder, as the database would run it: none may read a whole table where an index exists.
//!
//! A connection that explains each statement before running it stands in for the real one, so a new function is
//! covered by calling it here.

use std::cell::RefCell;

use atomicqms_actors::sql::{Connection, EachRow, Error, Value};

use super::testing::{self, NOON, edit, oid, push};
use super::*;
use crate::model::commit_status::{CommitState, NewCommitStatus, StatusQuery};
use crate::model::follow::Side;
use crate::model::interest::Interest;
use crate::model::label::LabelOwner;
use crate::model::mirror::NewMirror;
use crate::model::openpgp::{Certificate, GpgPart};
use crate::model::protection::Named;
use crate::model::repository::{RepositoryQuery, RepositorySort};
use crate::model::topic::TopicName;
use crate::model::user::UserQuery;
use crate::model::{
    AccessLevel, Avatar, AvatarHolder, BlobId, Email, FileName, KeyOwner, KeyText, NewAttachment, NewInvitation,
    NewMail, NewRegistration, NewRelease, NewToken, Page, Purpose, ReleaseFilter, RepoId, RepoName, RuleSettings,
    TeamId, TeamSettings, TokenScopes, UserId, UserName, Uuid, Visibility, WhiteList,
};

struct Explaining {
    inner: rusqlite::Connection,
    scans: RefCell<Vec<String>>,
    statements: RefCell<usize>,
}

impl Explaining {
    fn explain(&self, sql: &str, params: &[Value]) -> Result<(), Error> {
        *self.statements.borrow_mut() += 1;
        for step in dialect::query_plan(&self.inner, sql, params)? {
            // A scan that an index orders and LIMIT ends early is how pages are read; a bare one reads the table.
            let step = step.trim_start();
            let reads_all = step.starts_with("SCAN") && !step.contains("USING") && !step.contains("CONSTANT ROW");
            if reads_all || step.contains("AUTOMATIC") {
                self.scans.borrow_mut().push(format!("{step} <- {sql}"));
            }
        }
        Ok(())
    }
}

impl Connection for Explaining {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.explain(sql, params)?;
        Connection::execute(&self.inner, sql, params)
    }

    fn query(&self, sql: &str, params: &[Value], each: EachRow<'_>) -> Result<(), Error> {
        self.explain(sql, params)?;
        self.inner.query(sql, params, each)
    }

    fn execute_batch(&self, sql: &str) -> Result<(), Error> {
        Connection::execute_batch(&self.inner, sql)
    }
}

fn explaining() -> (Explaining, UserId, RepoId) {
    let inner = testing::open();
    let ada = testing::user(&inner, "ada");
    let repo = testing::repository(&inner, ada, "sop");
    push(&inner, repo, &edit("refs/heads/main", None, Some(1)));
    (Explaining { inner, scans: RefCell::default(), statements: RefCell::default() }, ada, repo)
}

#[test]
fn lookups_and_changes_of_one_row_use_an_index() {
    let (conn, ada, repo) = explaining();
    let conn_ref: &dyn Connection = &conn;
    let name = UserName::new("ada").unwrap();
    users::find(conn_ref, ada).unwrap();
    users::find_by_name(conn_ref, &name).unwrap();
    let address = Email::new("ada@example.org").unwrap();
    users::find_all_by_email(
        conn_ref,
        &["ada@example.org".into(), "ada@noreply.localhost".into()],
        "noreply.localhost",
    )
    .unwrap();
    email_addresses::list(conn_ref, ada).unwrap();
    email_addresses::find(conn_ref, 1).unwrap();
    email_addresses::find_of(conn_ref, ada, &address).unwrap();
    email_addresses::holder(conn_ref, &address).unwrap();
    users::find_by_present_or_former_name(conn_ref, &UserName::new("nobody").unwrap()).unwrap();
    users::rename(conn_ref, &users::find(conn_ref, ada).unwrap().unwrap(), &UserName::new("ada-2").unwrap(), NOON)
        .unwrap();
    let owner = LabelOwner::Repository(repo);
    let new_label = crate::bundled::label_sets::find("Default").unwrap().remove(0);
    let label = labels::insert(conn_ref, owner, &new_label, NOON).unwrap();
    labels::update(conn_ref, &labels::find(conn_ref, owner, label).unwrap().unwrap(), NOON).unwrap();
    labels::find_by_name(conn_ref, owner, "BUG").unwrap().unwrap();
    labels::list(conn_ref, owner, Page::default()).unwrap();
    labels::all_of(conn_ref, owner).unwrap();
    labels::delete(conn_ref, label).unwrap();
    labels::delete_of(conn_ref, LabelOwner::Organization(ada)).unwrap();
    account_redirects::count(conn_ref, ada).unwrap();
    audit::has_other_than(conn_ref, ada, &["a", "b"]).unwrap();
    audit::list_of(conn_ref, ada, &["user.edit"], 0, 100).unwrap();
    users::password_hash(conn_ref, ada).unwrap();
    users::name_is_taken(conn_ref, &name).unwrap();
    users::update_password(conn_ref, ada, "y", NOON).unwrap();
    users::mark_login(conn_ref, ada, NOON).unwrap();
    users::update(conn_ref, &users::find(conn_ref, ada).unwrap().unwrap(), NOON).unwrap();
    let settings = RuleSettings::default();
    let named = Named { users: vec![(WhiteList::Push, ada)], teams: vec![(WhiteList::Push, TeamId::new(1))] };
    let rule = protection::insert_branch_rule(conn_ref, repo, "main", &settings, &named, NOON).unwrap();
    protection::list_branch_rules(conn_ref, repo).unwrap();
    protection::update_branch_rule(conn_ref, rule, &settings, &named, NOON).unwrap();
    protection::set_priority(conn_ref, rule, 2, NOON).unwrap();
    let tag_rule = protection::insert_tag_rule(conn_ref, repo, "v*", &[ada], &[TeamId::new(1)], NOON).unwrap();
    protection::list_tag_rules(conn_ref, repo).unwrap();
    protection::update_tag_rule(conn_ref, tag_rule, "w*", &[ada], &[], NOON).unwrap();
    protection::delete_of_user(conn_ref, ada).unwrap();
    protection::forget_teams(conn_ref, repo).unwrap();
    teams::ids_of_member(conn_ref, ada).unwrap();
    protection::delete_tag_rule(conn_ref, tag_rule).unwrap();
    protection::delete_branch_rule(conn_ref, rule).unwrap();
    let new = NewToken { name: "ci".into(), scopes: TokenScopes::EVERYTHING, expires_ms: None, repositories: None };
    let token =
        tokens::insert(conn_ref, ada, &new, &[repo], tokens::Secret { hash: &[1; 32], last_eight: "12345678" }, NOON)
            .unwrap();
    tokens::find_by_hash(conn_ref, &[1; 32]).unwrap();
    tokens::find_by_name(conn_ref, ada, "ci").unwrap();
    tokens::list(conn_ref, ada, Page::default()).unwrap();
    tokens::mark_used(conn_ref, token.id, NOON).unwrap();
    tokens::delete(conn_ref, token.id).unwrap();
    let signed = push_certificates::Push { repository: repo, user: Some(ada), at: NOON };
    let certificate = push_certificates::New {
        sha256: &[3; 32],
        certificate: b"x",
        pusher: "x",
        nonce_status: "OK",
        format: "ssh",
        verification: "unverified",
        fingerprint: None,
        signer: None,
    };
    assert!(push_certificates::insert(conn_ref, &signed, &certificate).unwrap());
    assert!(!push_certificates::insert(conn_ref, &signed, &certificate).unwrap(), "kept once");
    tokens::delete_of_user(conn_ref, ada).unwrap();
    let bob = testing::user(conn_ref, "bob");
    let (mine, deploy) = (KeyOwner::User(bob), KeyOwner::Repository(repo));
    let text = KeyText { key_type: "ssh-ed25519".into(), bytes: vec![1], fingerprint: "SHA256:x".into() };
    let key = keys::insert(conn_ref, mine, "laptop", &text, false, NOON).unwrap();
    keys::find(conn_ref, key.id).unwrap();
    keys::find_by_fingerprint(conn_ref, "SHA256:x").unwrap();
    for owner in [mine, deploy] {
        keys::list(conn_ref, owner, keys::Filter::default(), Page::default()).unwrap();
        let one = keys::Filter { fingerprint: Some("SHA256:x".into()), id: Some(key.id) };
        keys::list(conn_ref, owner, one, Page::default()).unwrap();
    }
    keys::find_of(conn_ref, mine, key.id).unwrap();
    keys::title_is_taken(conn_ref, mine, "laptop").unwrap();
    keys::mark_used(conn_ref, key.id, NOON).unwrap();
    keys::delete(conn_ref, key.id).unwrap();
    keys::delete_of_user(conn_ref, bob).unwrap();
    openpgp_keys(conn_ref, bob);
    collaborators::put(conn_ref, repo, bob, AccessLevel::Write, NOON).unwrap();
    collaborators::level(conn_ref, repo, bob).unwrap();
    for viewer in [None, Some(users::Viewer { id: Some(bob), is_admin: false, is_public_only: false })] {
        collaborators::list(conn_ref, repo, viewer, Page::default()).unwrap();
    }
    collaborators::delete(conn_ref, repo, bob).unwrap();
    collaborators::delete_of_user(conn_ref, bob).unwrap();
    let topic = TopicName::parse("gxp").unwrap();
    topics::add(conn_ref, repo, &topic, NOON).unwrap();
    assert_eq!(topics::of_repository(conn_ref, repo).unwrap(), ["gxp"]);
    assert_eq!(topics::of_repositories(conn_ref, &[repo, RepoId::new(99)]).unwrap().len(), 1);
    assert!(topics::remove(conn_ref, repo, "gxp").unwrap());
    assert!(!topics::remove(conn_ref, repo, "gxp").unwrap(), "gone");
    interests_and_statuses(conn_ref, ada, repo);
    languages::replace(conn_ref, repo, &[("Rust".to_owned(), 7), ("C".to_owned(), 9)]).unwrap();
    assert_eq!(languages::list(conn_ref, repo).unwrap()[0].0, "C");
    assert_eq!(languages::main_of_repositories(conn_ref, &[repo, RepoId::new(99)]).unwrap().len(), 1);
    repositories::list_tips_after(conn_ref, RepoId::new(0), 10).unwrap();
    follows_blocks_and_avatars(conn_ref, ada, repo);
    let sop = RepoName::new("sop").unwrap();
    let row = repositories::find(conn_ref, repo).unwrap().unwrap();
    repositories::find_by_path(conn_ref, &name, &sop).unwrap();
    repositories::find_by_path(conn_ref, &name, &RepoName::new("gone").unwrap()).unwrap();
    repositories::find_of_owner(conn_ref, ada, &sop).unwrap();
    repositories::find_fork(conn_ref, ada, repo).unwrap();
    let everybody = repositories::search::Viewer {
        id: None,
        is_admin: false,
        is_restricted: false,
        is_public_only: false,
        only: None,
    };
    for name in [None, Some(&sop)] {
        repositories::search::list_relatives(conn_ref, &everybody, repo, ada, name, 1).unwrap();
    }
    repositories::count_branches(conn_ref, repo).unwrap();
    repositories::owner_has_any(conn_ref, ada).unwrap();
    repositories::update(conn_ref, &row, NOON).unwrap();
    repositories::rename(conn_ref, &row, &RepoName::new("manual").unwrap(), NOON).unwrap();
    repositories::mark_pushed(conn_ref, repo, NOON).unwrap();
    instance::find(conn_ref, instance::ID).unwrap();
    push(conn_ref, repo, &edit("refs/heads/main", Some(1), Some(2)));
    refs::find(conn_ref, repo, "refs/heads/main").unwrap();
    refs::list(conn_ref, repo).unwrap();
    refs::journal_seq(conn_ref, repo).unwrap();
    refs::projected_seq(conn_ref, repo).unwrap();
    refs::mark_projected(conn_ref, repo, 1).unwrap();
    let row = atomicqms_git::maintenance::PackRow { pack: vec![1], lines: Vec::new() };
    let waiting = refs::waiting::insert(conn_ref, repo, row).unwrap();
    refs::waiting::list(conn_ref, repo).unwrap();
    refs::waiting::delete_up_to(conn_ref, repo, waiting).unwrap();
    refs::was_journaled(conn_ref, repo, "refs/heads/main", Some(oid(1)), 0).unwrap();
    refs::was_journaled(conn_ref, repo, "refs/heads/main", None, 0).unwrap();
    refs::recent_values(conn_ref, repo, NOON).unwrap();
    refs::moves_after(conn_ref, repo, 0).unwrap();
    releases_and_files(conn_ref, ada, repo);
    run_a_job(conn_ref);
    send_a_mail(conn_ref);
    follow_a_remote(conn_ref, repo);
    repositories::list_ids_after(conn_ref, RepoId::new(0), 10).unwrap();
    audit::last(conn_ref).unwrap();
    audit::list_after(conn_ref, 0, 10).unwrap();
    audit::list_personal(conn_ref, 0, 10).unwrap();
    audit::list_journal(conn_ref, 0, 10).unwrap();
    audit::list_refs_after(conn_ref, 0, "", 10).unwrap();
    audit::erase_personal(conn_ref, 1).unwrap();
    repositories::delete(conn_ref, repo).unwrap();
    repositories::forget_removal(conn_ref, repo).unwrap();
    assert_eq!(*conn.scans.borrow(), Vec::<String>::new());
    assert!(*conn.statements.borrow() > 55);
}

/// Every statement of OpenPGP keys.
fn openpgp_keys(conn: &dyn Connection, bob: UserId) {
    let part = |id: char, can_sign| GpgPart {
        fingerprint: id.to_string().repeat(40),
        key_id: id.to_string().repeat(16),
        packet: vec![1],
        created_s: 1,
        expires_s: None,
        revoked_s: Some(2),
        can_sign,
        can_certify: false,
        can_encrypt_comms: false,
        can_encrypt_storage: true,
    };
    let certificate = Certificate {
        parts: vec![part('A', true), part('B', true), part('C', false)],
        addresses: vec!["bob@example.org".into(), "bob@home.example".into()],
        packets: vec![7],
    };
    let id = gpg_keys::insert(conn, bob, &certificate, false, NOON).unwrap();
    let key = gpg_keys::find_of(conn, bob, id).unwrap().unwrap();
    assert_eq!(key.parts().cloned().collect::<Vec<_>>(), certificate.parts);
    assert_eq!((key.addresses.clone(), key.is_challenged), (certificate.addresses.clone(), false));
    assert_eq!(gpg_keys::find_by_key_id(conn, bob, &"A".repeat(16)).unwrap().unwrap(), key);
    for (digit, is_primary, signs) in [('A', true, true), ('B', false, true), ('C', false, false), ('D', false, false)]
    {
        let key_id = digit.to_string().repeat(16);
        assert_eq!(gpg_keys::find_by_key_id(conn, bob, &key_id).unwrap().is_some(), is_primary);
        assert_eq!(gpg_keys::is_taken(conn, &key_id).unwrap(), signs);
        for (user, expected) in [(Some(bob), signs), (None, signs), (Some(UserId::new(99)), false)] {
            let found = gpg_keys::list_signing(conn, &key_id, user).unwrap();
            assert_eq!(found.len(), usize::from(expected), "{digit}");
            assert!(found.iter().all(|one| one.addresses == certificate.addresses && one.user_id == bob));
        }
        let found = gpg_keys::list_signing_by_fingerprint(conn, &digit.to_string().repeat(40)).unwrap();
        assert_eq!(found.len(), usize::from(signs), "{digit}");
        assert!(found.iter().all(|one| one.addresses == certificate.addresses && one.user_id == bob));
    }
    gpg_keys::mark_challenged(conn, id).unwrap();
    let listed = gpg_keys::list(conn, bob, Page::default()).unwrap();
    assert!(listed.total_count == 1 && listed.rows[0].is_challenged);
    assert!(gpg_keys::insert(conn, bob, &certificate, false, NOON).is_err(), "a key id is one key's");
    assert_eq!(gpg_keys::count_of_user(conn, bob).unwrap(), 1);
    assert!(gpg_keys::delete(conn, id).unwrap());
    assert!(!gpg_keys::delete(conn, id).unwrap(), "gone");
    assert_eq!(gpg_keys::list_signing_by_fingerprint(conn, &"B".repeat(40)).unwrap(), [], "subkeys go with their key");
    gpg_keys::insert(conn, bob, &certificate, true, NOON).unwrap();
    assert_eq!(gpg_keys::delete_of_user(conn, bob).unwrap(), 1);
    assert_eq!(email_addresses::list_verified(conn, bob).unwrap(), ["bob@example.org"]);
}

/// Every statement of releases and their files.
fn releases_and_files(conn: &dyn Connection, ada: UserId, repo: RepoId) {
    let new = NewRelease { tag: "v1".into(), target: "main".into(), ..NewRelease::default() };
    let release = releases::insert(conn, repo, ada, &new, NOON).unwrap();
    releases::find(conn, repo, release.id).unwrap();
    releases::find_by_tag(conn, repo, "v1").unwrap();
    releases::find_latest(conn, repo).unwrap();
    releases::list(conn, repo, &ReleaseFilter::default(), Page::default()).unwrap();
    releases::count_published(conn, repo).unwrap();
    releases::update(conn, &release).unwrap();
    let file = NewAttachment {
        uuid: Uuid::random().unwrap(),
        name: FileName::new("a.zip").unwrap(),
        size_bytes: 1,
        blob: BlobId::new([1; 32]),
        content_type: "application/zip",
    };
    let file = attachments::insert(conn, repo, release.id, ada, &file, NOON).unwrap();
    attachments::find_of_release(conn, release.id, file.id).unwrap();
    attachments::find_by_name(conn, release.id, "a.zip").unwrap();
    attachments::find_by_uuid(conn, &file.uuid).unwrap();
    attachments::list_of_release(conn, release.id).unwrap();
    attachments::count_of_release(conn, release.id).unwrap();
    attachments::rename(conn, file.id, &file.name).unwrap();
    attachments::add_downloads(conn, file.id, 1).unwrap();
    attachments::is_needed(conn, file.blob).unwrap();
    attachments::blobs_of_repository(conn, repo).unwrap();
    attachments::delete(conn, file.id).unwrap();
    releases::delete(conn, release.id).unwrap();
}

/// Every statement of stars, watches and statuses of commits.
fn interests_and_statuses(conn: &dyn Connection, ada: UserId, repo: RepoId) {
    for interest in [Interest::Star, Interest::Watch] {
        assert!(interests::put(conn, interest, ada, repo, NOON).unwrap());
        assert!(!interests::put(conn, interest, ada, repo, NOON).unwrap(), "there already");
        assert_eq!(interests::since(conn, interest, ada, repo).unwrap(), Some(NOON));
        assert_eq!(interests::count_of_user(conn, interest, ada).unwrap(), 1);
        assert_eq!(interests::count_of_repositories(conn, interest, &[repo]).unwrap().get(&repo), Some(&1));
        let viewer = users::Viewer { id: None, is_admin: false, is_public_only: false };
        assert_eq!(interests::list_users(conn, interest, viewer, repo, Page::default()).unwrap().total_count, 1);
        assert!(interests::delete(conn, interest, ada, repo).unwrap());
        assert!(!interests::delete(conn, interest, ada, repo).unwrap(), "gone");
        interests::put(conn, interest, ada, repo, NOON).unwrap();
    }
    assert_eq!(interests::delete_of_user(conn, ada).unwrap(), 2);
    let new = NewCommitStatus {
        context: "ci".into(),
        state: CommitState::Success,
        target_url: String::new(),
        description: String::new(),
    };
    let made = commit_statuses::insert(conn, repo, &oid(1), &new, ada, NOON).unwrap();
    let query = StatusQuery { state: Some(CommitState::Success), is_latest_only: true, ..StatusQuery::default() };
    assert_eq!(commit_statuses::list(conn, repo, &oid(1), query, Page::default()).unwrap().rows, [made]);
    assert_eq!(commit_statuses::count(conn, repo, &oid(1)).unwrap(), 1);
    assert_eq!(commit_statuses::latest_states(conn, repo, &oid(1)).unwrap(), [CommitState::Success]);
}

/// Every statement of followers, blocks and pictures.
fn follows_blocks_and_avatars(conn: &dyn Connection, ada: UserId, repo: RepoId) {
    let eve = testing::user(conn, "eve");
    assert!(follows::put(conn, eve, ada, NOON).unwrap());
    assert!(follows::is_following(conn, eve, ada).unwrap());
    let viewers = [(None, false), (Some(eve), false), (Some(eve), true)];
    for (id, is_admin) in viewers {
        let viewer = users::Viewer { id, is_admin, is_public_only: false };
        for side in [Side::Followers, Side::Following] {
            follows::list(conn, viewer, ada, side, Page::default()).unwrap();
        }
    }
    assert!(follows::delete(conn, eve, ada).unwrap());
    follows::delete_of_user(conn, eve).unwrap();
    interests::put(conn, Interest::Star, eve, repo, NOON).unwrap();
    collaborators::put(conn, repo, eve, AccessLevel::Read, NOON).unwrap();
    transfers::insert(conn, repo, ada, eve, &[], NOON).unwrap();
    assert_eq!(blocks::end_offers(conn, ada, eve).unwrap(), [repo]);
    assert_eq!(blocks::end_interest(conn, Interest::Star, eve, ada).unwrap(), 1);
    assert_eq!(blocks::end_interest(conn, Interest::Watch, eve, ada).unwrap(), 0);
    assert_eq!(blocks::end_collaborations(conn, eve, ada).unwrap(), [(repo, AccessLevel::Read)]);
    assert_eq!(collaborators::level(conn, repo, eve).unwrap(), None);
    assert!(blocks::put(conn, ada, eve, "spam", NOON).unwrap() && !blocks::put(conn, ada, eve, "", NOON).unwrap());
    interests::put(conn, Interest::Star, eve, repo, NOON).unwrap();
    collaborators::put(conn, repo, eve, AccessLevel::Read, NOON).unwrap();
    assert_eq!(blocks::end_interest_in(conn, Interest::Star, repo, ada).unwrap(), 1);
    assert_eq!(blocks::end_interest_in(conn, Interest::Watch, repo, ada).unwrap(), 0);
    assert_eq!(blocks::end_collaborations_in(conn, repo, ada).unwrap(), [(eve, AccessLevel::Read)]);
    assert!(blocks::is_blocked(conn, ada, eve).unwrap() && blocks::holds_back(conn, ada, eve).unwrap());
    let viewer = users::Viewer { id: Some(ada), is_admin: false, is_public_only: false };
    assert_eq!(blocks::list(conn, viewer, ada, Page::default()).unwrap().total_count, 1);
    assert!(blocks::delete(conn, ada, eve).unwrap());
    blocks::delete_of_user(conn, eve).unwrap();
    let avatar = Avatar { blob: BlobId::new([9; 32]), size_bytes: 7 };
    for holder in [AvatarHolder::Account(ada), AvatarHolder::Repository(repo)] {
        avatars::set(conn, holder, Some(avatar), NOON).unwrap();
    }
    for (id, is_admin) in viewers {
        for is_public_only in [false, true] {
            let viewer = users::Viewer { id, is_admin, is_public_only };
            assert_eq!(avatars::find_of_account(conn, viewer, avatar.blob).unwrap(), Some((avatar, true)));
            let viewer =
                repositories::search::Viewer { id, is_admin, is_restricted: false, is_public_only, only: None };
            assert_eq!(avatars::find_of_repository(conn, &viewer, avatar.blob).unwrap(), Some((avatar, true)));
        }
    }
    assert_eq!(users::find(conn, ada).unwrap().unwrap().avatar, Some(avatar));
    assert_eq!(repositories::find(conn, repo).unwrap().unwrap().avatar, Some(avatar));
    assert!(attachments::is_needed(conn, avatar.blob).unwrap());
    assert_eq!(attachments::blobs_of_repository(conn, repo).unwrap(), [avatar.blob]);
    avatars::set(conn, AvatarHolder::Account(ada), None, NOON).unwrap();
    assert!(attachments::is_needed(conn, avatar.blob).unwrap(), "the repository has it, too");
    avatars::set(conn, AvatarHolder::Repository(repo), None, NOON).unwrap();
    assert!(!attachments::is_needed(conn, avatar.blob).unwrap());
}

/// Every statement of the runner of jobs.
fn run_a_job(conn: &dyn Connection) {
    use atomicqms_actors::{JobEnd, JobStore};
    let rows = jobs::Rows::new(std::sync::Arc::new(crate::model::time::ManualClock::new(NOON)));
    jobs::schedule(conn, "tidy", "1", NOON, NOON).unwrap();
    let job = rows.claim(conn).unwrap().unwrap();
    rows.finish(conn, &job, &JobEnd::Retry { after: std::time::Duration::ZERO, error: "x".into() }).unwrap();
    let job = rows.claim(conn).unwrap().unwrap();
    jobs::schedule(conn, "tidy", "1", NOON, NOON).unwrap();
    rows.finish(conn, &job, &JobEnd::Later(std::time::Duration::ZERO)).unwrap();
    rows.release_all(conn).unwrap();
    let job = rows.claim(conn).unwrap().unwrap();
    rows.finish(conn, &job, &JobEnd::Failed { error: "x".into() }).unwrap();
    jobs::list_failed(conn, "tidy", "1").unwrap();
    jobs::count_failed(conn).unwrap();
    jobs::count_waiting(conn, "tidy").unwrap();
    rows.finish(conn, &job, &JobEnd::Done).unwrap();
}

/// Every statement about mirrors.
fn follow_a_remote(conn: &dyn Connection, repo: RepoId) {
    use atomicqms_actors::{JobEnd, JobStore};
    let rows = mirrors::Rows::new(std::sync::Arc::new(crate::model::time::ManualClock::new(NOON)), 1);
    let new =
        NewMirror { remote_url: "https://example.org/x".to_owned(), credentials: None, is_once: false, interval_ms: 1 };
    mirrors::insert(conn, repo, &new, NOON).unwrap();
    rows.release_all(conn).unwrap();
    let job = rows.claim(conn).unwrap().unwrap();
    let mirror = mirrors::find(conn, repo).unwrap().unwrap();
    assert!(mirrors::find_status(conn, repo).unwrap().unwrap().is_running);
    mirrors::ask(conn, repo, 1, NOON).unwrap();
    mirrors::update(conn, &mirror, Some(NOON), NOON).unwrap();
    mirrors::record_failure(conn, repo, None, "x", NOON).unwrap();
    mirrors::record_success(conn, repo, Some(NOON), "", NOON).unwrap();
    rows.finish(conn, &job, &JobEnd::Later(std::time::Duration::ZERO)).unwrap();
    mirrors::forget(conn, repo).unwrap();
}

/// Every statement about mails and those who register.
fn send_a_mail(conn: &dyn Connection) {
    use atomicqms_actors::{JobEnd, JobStore};
    let rows = outgoing_mails::Rows::new(std::sync::Arc::new(crate::model::time::ManualClock::new(NOON)));
    let (name, email) = (UserName::new("eve").unwrap(), Email::new("eve@example.org").unwrap());
    let mail = NewMail {
        recipient: email.clone(),
        purpose: Purpose::AccountMade,
        subject: String::new(),
        text: String::new(),
        about: None,
        expires_ms: NOON,
    };
    for _ in 0..2 {
        outgoing_mails::insert(conn, &mail, NOON).unwrap();
    }
    let job = rows.claim(conn).unwrap().unwrap();
    outgoing_mails::find(conn, job.id).unwrap();
    outgoing_mails::count_waiting(conn).unwrap();
    rows.finish(conn, &job, &JobEnd::Retry { after: std::time::Duration::ZERO, error: "x".into() }).unwrap();
    rows.claim(conn).unwrap().unwrap();
    rows.release_all(conn).unwrap();
    outgoing_mails::status(conn).unwrap();
    rows.finish(conn, &job, &JobEnd::Failed { error: "x".into() }).unwrap();
    outgoing_mails::next_forgotten(conn).unwrap();
    outgoing_mails::delete_forgotten(conn, NOON).unwrap();
    outgoing_mails::delete_of_user(conn, UserId::new(1)).unwrap();
    rows.finish(conn, &job, &JobEnd::Done).unwrap();

    let new = NewRegistration { name: name.clone(), email: email.clone(), password: String::new() };
    let id = registrations::insert(conn, &new, "x", "near", NOON, NOON).unwrap();
    registrations::delete_most_crowded(conn).unwrap();
    registrations::find(conn, id).unwrap();
    registrations::count(conn).unwrap();
    registrations::next_expiry(conn).unwrap();
    registrations::delete_of(conn, &name, &email).unwrap();
    registrations::delete_expired(conn, NOON).unwrap();

    let user = UserId::new(1);
    let settings = TeamSettings { name: "invited".to_owned(), ..TeamSettings::owners() };
    let team = teams::insert(conn, user, &settings, NOON).unwrap();
    let new = NewInvitation {
        team,
        inviter: user,
        email: email.clone(),
        seed: String::new(),
        token_hash: String::new(),
        expires_ms: NOON,
    };
    let id = invitations::insert(conn, &new, NOON).unwrap();
    let page = Page { number: 1, limit: 10 };
    invitations::find(conn, id).unwrap();
    invitations::find_by_hash(conn, "").unwrap();
    invitations::is_invited(conn, team, &email).unwrap();
    invitations::count_of_team(conn, team).unwrap();
    invitations::list_of_team(conn, team, NOON, page).unwrap();
    invitations::list_for(conn, user, true, NOON, page).unwrap();
    invitations::list_for(conn, user, false, NOON, page).unwrap();
    invitations::next_expiry(conn).unwrap();
    invitations::list_to(conn, user, user).unwrap();
    invitations::delete_expired(conn, NOON).unwrap();
    invitations::delete(conn, id).unwrap();
}

#[test]
fn pages_in_the_usual_orders_use_an_index() {
    let (conn, ada, _) = explaining();
    let conn_ref: &dyn Connection = &conn;
    let viewer = repositories::search::Viewer {
        id: Some(ada),
        is_admin: false,
        is_restricted: false,
        is_public_only: false,
        only: None,
    };
    for sort in [RepositorySort::Created, RepositorySort::Updated, RepositorySort::Id] {
        let query = RepositoryQuery { sort, ..RepositoryQuery::default() };
        repositories::search::list(conn_ref, &viewer, &query, Page::default()).unwrap();
    }
    let mine = RepositoryQuery { uid: Some(ada), is_exclusive: true, ..RepositoryQuery::default() };
    repositories::search::list(conn_ref, &viewer, &mine, Page::default()).unwrap();
    for sort in [RepositorySort::Stars, RepositorySort::Forks] {
        let starred = RepositoryQuery { starred_by: Some(ada), sort, ..RepositoryQuery::default() };
        repositories::search::list(conn_ref, &viewer, &starred, Page::default()).unwrap();
    }
    let watched = RepositoryQuery { watched_by: Some(ada), ..RepositoryQuery::default() };
    repositories::search::list(conn_ref, &viewer, &watched, Page::default()).unwrap();
    let bare: Vec<String> = conn
        .scans
        .take()
        .into_iter()
        // `p` is the page itself.
        .filter(|step| !step.contains("COUNT(*)") && !step.starts_with("SCAN r ") && !step.starts_with("SCAN p "))
        .collect();
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn no_order_of_all_repositories_is_sorted_and_no_count_reads_their_rows() {
    let (conn, ada, _) = explaining();
    let sorts = [
        RepositorySort::Alpha,
        RepositorySort::Created,
        RepositorySort::Updated,
        RepositorySort::Size,
        RepositorySort::Stars,
        RepositorySort::Forks,
        RepositorySort::Id,
    ];
    for (id, is_admin) in [(None, false), (Some(ada), false), (Some(ada), true)] {
        let viewer =
            repositories::search::Viewer { id, is_admin, is_restricted: false, is_public_only: false, only: None };
        for (sort, is_descending) in sorts.into_iter().flat_map(|sort| [(sort, false), (sort, true)]) {
            let query = RepositoryQuery { sort, is_descending, ..RepositoryQuery::default() };
            let (statement, count, filter) = repositories::search::build(&viewer, &query, Page::default());
            let plan = dialect::query_plan(&conn.inner, &statement, filter.params()).unwrap();
            // What comes before the page `p` is read finds its rows; what comes after it puts these few in order again. Deeper steps find what the
            // viewer was granted.
            let end = plan.iter().position(|step| step == "SCAN p").unwrap();
            let finding = &plan[..end];
            let is_read_whole = |step: &String| step.trim_start().starts_with("SCAN") && !step.contains("USING");
            let is_by_id = |step: &String| sort == RepositorySort::Id && step == "  SCAN r";
            assert!(!finding.contains(&"  USE TEMP B-TREE FOR ORDER BY".to_owned()), "{sort:?} {id:?}: {plan:#?}");
            assert!(!finding.iter().any(|step| is_read_whole(step) && !is_by_id(step)), "{sort:?} {id:?}: {plan:#?}");
            let plan = dialect::query_plan(&conn.inner, &count.0, &filter.params()[..count.1]).unwrap();
            assert!(
                plan.iter().all(|step| !step.trim_start().starts_with("SCAN r") || step.contains("COVERING")),
                "{plan:#?}"
            );
            assert!(plan.iter().any(|step| step.contains(" r ") && step.contains("COVERING")), "{plan:#?}");
        }
    }
}

#[test]
fn every_filter_and_order_is_a_statement_the_database_takes() {
    let (conn, ada, repo) = explaining();
    let viewers = [(None, false), (Some(ada), false), (Some(ada), true)];
    for (id, is_admin) in viewers {
        for is_public_only in [false, true] {
            let viewer = repositories::search::Viewer {
                id,
                is_admin,
                is_restricted: is_public_only,
                is_public_only,
                only: is_public_only.then(|| vec![repo]),
            };
            for sort in [RepositorySort::Alpha, RepositorySort::Size] {
                let query = RepositoryQuery {
                    text: "so".into(),
                    in_description: true,
                    uid: Some(ada),
                    is_private: Some(false),
                    is_archived: Some(false),
                    is_template: Some(false),
                    sort,
                    is_descending: true,
                    ..RepositoryQuery::default()
                };
                let listed = repositories::search::list(&conn, &viewer, &query, Page::default()).unwrap();
                assert_eq!(listed.total_count, 1);
            }
            let viewer = users::Viewer { id, is_admin, is_public_only };
            let query = UserQuery {
                text: "AD".into(),
                id: Some(ada),
                is_active: Some(true),
                is_admin: Some(false),
                is_restricted: Some(false),
                is_login_prohibited: Some(false),
                visibility: Some(Visibility::Public),
                ..UserQuery::default()
            };
            assert_eq!(users::list(&conn, viewer, &query, Page::default()).unwrap().total_count, 1);
        }
    }
}

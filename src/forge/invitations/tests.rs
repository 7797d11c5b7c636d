//! Invitations through their permits: bound to an address, good once, for as long as whoever invited may invite.

use super::*;
use crate::access::action::{CreateOrganization, DeleteTeam, EditTeamMembers};
use crate::access::{Caller, Origin};
use crate::error::Kind;
use crate::forge::mails::tests::waiting;
use crate::forge::testing::{PASSWORD, TestForge};
use crate::forge::{organizations, teams};
use crate::model::{AccessLevel, NewOrganization, Purpose, TeamId, TeamSettings};

struct World {
    test: TestForge,
    ada: Caller,
    owners: TeamId,
    team: TeamId,
}

/// `acme` of `ada` with the team `readers`; `bob` and `cleo` have accounts.
async fn world(tune: impl FnOnce(&mut crate::forge::Settings)) -> World {
    let test = TestForge::with(|settings| {
        settings.mails.is_on = true;
        settings.mails.max_per_recipient = 100;
        settings.mails.max_per_account = 100;
        settings.registration.inviters = Inviters::Owners;
        settings.registration.max_per_network = 100;
        tune(settings);
    })
    .await;
    for name in ["ada", "bob", "cleo"] {
        test.user(name).await;
    }
    let ada = test.sign_in("ada").await;
    let name = UserName::new("acme").unwrap();
    let new = NewOrganization {
        name: name.clone(),
        full_name: String::new(),
        email: None,
        description: String::new(),
        website: String::new(),
        location: String::new(),
        visibility: Visibility::Private,
        repo_admin_changes_team_access: false,
    };
    let permit = test.forge.authorize(&ada, CreateOrganization, &()).await.unwrap();
    organizations::create_organization(&test.forge, permit, new).await.unwrap();
    let settings = TeamSettings { name: "readers".to_owned(), level: AccessLevel::Admin, ..TeamSettings::owners() };
    let permit = test.forge.authorize(&ada, crate::access::action::CreateTeam, &name).await.unwrap();
    let (_, team) = teams::create_team(&test.forge, permit, settings).await.unwrap();
    let org = team.org_id;
    let owners = test.forge.read("owners", move |conn| Ok(db::teams::list_ids(conn, org)?[0])).await.unwrap();
    World { test, ada, owners, team: team.id }
}

fn visitor() -> Caller {
    Caller::anonymous(Origin::default())
}

impl World {
    async fn invite_to(&self, by: &Caller, team: TeamId, email: &str) -> Result<Invitation> {
        let permit = self.test.forge.authorize(by, EditInvitations, &team).await?;
        invite(&self.test.forge, permit, Email::new(email).unwrap()).await
    }

    async fn invite(&self, email: &str) -> Result<Invitation> {
        self.invite_to(&self.ada, self.team, email).await
    }

    fn code(&self, invitation: &Invitation) -> String {
        self.test.forge.mails.codes().for_invitation(invitation.team_id, &invitation.email, &invitation.seed)
    }

    async fn accept(&self, login: &str, which: Which) -> Result<Invitation> {
        let permit = self.test.forge.authorize(&self.test.sign_in(login).await, AnswerInvitation, &()).await?;
        accept(&self.test.forge, permit, which).await
    }

    async fn register(&self, code: &str, name: &str) -> Result<(User, Invitation)> {
        let permit = self.test.forge.authorize(&visitor(), FollowInvitation, &()).await?;
        let new = Newcomer { name: UserName::new(name).unwrap(), password: PASSWORD.to_owned() };
        register(&self.test.forge, permit, code, new).await
    }

    async fn look(&self, code: &str) -> Result<Invitation> {
        let permit = self.test.forge.authorize(&visitor(), FollowInvitation, &()).await?;
        find_invitation(&self.test.forge, &permit, code).await
    }

    async fn own(&self, login: &str) -> Vec<i64> {
        let permit = self.test.forge.authorize(&self.test.sign_in(login).await, ListOwnInvitations, &()).await.unwrap();
        let found = list_own_invitations(&self.test.forge, permit, Page::default()).await.unwrap();
        assert_eq!(found.rows.len() as u64, found.total_count);
        found.rows.iter().map(|row| row.id).collect()
    }

    async fn is_in(&self, team: TeamId, login: &str) -> bool {
        let name = UserName::new(login).unwrap();
        let read = move |conn: &dyn Connection| {
            let user = db::users::find_by_name(conn, &name)?.unwrap();
            Ok(db::teams::is_member(conn, team, user.id)?)
        };
        self.test.forge.read("is in", read).await.unwrap()
    }

    async fn set_member(&self, team: TeamId, login: &str, is_in: bool) {
        let permit = self.test.forge.authorize(&self.ada, EditTeamMembers, &team).await.unwrap();
        let name = UserName::new(login).unwrap();
        match is_in {
            true => teams::put_team_member(&self.test.forge, permit, &name).await.unwrap(),
            false => teams::remove_team_member(&self.test.forge, permit, &name).await.unwrap(),
        }
    }

    async fn change(&self, sql: &'static str) {
        self.test
            .forge
            .write("change", move |tx| {
                assert!(tx.execute(sql, &[])? > 0, "{sql}");
                Ok(())
            })
            .await
            .unwrap();
    }

    async fn events(&self) -> Vec<String> {
        let all = self.test.actions().await;
        all.into_iter().filter(|name| name.starts_with("invitation") || name == "user.activate").collect()
    }
}

fn kind<T: std::fmt::Debug>(answer: Result<T>) -> Kind {
    answer.unwrap_err().kind()
}

#[tokio::test]
async fn whoever_has_confirmed_the_address_accepts_once() {
    let world = world(|_| {}).await;
    let made = world.invite("Bob@example.org").await.unwrap();
    let mails = waiting(&world.test).await;
    let mail = &mails.last().unwrap().mail;
    assert_eq!((mail.purpose, mail.recipient.as_str()), (Purpose::Invitation, "Bob@example.org"));
    assert!(mail.text.contains("ada") && mail.text.contains("acme") && !mail.text.contains("readers"), "{}", mail.text);
    let code = world.code(&made);
    assert_eq!((code.len(), world.look(&code).await.unwrap().id), (43, made.id));
    assert_eq!((world.own("bob").await, world.own("cleo").await), (vec![made.id], vec![]));
    // Somebody else: by the number as if there were none, by the link it is said why.
    assert_eq!(kind(world.accept("cleo", Which::Row(made.id)).await), Kind::NotFound);
    let refused = world.accept("cleo", Which::Code(code.clone())).await.unwrap_err();
    assert!(refused.kind() == Kind::Forbidden && refused.public().contains("no confirmed address"), "{refused:?}");
    world.accept("bob", Which::Row(made.id)).await.unwrap();
    assert!(world.is_in(world.team, "bob").await && !world.is_in(world.team, "cleo").await);
    for which in [Which::Row(made.id), Which::Code(code.clone())] {
        assert_eq!(kind(world.accept("bob", which).await), Kind::NotFound, "once");
    }
    assert_eq!(kind(world.look(&code).await), Kind::NotFound);
    assert_eq!(kind(world.invite("bob@example.org").await), Kind::Invalid, "a member");
    assert_eq!(world.events().await, ["invitation.create", "invitation.accept"]);
    world.test.finish().await;
}

#[tokio::test]
async fn neither_code_nor_address_stands_where_it_must_not() {
    let world = world(|_| {}).await;
    let made = world.invite("new@example.org").await.unwrap();
    let code = world.code(&made);
    let (in_ledger, rows) = (code.clone(), code.clone());
    let ledger = world
        .test
        .forge
        .read("ledger", |conn| {
            let rows = conn.all("SELECT event FROM audit_event", &[], |row| row.blob(0))?;
            Ok(rows.into_iter().map(|event| String::from_utf8_lossy(&event).into_owned()).collect::<String>())
        })
        .await
        .unwrap();
    assert!(!ledger.contains("new@example.org") && !ledger.contains(&in_ledger) && !ledger.contains(&made.seed));
    let stored = world
        .test
        .forge
        .read("row", |conn| {
            Ok(conn.first("SELECT seed || ' ' || token_hash FROM team_invitation", &[], |row| row.text(0))?)
        })
        .await
        .unwrap()
        .unwrap();
    assert!(!stored.contains(&rows));
    // What stands in the row opens nothing.
    for bad in stored.split(' ').chain(["", "x", &code[1..], &format!("{code}A"), &code.to_ascii_lowercase()]) {
        assert_eq!(kind(world.look(bad).await), Kind::NotFound, "{bad:?}");
    }
    world.test.finish().await;
}

#[tokio::test]
async fn who_has_no_account_makes_one_with_the_address_confirmed() {
    let world = world(|_| {}).await;
    let made = world.invite_to(&world.ada, world.owners, "eve@example.org").await.unwrap();
    let code = world.code(&made);
    assert_eq!(kind(world.register(&code, "bob").await), Kind::Invalid, "a name that is taken");
    let (user, _) = world.register(&code, "eve").await.unwrap();
    let read = move |conn: &dyn Connection| Ok(db::email_addresses::list(conn, user.id)?);
    let addresses = world.test.forge.read("addresses", read).await.unwrap();
    assert!(addresses.len() == 1 && addresses[0].is_verified && addresses[0].email.as_str() == "eve@example.org");
    assert!(world.is_in(world.owners, "eve").await);
    assert_eq!(kind(world.register(&code, "eve2").await), Kind::NotFound, "once");
    assert_eq!(world.events().await, ["invitation.create", "user.activate", "invitation.accept"]);
    // An address that has an account makes no second one.
    let made = world.invite("cleo@example.org").await.unwrap();
    assert_eq!(kind(world.register(&world.code(&made), "cleo2").await), Kind::Conflict);
    world.test.finish().await;
}

#[tokio::test]
async fn the_invited_register_only_where_they_may() {
    let world = world(|settings| settings.registration.inviters = Inviters::Nobody).await;
    let made = world.invite("eve@example.org").await.unwrap();
    assert_eq!(kind(world.register(&world.code(&made), "eve").await), Kind::Forbidden);
    world.test.finish().await;
    let world = self::world(|settings| settings.registration.domains = vec!["example.com".to_owned()]).await;
    let made = world.invite("eve@example.org").await.unwrap();
    assert_eq!(kind(world.register(&world.code(&made), "eve").await), Kind::Forbidden);
    world.test.finish().await;
}

#[tokio::test]
async fn where_everybody_makes_organizations_only_administrators_bring_in_people() {
    let world = world(|settings| settings.registration.inviters = Inviters::Administrators).await;
    // She made the organization herself, as anybody may.
    let made = world.invite("eve@example.org").await.unwrap();
    let code = world.code(&made);
    assert_eq!(kind(world.register(&code, "eve").await), Kind::Forbidden);
    let made = world.invite("bob@example.org").await.unwrap();
    world.accept("bob", Which::Row(made.id)).await.unwrap();
    // Whether she is an administrator is asked when it matters.
    world.change("UPDATE users SET is_admin = 1 WHERE login_key = 'ada'").await;
    world.register(&code, "eve").await.unwrap();
    let made = world.invite("fay@example.org").await.unwrap();
    world.change("UPDATE users SET is_admin = 0 WHERE login_key = 'ada'").await;
    assert_eq!(kind(world.register(&world.code(&made), "fay").await), Kind::Forbidden);
    world.test.finish().await;
}

#[tokio::test]
async fn an_invitation_falls_with_what_it_stands_on() {
    let world = world(|_| {}).await;
    let dead = async |made: &Invitation, why: &str| {
        let code = world.code(made);
        let looked = world.look(&code).await.unwrap_err();
        assert_eq!((looked.kind(), looked.public()), (Kind::NotFound, email_addresses::bad_link().public()), "{why}");
        for which in [Which::Row(made.id), Which::Code(code.clone())] {
            assert_eq!(kind(world.accept("bob", which).await), Kind::NotFound, "{why}");
        }
        assert_eq!(kind(world.register(&code, "dora").await), Kind::NotFound, "{why}");
        assert_eq!(world.own("bob").await, Vec::<i64>::new(), "{why}");
    };
    // Withdrawn.
    let made = world.invite("bob@example.org").await.unwrap();
    let permit = world.test.forge.authorize(&world.ada, EditInvitations, &world.owners).await.unwrap();
    assert_eq!(kind(withdraw(&world.test.forge, permit, made.id).await), Kind::NotFound, "of another team");
    let permit = world.test.forge.authorize(&world.ada, EditInvitations, &world.team).await.unwrap();
    withdraw(&world.test.forge, permit, made.id).await.unwrap();
    dead(&made, "withdrawn").await;
    // Declined, by the link and by the account.
    let made = world.invite("bob@example.org").await.unwrap();
    let permit = world.test.forge.authorize(&visitor(), FollowInvitation, &()).await.unwrap();
    decline_by_link(&world.test.forge, permit, &world.code(&made)).await.unwrap();
    dead(&made, "declined").await;
    let made = world.invite("bob@example.org").await.unwrap();
    let bob = world.test.sign_in("bob").await;
    let permit = world.test.forge.authorize(&bob, AnswerInvitation, &()).await.unwrap();
    decline(&world.test.forge, permit, Which::Row(made.id)).await.unwrap();
    dead(&made, "declined").await;
    // Taken out after another way in.
    let made = world.invite("bob@example.org").await.unwrap();
    world.set_member(world.team, "bob", true).await;
    world.set_member(world.team, "bob", false).await;
    dead(&made, "taken out").await;
    assert_eq!(world.events().await.iter().filter(|name| *name == "invitation.withdraw").count(), 2);
    // The inviter leads no more, or may not sign in.
    world.set_member(world.owners, "cleo", true).await;
    let cleo = world.test.sign_in("cleo").await;
    let made = world.invite_to(&cleo, world.team, "bob@example.org").await.unwrap();
    world.change("UPDATE users SET is_active = 0 WHERE login_key = 'cleo'").await;
    dead(&made, "not active").await;
    world.change("UPDATE users SET is_active = 1, is_login_prohibited = 1 WHERE login_key = 'cleo'").await;
    dead(&made, "may not sign in").await;
    world.change("UPDATE users SET is_login_prohibited = 0 WHERE login_key = 'cleo'").await;
    assert!(world.look(&world.code(&made)).await.is_ok());
    world.set_member(world.owners, "cleo", false).await;
    dead(&made, "no owner").await;
    world.change("DELETE FROM team_invitation").await;
    // Over; the sweep removes it, and says so.
    let made = world.invite("bob@example.org").await.unwrap();
    world.test.clock.advance_ms(7 * DAY_MS);
    dead(&made, "over").await;
    let again = world.invite("bob@example.org").await.unwrap();
    assert_ne!(made.id, again.id, "its place is free");
    // The team is gone.
    let permit = world.test.forge.authorize(&world.ada, DeleteTeam, &world.team).await.unwrap();
    teams::delete_team(&world.test.forge, permit).await.unwrap();
    dead(&again, "no team").await;
    let events = world.events().await;
    assert_eq!(events.iter().filter(|name| *name == "invitation.expire").count(), 1, "{events:?}");
    assert_eq!(events.iter().filter(|name| *name == "invitation.decline").count(), 2, "{events:?}");
    assert!(!events.iter().any(|name| name == "invitation.accept"));
    world.test.finish().await;
}

#[tokio::test]
async fn an_address_that_is_only_claimed_or_an_account_that_is_blocked_gets_nowhere() {
    let world = world(|_| {}).await;
    let made = world.invite("lab@example.org").await.unwrap();
    let add = "INSERT INTO email_address (user_id, email, email_key, is_verified, created_ms) \
               SELECT id, 'lab@example.org', 'lab@example.org', 0, 0 FROM users WHERE login_key = 'bob'";
    world.change(add).await;
    assert_eq!(world.own("bob").await, Vec::<i64>::new());
    assert_eq!(kind(world.accept("bob", Which::Row(made.id)).await), Kind::NotFound);
    assert_eq!(kind(world.accept("bob", Which::Code(world.code(&made))).await), Kind::Forbidden);
    world.change("UPDATE email_address SET is_verified = 1 WHERE email_key = 'lab@example.org'").await;
    assert_eq!(world.own("bob").await, [made.id]);
    let permit = world
        .test
        .forge
        .authorize(&world.ada, crate::access::action::EditOrganizationBlocks, &UserName::new("acme").unwrap())
        .await
        .unwrap();
    let name = UserName::new("bob").unwrap();
    crate::forge::blocks::block(&world.test.forge, permit, &name, String::new()).await.unwrap();
    assert_eq!(kind(world.accept("bob", Which::Row(made.id)).await), Kind::Forbidden);
    world.test.finish().await;
}

#[tokio::test]
async fn who_only_says_to_have_an_address_takes_no_invitation_along() {
    let world = world(|_| {}).await;
    world.set_member(world.team, "cleo", true).await;
    let (to_claimed, to_own) = ("victim@example.org", "cleo@example.org");
    let add = "INSERT INTO email_address (user_id, email, email_key, is_verified, created_ms) \
               SELECT id, 'victim@example.org', 'victim@example.org', 0, 0 FROM users WHERE login_key = 'cleo'";
    world.change(add).await;
    let claimed = world.invite(to_claimed).await.unwrap();
    let own = world.invite_to(&world.ada, world.owners, to_own).await.unwrap();
    world.set_member(world.team, "cleo", false).await;
    assert!(world.look(&world.code(&claimed)).await.is_ok(), "it is somebody else's");
    assert_eq!(kind(world.look(&world.code(&own)).await), Kind::NotFound);
    // The same where the whole membership ends.
    world.set_member(world.team, "cleo", true).await;
    let own = world.invite_to(&world.ada, world.owners, to_own).await.unwrap();
    let cleo = UserName::new("cleo").unwrap();
    let acme = UserName::new("acme").unwrap();
    let permit = world.test.forge.authorize(&world.ada, crate::access::action::RemoveMember, &acme).await.unwrap();
    organizations::remove_member(&world.test.forge, permit, &cleo).await.unwrap();
    assert!(world.look(&world.code(&claimed)).await.is_ok());
    assert_eq!(kind(world.look(&world.code(&own)).await), Kind::NotFound);
    let ledger = world.test.forge.read("ledger", |conn| {
        let sql = "SELECT event FROM audit_event WHERE action = 'invitation.withdraw' ORDER BY seq";
        Ok(conn.all(sql, &[], |row| row.blob(0))?)
    });
    let told: Vec<Value> = ledger.await.unwrap().iter().map(|event| serde_json::from_slice(event).unwrap()).collect();
    assert_eq!(told.len(), 2);
    assert!(
        told.iter().all(|event| event["before"]["team"] == "Owners" && event["actor"]["login"] == "ada"),
        "{told:?}"
    );
    world.test.finish().await;
}

#[tokio::test]
async fn only_owners_invite_and_not_without_bounds() {
    let world = world(|settings| {
        settings.invitations.max_per_team = 2;
        settings.invitations.max_per_account = 8;
        settings.mails.max_per_recipient = 1;
        settings.mails.max_per_account = 3;
    })
    .await;
    world.set_member(world.team, "bob", true).await;
    let bob = world.test.sign_in("bob").await;
    for team in [world.team, world.owners] {
        assert_eq!(kind(world.invite_to(&bob, team, "x@example.org").await), Kind::Forbidden);
    }
    world.invite("a@example.org").await.unwrap();
    assert_eq!(kind(world.invite("A@example.org").await), Kind::Conflict, "one for a team and an address");
    world.invite("b@example.org").await.unwrap();
    assert_eq!(kind(world.invite("c@example.org").await), Kind::Invalid, "too many of the team");
    // What was refused was no mail, and counts neither for the address nor as a mail of the account.
    let mails = &world.test.forge.mails;
    let email = |text: &str| Email::new(text).unwrap();
    assert!(mails.count_for(&email("c@example.org")).is_ok() && mails.count_for(&email("b@example.org")).is_err());
    mails.count_by(world.ada.user_id().unwrap()).unwrap();
    assert_eq!(kind(mails.count_by(world.ada.user_id().unwrap())), Kind::RateLimited);
    for _ in 0..4 {
        assert_eq!(kind(world.invite("bob@example.org").await), Kind::Invalid, "a member");
    }
    let refused = world.invite("d@example.org").await.unwrap_err();
    assert!(refused.kind() == Kind::RateLimited && refused.public().contains("invitations"), "too many of the account");
    assert_eq!(waiting(&world.test).await.len(), 2);
    world.test.finish().await;
    let world = self::world(|settings| settings.mails.is_on = false).await;
    assert_eq!(kind(world.invite("a@example.org").await), Kind::Forbidden, "no mail");
    world.test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_answers_at_once_one_counts() {
    let world = world(|_| {}).await;
    for round in 0..8 {
        let email = format!("race{round}@example.org");
        let made = world.invite(&email).await.unwrap();
        let code = world.code(&made);
        let (one, other) = (format!("one{round}"), format!("other{round}"));
        let (a, b) = tokio::join!(world.register(&code, &one), world.register(&code, &other));
        assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1, "{a:?} {b:?}");
    }
    let made = world.invite("bob@example.org").await.unwrap();
    let decline = async {
        let permit = world.test.forge.authorize(&visitor(), FollowInvitation, &()).await?;
        decline_by_link(&world.test.forge, permit, &world.code(&made)).await
    };
    let (a, b) = tokio::join!(world.accept("bob", Which::Row(made.id)), decline);
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1, "{a:?} {b:?}");
    assert_eq!(world.is_in(world.team, "bob").await, a.is_ok());
    let accepted = world.events().await.iter().filter(|name| *name == "invitation.accept").count();
    assert_eq!(accepted, 8 + usize::from(a.is_ok()));
    world.test.finish().await;
}

#[tokio::test]
async fn the_sweep_of_registrations_removes_what_was_not_answered() {
    let world = world(|_| {}).await;
    world.invite("a@example.org").await.unwrap();
    let job = job();
    let run = async || registrations::run_job(&world.test.forge.writer, &*world.test.clock, &job).await.unwrap();
    let atomicqms_actors::JobOutcome::Later(wait) = run().await else { panic!("one waits") };
    assert_eq!(wait.as_millis(), u128::try_from(7 * DAY_MS + 1).unwrap());
    world.test.clock.advance_ms(7 * DAY_MS);
    assert_eq!(run().await, atomicqms_actors::JobOutcome::Done);
    let left = world.test.forge.read("left", {
        let team = world.team;
        move |conn| Ok(db::invitations::count_of_team(conn, team)?)
    });
    assert_eq!(left.await.unwrap(), 0);
    assert_eq!(world.events().await, ["invitation.create", "invitation.expire"]);
    world.test.finish().await;
}

fn job() -> atomicqms_actors::Job {
    atomicqms_actors::Job {
        id: 1,
        kind: registrations::FORGET.to_owned(),
        key: registrations::ALL.to_owned(),
        payload: "{}".to_owned(),
        attempts: 1,
    }
}

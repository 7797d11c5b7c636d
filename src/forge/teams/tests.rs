//! Teams through their permits: the owners stay, members come and go with their teams.

use super::*;
use crate::access::action::{CreateOrganization, RemoveMember};
use crate::error::Kind;
use crate::forge::organizations::{create_organization, remove_member};
use crate::forge::testing::TestForge;
use crate::model::{NewOrganization, Unit, UnitLevels, Visibility};

struct World {
    test: TestForge,
    ada: Caller,
    org: UserName,
}

/// `acme`, owned by `ada`; `bob` is nobody there.
async fn world() -> World {
    let test = TestForge::start().await;
    test.user("ada").await;
    test.user("bob").await;
    let ada = test.sign_in("ada").await;
    let org = UserName::new("acme").unwrap();
    let new = NewOrganization {
        name: org.clone(),
        full_name: String::new(),
        email: None,
        description: String::new(),
        website: String::new(),
        location: String::new(),
        visibility: Visibility::Public,
        repo_admin_changes_team_access: false,
    };
    let permit = test.forge.authorize(&ada, CreateOrganization, &()).await.unwrap();
    create_organization(&test.forge, permit, new).await.unwrap();
    World { test, ada, org }
}

impl World {
    async fn team(&self, name: &str) -> Result<Team> {
        let mut units = UnitLevels::default();
        units.set(Unit::Code, AccessLevel::Read);
        let settings = TeamSettings {
            name: name.to_owned(),
            level: AccessLevel::Read,
            includes_all_repositories: false,
            can_create_repository: false,
            units,
            ..TeamSettings::owners()
        };
        let permit = self.test.forge.authorize(&self.ada, CreateTeam, &self.org).await?;
        Ok(create_team(&self.test.forge, permit, settings).await?.1)
    }

    async fn owners(&self) -> Team {
        let permit = self.test.forge.authorize(&self.ada, ListTeams, &self.org).await.unwrap();
        let found = list_teams(&self.test.forge, permit, String::new(), false, Page::default()).await.unwrap();
        found.rows.into_iter().find(Team::is_owners).unwrap()
    }

    async fn put(&self, team: TeamId, name: &str, is_in: bool) -> Result<()> {
        let name = UserName::new(name).unwrap();
        let permit = self.test.forge.authorize(&self.ada, EditTeamMembers, &team).await?;
        match is_in {
            true => put_team_member(&self.test.forge, permit, &name).await,
            false => remove_team_member(&self.test.forge, permit, &name).await,
        }
    }

    async fn is_member(&self, name: &str) -> bool {
        let (org, name) = (self.org.clone(), UserName::new(name).unwrap());
        self.test
            .forge
            .read("member", move |conn| {
                let org = db::organizations::find_by_name(conn, &org)?.unwrap().user.id;
                let user = db::users::find_by_name(conn, &name)?.unwrap().id;
                Ok(db::organizations::membership(conn, org, user)?.is_some())
            })
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_belong_to_the_organization_as_long_as_a_team_carries_them() {
    let world = world().await;
    let (one, two) = (world.team("one").await.unwrap().id, world.team("two").await.unwrap().id);
    world.put(one, "bob", true).await.unwrap();
    world.put(two, "bob", true).await.unwrap();
    world.put(one, "bob", true).await.unwrap();
    assert!(world.is_member("bob").await);
    world.put(one, "bob", false).await.unwrap();
    assert!(world.is_member("bob").await, "the other team carries the membership");
    let permit = world.test.forge.authorize(&world.ada, DeleteTeam, &two).await.unwrap();
    delete_team(&world.test.forge, permit).await.unwrap();
    assert!(!world.is_member("bob").await);
    let actions = world.test.actions().await;
    let about: Vec<&str> = actions.iter().map(String::as_str).filter(|name| name.starts_with("team")).collect();
    assert_eq!(
        about,
        ["team.create", "team.create", "team_member.add", "team_member.add", "team_member.remove", "team.delete"],
        "adding twice is said once"
    );
    world.test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_cannot_leave_by_any_door() {
    let world = world().await;
    let owners = world.owners().await.id;
    assert_eq!(world.put(owners, "ada", false).await.unwrap_err().kind(), Kind::Forbidden);
    let permit = world.test.forge.authorize(&world.ada, RemoveMember, &world.org).await.unwrap();
    let name = UserName::new("ada").unwrap();
    assert_eq!(remove_member(&world.test.forge, permit, &name).await.unwrap_err().kind(), Kind::Forbidden);
    let permit = world.test.forge.authorize(&world.ada, DeleteTeam, &owners).await.unwrap();
    assert_eq!(delete_team(&world.test.forge, permit).await.unwrap_err().kind(), Kind::Forbidden);
    world.put(owners, "bob", true).await.unwrap();
    world.put(owners, "ada", false).await.unwrap();
    assert!(!world.is_member("ada").await);
    assert_eq!(world.team("late").await.unwrap_err().kind(), Kind::Forbidden, "ada is no owner any more");
    world.test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owners_keep_name_and_rights() {
    let world = world().await;
    let owners = world.owners().await;
    let edit = async |patch: TeamPatch| {
        let permit = world.test.forge.authorize(&world.ada, EditTeam, &owners.id).await.unwrap();
        edit_team(&world.test.forge, permit, patch).await
    };
    let renamed = TeamPatch { name: Some("Kings".to_owned()), ..TeamPatch::default() };
    assert_eq!(edit(renamed).await.unwrap_err().kind(), Kind::Invalid);
    let weaker = TeamPatch {
        level: Some(AccessLevel::Read),
        includes_all_repositories: Some(false),
        description: Some("who decides".to_owned()),
        ..TeamPatch::default()
    };
    let (_, after) = edit(weaker).await.unwrap();
    assert!(after.is_owners() && after.includes_all_repositories);
    assert_eq!(after.description, "who decides");
    world.test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_and_owners_is_reserved() {
    let world = world().await;
    world.team("readers").await.unwrap();
    for name in ["READERS", "owners", "", " x", "a/b", "a\nb"] {
        assert_eq!(world.team(name).await.unwrap_err().kind(), Kind::Invalid, "{name:?}");
    }
    world.test.finish().await;
}

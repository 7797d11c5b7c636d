use super::*;
use crate::access::Caller;
use crate::access::action::{CreateRepository, ReadRepository};
use crate::error::Kind;
use crate::forge::repositories::create_repository;
use crate::forge::testing::{TestForge, path};
use crate::model::{NewRepository, RepoName};

/// Makes a repository of somebody who may have one name or the other by now.
async fn make(test: &TestForge, caller: &Caller, name: &str) -> RepoId {
    let new = NewRepository::new(RepoName::new(name).unwrap());
    for owner in ["ada", "lovelace", "ada", "lovelace"] {
        let owner = UserName::new(owner).unwrap();
        let Ok(permit) = test.forge.authorize(caller, CreateRepository, &owner).await else { continue };
        return create_repository(&test.forge, permit, new).await.unwrap().id;
    }
    panic!("{caller:?} has neither name");
}

async fn rename(test: &TestForge, from: &str, to: &str) -> Result<()> {
    let from = UserName::new(from).unwrap();
    let permit = test.forge.authorize(&test.console(), RenameUser, &from).await?;
    rename_account(&test.forge, permit, UserName::new(to).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_made_meanwhile_follow_as_well() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    let mut made = Vec::new();
    for number in 0..20 {
        made.push(test.repository(&ada, &format!("early-{number}")).await.id);
    }
    let making = async {
        let mut made = Vec::new();
        for number in 0..20 {
            made.push(make(&test, &ada, &format!("late-{number}")).await);
        }
        made
    };
    let (renamed, late) = tokio::join!(rename(&test, "ada", "lovelace"), making);
    match renamed {
        // So many came that it gave up; without them it goes through.
        Err(error) if error.kind() == Kind::Conflict => rename(&test, "ada", "lovelace").await.unwrap(),
        other => other.unwrap(),
    }
    made.extend(late);
    for id in made {
        let found = test.forge.read("find", move |c| Ok(db::repositories::find(c, id)?.unwrap())).await.unwrap();
        assert_eq!(found.owner.as_str(), "lovelace");
        test.forge.open(&found).await.unwrap();
        let place = test.directory.path().join("git/repositories").join(found.relative_path());
        assert!(place.join("HEAD").exists(), "{}", place.display());
        let former = path("ada", found.name.as_str());
        let caller = test.console();
        assert!(test.forge.authorize(&caller, ReadRepository, &former).await.unwrap().subject().is_redirected);
    }
    test.finish().await;
}

#[tokio::test]
async fn there_and_back_before_anything_was_moved() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    let made = test.repository(&ada, "sop").await;
    rename(&test, "ada", "b").await.unwrap();
    rename(&test, "b", "c").await.unwrap();
    rename(&test, "c", "ada").await.unwrap();
    assert!(test.forge.open(&made).await.is_ok());
    assert!(test.directory.path().join("git/repositories/ada/sop.git/HEAD").exists());
    let taken = rename(&test, "ada", "ada").await;
    assert!(taken.is_ok(), "the name it has");
    assert_eq!(test.actions().await.iter().filter(|action| *action == "user.rename").count(), 3);
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hoards_names() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    let new = crate::model::NewOrganization {
        name: UserName::new("acme").unwrap(),
        full_name: String::new(),
        email: None,
        description: String::new(),
        website: String::new(),
        location: String::new(),
        visibility: crate::model::Visibility::Public,
        repo_admin_changes_team_access: false,
    };
    let permit = test.forge.authorize(&ada, crate::access::action::CreateOrganization, &()).await.unwrap();
    crate::forge::organizations::create_organization(&test.forge, permit, new).await.unwrap();
    let rename = async |caller: &Caller, from: &str, to: &str| {
        let permit = test.forge.authorize(caller, RenameOrganization, &UserName::new(from).unwrap()).await?;
        rename_account(&test.forge, permit, UserName::new(to).unwrap()).await
    };
    let mut last = "acme".to_owned();
    for number in 0..MAX_FORMER_NAMES {
        let next = format!("acme-{number}");
        rename(&ada, &last, &next).await.unwrap();
        last = next;
    }
    let error = rename(&ada, &last, "one-more").await.unwrap_err();
    assert!(error.public().contains("former names"), "{}", error.public());
    rename(&ada, &last, "acme").await.unwrap();
    rename(&test.console(), "acme", "one-more").await.unwrap();
    test.finish().await;
}

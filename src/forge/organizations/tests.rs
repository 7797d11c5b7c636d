//! Organizations through their permits, with the ledger looked at.

use super::*;
use crate::access::action::{CreateOrganization, ReadOrganization};
use crate::error::Kind;
use crate::forge::testing::TestForge;

fn new(name: &str) -> NewOrganization {
    NewOrganization {
        name: UserName::new(name).unwrap(),
        full_name: "Acme".to_owned(),
        email: None,
        description: String::new(),
        website: String::new(),
        location: String::new(),
        visibility: Visibility::Public,
        repo_admin_changes_team_access: false,
    }
}

async fn make(test: &TestForge, caller: &Caller, name: &str) -> Result<Organization> {
    let permit = test.forge.authorize(caller, CreateOrganization, &()).await?;
    create_organization(&test.forge, permit, new(name)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_one_owns_it_and_its_name_is_gone_for_good() {
    let test = TestForge::start().await;
    test.user("ada").await;
    test.user("bob").await;
    let (ada, bob) = (test.sign_in("ada").await, test.sign_in("bob").await);
    let made = make(&test, &ada, "acme").await.unwrap();
    assert!(made.user.is_organization && !made.user.may_sign_in());
    assert_eq!(make(&test, &bob, "ACME").await.unwrap_err().kind(), Kind::Invalid);
    assert_eq!(
        make(&test, &bob, "ada").await.unwrap_err().kind(),
        Kind::Invalid,
        "people and organizations share names"
    );
    let name = UserName::new("acme").unwrap();
    let refused = test.forge.authorize(&bob, DeleteOrganization, &name).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    let permit = test.forge.authorize(&ada, DeleteOrganization, &name).await.unwrap();
    delete_organization(&test.forge, permit).await.unwrap();
    assert_eq!(test.forge.authorize(&ada, ReadOrganization, &name).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(make(&test, &bob, "acme").await.unwrap_err().kind(), Kind::Invalid, "never given to anybody else");
    let actions = test.actions().await;
    assert!(actions.ends_with(&["organization.create".to_owned(), "organization.delete".to_owned()]), "{actions:?}");
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_says_what_changed_and_nothing_else() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    make(&test, &ada, "acme").await.unwrap();
    let name = UserName::new("acme").unwrap();
    let edit = async |patch: OrganizationPatch| {
        let permit = test.forge.authorize(&ada, EditOrganization, &name).await.unwrap();
        edit_organization(&test.forge, permit, patch).await
    };
    let before = test.actions().await.len();
    edit(OrganizationPatch::default()).await.unwrap();
    assert_eq!(test.actions().await.len(), before, "nothing changed, nothing said");
    let patch = OrganizationPatch {
        visibility: Some(Visibility::Private),
        email: Some(Some(crate::model::Email::new("qa@example.org").unwrap())),
        ..OrganizationPatch::default()
    };
    let edited = edit(patch).await.unwrap();
    assert_eq!((edited.user.visibility, edited.user.email.as_str()), (Visibility::Private, "qa@example.org"));
    let bad = OrganizationPatch { website: Some("javascript:alert(1)".to_owned()), ..OrganizationPatch::default() };
    assert_eq!(edit(bad).await.unwrap_err().kind(), Kind::Invalid);
    assert_eq!(test.actions().await.len(), before + 1);
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn making_them_can_be_kept_to_administrators() {
    let test = TestForge::with(|settings| settings.everybody_creates_organizations = false).await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    assert_eq!(make(&test, &ada, "acme").await.unwrap_err().kind(), Kind::Forbidden);
    let permit =
        test.forge.authorize(&test.console(), CreateOrganizationFor, &UserName::new("ada").unwrap()).await.unwrap();
    create_organization(&test.forge, permit, new("acme")).await.unwrap();
    test.finish().await;
}

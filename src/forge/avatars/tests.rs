//! Pictures through their permits: the contents that are kept and those that go.

use super::*;
use crate::access::Caller;
use crate::access::action::{DeleteRepository, DeleteUser};
use crate::forge::testing::{TestForge, path};
use crate::model::UserName;

/// A PNG of one colour.
fn png(shade: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(8, 8, image::Rgb([shade; 3])).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn set_own(test: &TestForge, caller: &Caller, content: Vec<u8>) -> Result<()> {
    let permit = test.forge.authorize(caller, EditAvatar, &caller.user().unwrap().name.clone()).await?;
    let picture = make_picture(&test.forge, take_turn(&test.forge, &permit).await.unwrap(), content).await?;
    set_avatar(&test.forge, permit, picture).await
}

async fn set_of_repository(test: &TestForge, caller: &Caller, content: Vec<u8>) {
    let permit = test.forge.authorize(caller, EditRepositoryAvatar, &path("ada", "sop")).await.unwrap();
    let picture = make_picture(&test.forge, take_turn(&test.forge, &permit).await.unwrap(), content).await.unwrap();
    set_avatar(&test.forge, permit, picture).await.unwrap();
}

/// Contents in the store.
fn contents(test: &TestForge) -> usize {
    fn count(directory: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap())
            .map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 })
            .sum()
    }
    count(&test.directory.path().join("attachments"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_stays_as_long_as_anybody_has_it() {
    let test = TestForge::start().await;
    test.user("ada").await;
    test.user("bob").await;
    let (ada, bob) = (test.sign_in("ada").await, test.sign_in("bob").await);
    test.repository(&ada, "sop").await;
    set_own(&test, &ada, png(1)).await.unwrap();
    set_own(&test, &ada, png(1)).await.unwrap();
    assert_eq!(test.actions().await.iter().filter(|action| *action == "avatar.set").count(), 1, "the same again");
    set_own(&test, &bob, png(1)).await.unwrap();
    set_of_repository(&test, &ada, png(1)).await;
    assert_eq!(contents(&test), 1);
    set_own(&test, &ada, png(2)).await.unwrap();
    assert_eq!(contents(&test), 2);
    let permit = test.forge.authorize(&ada, EditAvatar, &UserName::new("ada").unwrap()).await.unwrap();
    delete_avatar(&test.forge, permit).await.unwrap();
    assert_eq!(contents(&test), 1);
    let permit = test.forge.authorize(&test.console(), DeleteUser, &UserName::new("bob").unwrap()).await.unwrap();
    users::delete_user(&test.forge, permit).await.unwrap();
    assert_eq!(contents(&test), 1, "the repository has it");
    let permit = test.forge.authorize(&ada, DeleteRepository, &path("ada", "sop")).await.unwrap();
    repositories::delete_repository(&test.forge, permit).await.unwrap();
    assert_eq!(contents(&test), 0);
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_nothing() {
    let test = TestForge::with(|settings| settings.avatars.max_bytes = 2000).await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    let before = test.actions().await;
    assert_eq!(set_own(&test, &ada, vec![0; 2001]).await.unwrap_err().kind(), Kind::TooLarge);
    for content in [Vec::new(), b"<svg/>".to_vec(), b"\x89PNG\r\n\x1a\n".to_vec()] {
        let error = set_own(&test, &ada, content).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (Kind::Invalid, Some("image")));
    }
    assert_eq!((contents(&test), test.actions().await), (0, before));
    test.finish().await;
}

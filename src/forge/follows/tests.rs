//! Following through its permits.

use super::*;
use crate::access::action::DeleteUser;
use crate::error::Kind;
use crate::forge::testing::TestForge;
use crate::forge::users::delete_user;

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_one_event_and_ends_with_the_account() {
    let test = TestForge::start().await;
    for name in ["ada", "bob"] {
        test.user(name).await;
    }
    let (ada, bob) = (UserName::new("ada").unwrap(), UserName::new("bob").unwrap());
    let caller = test.sign_in("ada").await;
    let set = async |whom: &UserName, is_on| {
        let permit = test.forge.authorize(&caller, EditFollows, &ada).await.unwrap();
        set_following(&test.forge, permit, whom, is_on).await
    };
    set(&bob, true).await.unwrap();
    set(&bob, true).await.unwrap();
    assert_eq!(test.actions().await.last().unwrap(), "follow.add");
    assert_eq!(set(&ada, true).await.unwrap_err().kind(), Kind::Invalid);
    set(&ada, false).await.unwrap();
    assert_eq!(test.actions().await.iter().filter(|action| action.starts_with("follow")).count(), 1);
    let id = caller.user_id().unwrap();
    assert_eq!(count_follows(&test.forge, &caller, id).await.unwrap(), (0, 1));
    let permit = test.forge.authorize(&test.console(), DeleteUser, &bob).await.unwrap();
    delete_user(&test.forge, permit).await.unwrap();
    assert_eq!(count_follows(&test.forge, &caller, id).await.unwrap(), (0, 0));
    assert_eq!(set(&bob, true).await.unwrap_err().kind(), Kind::NotFound);
    test.finish().await;
}

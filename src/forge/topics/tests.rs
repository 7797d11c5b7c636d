use super::*;
use crate::forge::testing::{TestForge, path};

fn named(names: &[&str]) -> Vec<TopicName> {
    names.iter().map(|name| TopicName::parse(name).unwrap()).collect()
}

#[tokio::test]
async fn a_change_of_topics_is_one_event_and_no_change_is_none() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    test.repository(&ada, "sop").await;
    let permit = async || test.forge.authorize(&ada, EditTopics, &path("ada", "sop")).await.unwrap();
    replace_topics(&test.forge, permit().await, named(&["gxp", "audit"])).await.unwrap();
    replace_topics(&test.forge, permit().await, named(&["audit", "gxp"])).await.unwrap();
    add_topic(&test.forge, permit().await, named(&["gxp"]).remove(0)).await.unwrap();
    assert_eq!(test.actions().await, ["user.create", "repository.create", "repository.topics"]);
    remove_topic(&test.forge, permit().await, named(&["gxp"]).remove(0)).await.unwrap();
    let again = remove_topic(&test.forge, permit().await, named(&["gxp"]).remove(0)).await.unwrap_err();
    assert_eq!(again.kind(), Kind::NotFound);
    let actions = test.actions().await;
    assert_eq!(actions[2..], ["repository.topics", "repository.topics"]);
    test.finish().await;
}

//! Topics of repositories: listed, replaced, added, removed, searched.

use serde_json::json;

use super::Forge;
use super::repositories::{event_about, viewer_of};
use crate::access::Permit;
use crate::access::action::{EditTopics, ReadRepository, SearchTopics};
use crate::audit::{self, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::topic::{TOPICS_MAX, Topic, TopicName};
use crate::model::{Page, Paged};

/// Lists the topics of a repository by name. There are few, so a page is cut from all of them.
pub async fn list_topics(forge: &Forge, permit: Permit<ReadRepository>, page: Page) -> Result<Paged<String>> {
    let repo = permit.subject().repository.id;
    let all = forge.read("list topics", move |conn| Ok(db::topics::of_repository(conn, repo)?)).await?;
    let total_count = all.len() as u64;
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let limit = usize::try_from(page.limit_i64()).unwrap_or(0);
    Ok(Paged { rows: all.into_iter().skip(skipped).take(limit).collect(), total_count })
}

/// Searches among the topics of repositories the caller may see.
pub async fn search_topics(
    forge: &Forge,
    permit: Permit<SearchTopics>,
    text: String,
    page: Page,
) -> Result<Paged<Topic>> {
    let viewer = viewer_of(permit.caller());
    forge.read("search topics", move |conn| Ok(db::topics::search(conn, &viewer, &text, page)?)).await
}

/// Gives a repository exactly these topics.
///
/// Errors: `Invalid` for more than 25.
pub async fn replace_topics(forge: &Forge, permit: Permit<EditTopics>, names: Vec<TopicName>) -> Result<()> {
    change(forge, permit, move |_| Ok(names)).await
}

/// Adds one topic; one that is there already is no fault.
///
/// Errors: `Invalid` when the repository has 25 already.
pub async fn add_topic(forge: &Forge, permit: Permit<EditTopics>, name: TopicName) -> Result<()> {
    change(forge, permit, move |mut names| {
        if names.contains(&name) {
            return Ok(names);
        }
        if names.len() >= TOPICS_MAX {
            return Err(too_many("Exceeding maximum allowed topics per repo."));
        }
        names.push(name);
        Ok(names)
    })
    .await
}

/// Removes one topic.
///
/// Errors: `NotFound` when the repository has it not.
pub async fn remove_topic(forge: &Forge, permit: Permit<EditTopics>, name: TopicName) -> Result<()> {
    change(forge, permit, move |mut names| {
        let place = names.iter().position(|other| *other == name).ok_or_else(Error::not_found)?;
        names.remove(place);
        Ok(names)
    })
    .await
}

/// Makes the topics those that `decide` answers for the present ones, with one event; none when nothing changes.
async fn change(
    forge: &Forge,
    permit: Permit<EditTopics>,
    decide: impl FnOnce(Vec<TopicName>) -> Result<Vec<TopicName>> + Send + 'static,
) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("change topics", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let before = db::topics::of_repository(tx, repository.id)?;
            let mut after = decide(before.iter().filter_map(|name| TopicName::parse(name)).collect())?;
            after.sort();
            after.dedup();
            if after.len() > TOPICS_MAX {
                return Err(too_many("Exceeding maximum number of topics per repo"));
            }
            let names: Vec<&str> = after.iter().map(TopicName::as_str).collect();
            if names == before {
                return Ok(());
            }
            for gone in before.iter().filter(|name| !names.contains(&name.as_str())) {
                db::topics::remove(tx, repository.id, gone)?;
            }
            for new in after.iter().filter(|name| !before.iter().any(|other| other == name.as_str())) {
                db::topics::add(tx, repository.id, new, at)?;
            }
            let event = event_about(permit.caller(), action::REPOSITORY_TOPICS, &repository)
                .before(json!({ "topics": before }))
                .after(json!({ "topics": names }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

fn too_many(text: &'static str) -> Error {
    Error::new(Kind::Invalid, text).with_body_field("invalidTopics", serde_json::Value::Null)
}

#[cfg(test)]
mod tests;

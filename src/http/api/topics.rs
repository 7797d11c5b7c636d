//! Topics of a repository, and the search among all topics the caller may see.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::json;

use super::json::{RepoTopicOptions, TopicListJson, TopicNamesJson};
use super::lookup::{self, Answer};
use super::query::Params;
use super::rendered::Rendered;
use super::spec::Query;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::forge::topics;
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam};
use crate::model::topic::{TOPICS_MAX, TopicName};

/// Query of `topicSearch`.
pub(super) const SEARCH: &[Query] = &[Query::text("q", "a part of the topic")];

/// `repoListTopics`.
pub async fn repo_list_topics(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    paging: Paging,
    uri: Uri,
) -> Answer<Rendered<TopicNamesJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadRepository, &path, &uri).await?;
    let found = topics::list_topics(&app.forge, permit, paging.page).await?;
    Ok(paging.wrap(&app, found.total_count, Json(TopicNamesJson { topics: found.rows })))
}

/// `repoUpdateTopics`.
pub async fn repo_update_topics(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<RepoTopicOptions>,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditTopics, &path, &uri).await?;
    let names = read_names(&body.read(&app, &permit).await?.topics)?;
    topics::replace_topics(&app.forge, permit, names).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoAddTopic`.
pub async fn repo_add_topic(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(topic): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditTopics, &path, &uri).await?;
    topics::add_topic(&app.forge, permit, read_name(&topic)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoDeleteTopic`.
pub async fn repo_delete_topic(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(topic): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditTopics, &path, &uri).await?;
    topics::remove_topic(&app.forge, permit, read_name(&topic)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `topicSearch`.
pub async fn topic_search(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    paging: Paging,
) -> Result<Rendered<TopicListJson>> {
    let permit = app.forge.authorize(&caller, action::SearchTopics, &()).await?;
    let found = topics::search_topics(&app.forge, permit, params.text("q").trim().to_owned(), paging.page).await?;
    let total_count = found.total_count;
    Ok(paging.wrap(&app, total_count, Json(TopicListJson::new(found.rows))))
}

fn read_name(text: &str) -> Result<TopicName> {
    TopicName::parse(text)
        .ok_or_else(|| Error::new(Kind::Invalid, "Topic name is invalid").with_body_field("invalidTopics", json!(text)))
}

/// Reads a list of names; empty ones are left out, as Gitea does.
///
/// Errors: `Invalid` with the names that cannot be topics, or for too many.
fn read_names(texts: &[String]) -> Result<Vec<TopicName>> {
    let (mut names, mut invalid) = (Vec::new(), Vec::new());
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        match TopicName::parse(text) {
            Some(name) => names.push(name),
            None => invalid.push(text),
        }
    }
    names.sort();
    names.dedup();
    if names.len() > TOPICS_MAX {
        return Err(Error::new(Kind::Invalid, "Exceeding maximum number of topics per repo")
            .with_body_field("invalidTopics", serde_json::Value::Null));
    }
    if !invalid.is_empty() {
        // An answer names as many as a repository could have.
        invalid.truncate(TOPICS_MAX);
        return Err(
            Error::new(Kind::Invalid, "Topic names are invalid").with_body_field("invalidTopics", json!(invalid))
        );
    }
    Ok(names)
}

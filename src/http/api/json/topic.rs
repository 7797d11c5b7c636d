//! Topics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::options::null_is_default;
use crate::model::topic::Topic;

/// Body of `repoUpdateTopics`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RepoTopicOptions {
    /// The topics the repository shall have.
    #[serde(deserialize_with = "null_is_default")]
    pub topics: Vec<String>,
}

/// The answer of `repoListTopics`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TopicName")]
pub struct TopicNamesJson {
    /// Names.
    pub topics: Vec<String>,
}

/// One topic of a search.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TopicResponse")]
pub struct TopicJson {
    /// Row id.
    pub id: i64,
    /// Name.
    pub topic_name: String,
    /// Repositories that have it, as far as the caller may see them.
    pub repo_count: i64,
    /// First use.
    pub created: Timestamp,
    /// Last time a repository took it.
    pub updated: Timestamp,
}

/// The answer of `topicSearch`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TopicSearchResults")]
pub struct TopicListJson {
    /// This page.
    pub topics: Vec<TopicJson>,
}

impl TopicListJson {
    /// Wraps a page of topics.
    pub fn new(topics: Vec<Topic>) -> Self {
        let show = |topic: Topic| TopicJson {
            id: topic.id,
            topic_name: topic.name,
            repo_count: topic.repo_count,
            created: Timestamp::from_ms(topic.created_ms.get()),
            updated: Timestamp::from_ms(topic.updated_ms.get()),
        };
        Self { topics: topics.into_iter().map(show).collect() }
    }
}

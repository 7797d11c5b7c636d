//! The languages of a repository: bytes of each on the default branch.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::lookup::{self, Answer};
use crate::access::{Caller, RepoPath, action};
use crate::forge::code_search;
use crate::http::App;

/// Bytes by language, most first. An object on the wire.
#[derive(JsonSchema)]
#[schemars(inline, with = "BTreeMap<String, i64>")]
pub struct LanguagesJson(Vec<(String, i64)>);

impl Serialize for LanguagesJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (language, bytes) in &self.0 {
            map.serialize_entry(language, bytes)?;
        }
        map.end()
    }
}

/// `repoGetLanguages`.
pub async fn repo_get_languages(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<LanguagesJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?;
    Ok(Json(LanguagesJson(code_search::list_languages(&app.forge, &permit).await?)))
}

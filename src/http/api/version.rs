//! `GET /version`: which API is spoken here.

use axum::Json;
use axum::extract::State;

use super::json::ServerVersionJson;
use crate::access::{Caller, action};
use crate::error::Result;
use crate::http::App;

/// The Gitea version whose API this is, with our own version as build metadata: clients compare it as semver.
pub const API_VERSION: &str = concat!("1.27.0+atomicqms-", env!("CARGO_PKG_VERSION"));

/// `getVersion`.
pub async fn get_version(State(app): State<App>, caller: Caller) -> Result<Json<ServerVersionJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    Ok(Json(ServerVersionJson { version: API_VERSION.to_owned() }))
}

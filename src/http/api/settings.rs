//! What this server allows, for clients that adapt to it. Public, as in Gitea.

use axum::Json;
use axum::extract::State;

use super::json::{ApiSettingsJson, AttachmentSettingsJson, RepoSettingsJson, UiSettingsJson};
use crate::access::{Caller, action};
use crate::error::Result;
use crate::http::App;
use crate::model::Page;

/// Entries of a tree on a page.
const TREE_ENTRIES_PER_PAGE: u64 = 1000;
/// Largest blob in an answer. Units: bytes.
const BLOB_MAX_BYTES: u64 = 10 << 20;
/// Largest answer with contents of files. Units: bytes.
const RESPONSE_MAX_BYTES: u64 = 100 << 20;
/// Reactions, as Gitea has them.
const REACTIONS: &[&str] = &["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

/// `getGeneralAPISettings`.
pub async fn get_general_api_settings(State(app): State<App>, caller: Caller) -> Result<Json<ApiSettingsJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    Ok(Json(ApiSettingsJson {
        max_response_items: Page::MAX_LIMIT,
        default_paging_num: Page::DEFAULT_LIMIT,
        default_git_trees_per_page: TREE_ENTRIES_PER_PAGE,
        default_max_blob_size: BLOB_MAX_BYTES,
        default_max_response_size: RESPONSE_MAX_BYTES,
    }))
}

/// `getGeneralAttachmentSettings`.
pub async fn get_general_attachment_settings(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<AttachmentSettingsJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    let settings = &app.config.attachments;
    Ok(Json(AttachmentSettingsJson {
        enabled: settings.enabled,
        allowed_types: settings.allowed_types.join(","),
        max_size: settings.max_bytes.div_ceil(1 << 20),
        max_files: settings.max_files,
    }))
}

/// `getGeneralRepositorySettings`; what does not exist yet is disabled.
pub async fn get_general_repository_settings(State(app): State<App>, caller: Caller) -> Result<Json<RepoSettingsJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    Ok(Json(RepoSettingsJson {
        mirrors_disabled: true,
        http_git_disabled: false,
        migrations_disabled: true,
        stars_disabled: true,
        time_tracking_disabled: true,
        lfs_disabled: true,
    }))
}

/// `getGeneralUISettings`.
pub async fn get_general_ui_settings(State(app): State<App>, caller: Caller) -> Result<Json<UiSettingsJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    Ok(Json(UiSettingsJson { default_theme: "gitea-auto", allowed_reactions: REACTIONS, custom_emojis: &[] }))
}

//! What this server allows, for clients that adapt to it. Public, as in Gitea.

use axum::Json;
use axum::extract::State;

use super::content_facts::MAX_CONTENT_BYTES;
use super::contents::MAX_FILES_BYTES;
use super::git_objects::TREE_PAGE;
use super::json::{ApiSettingsJson, AttachmentSettingsJson, RepoSettingsJson, UiSettingsJson};
use crate::access::{Caller, action};
use crate::error::Result;
use crate::http::App;
use crate::model::Page;

/// Reactions, as Gitea has them.
const REACTIONS: &[&str] = &["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

/// `getGeneralAPISettings`.
pub async fn get_general_api_settings(State(app): State<App>, caller: Caller) -> Result<Json<ApiSettingsJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    Ok(Json(ApiSettingsJson {
        max_response_items: Page::MAX_LIMIT,
        default_paging_num: Page::DEFAULT_LIMIT,
        default_git_trees_per_page: TREE_PAGE,
        default_max_blob_size: MAX_CONTENT_BYTES,
        default_max_response_size: MAX_FILES_BYTES as u64,
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
        mirrors_disabled: !app.config.mirrors.enabled,
        http_git_disabled: false,
        migrations_disabled: !app.config.mirrors.enabled,
        stars_disabled: false,
        time_tracking_disabled: true,
        lfs_disabled: true,
    }))
}

/// `getGeneralUISettings`.
pub async fn get_general_ui_settings(State(app): State<App>, caller: Caller) -> Result<Json<UiSettingsJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    Ok(Json(UiSettingsJson { default_theme: "gitea-auto", allowed_reactions: REACTIONS, custom_emojis: &[] }))
}

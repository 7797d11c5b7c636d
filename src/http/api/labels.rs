//! Labels of repositories and organizations.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{CreateLabelOption, EditLabelOption, LabelJson};
use super::lookup::{self, Answer};
use super::rendered::Listed;
use super::urls::Urls;
use super::validate;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::labels;
use crate::http::App;
use crate::http::extract::{Body, OrgPath, Paging, PathParam};
use crate::model::label::Label;

/// `issueListLabels`.
pub async fn issue_list_labels(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    paging: Paging,
) -> Answer<Listed<LabelJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadLabels, &path, &uri).await?;
    let found = labels::list_labels(&app.forge, &permit, paging.page).await?;
    let place = of_repository(&app, &permit.subject().repository.full_name());
    Ok(paging.respond(&app, found.map(|label| shown(&label, &place))))
}

/// `issueGetLabel`.
pub async fn issue_get_label(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<Json<LabelJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadLabels, &path, &uri).await?;
    let label = labels::find_label(&app.forge, &permit, label_id(&id)?).await?;
    Ok(Json(shown(&label, &of_repository(&app, &permit.subject().repository.full_name()))))
}

/// `issueCreateLabel`.
pub async fn issue_create_label(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<CreateLabelOption>,
) -> Answer<(StatusCode, Json<LabelJson>)> {
    let permit = lookup::repository(&app, &caller, action::EditLabels, &path, &uri).await?;
    let place = of_repository(&app, &permit.subject().repository.full_name());
    let new = validate::new_label(body.read(&app, &permit).await?)?;
    let label = labels::create_label(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(shown(&label, &place))))
}

/// `issueEditLabel`.
pub async fn issue_edit_label(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
    body: Body<EditLabelOption>,
) -> Answer<Json<LabelJson>> {
    let permit = lookup::repository(&app, &caller, action::EditLabels, &path, &uri).await?;
    let place = of_repository(&app, &permit.subject().repository.full_name());
    let patch = validate::label_patch(body.read(&app, &permit).await?)?;
    let label = labels::edit_label(&app.forge, permit, label_id(&id)?, patch).await?;
    Ok(Json(shown(&label, &place)))
}

/// `issueDeleteLabel`.
pub async fn issue_delete_label(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditLabels, &path, &uri).await?;
    labels::delete_label(&app.forge, permit, label_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `orgListLabels`.
pub async fn org_list_labels(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    paging: Paging,
) -> Result<Listed<LabelJson>> {
    let permit = app.forge.authorize(&caller, action::ReadOrganizationLabels, &name).await?;
    let found = labels::list_labels(&app.forge, &permit, paging.page).await?;
    let place = of_organization(&app, permit.subject().organization.user.name.as_str());
    Ok(paging.respond(&app, found.map(|label| shown(&label, &place))))
}

/// `orgGetLabel`.
pub async fn org_get_label(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    PathParam(id): PathParam,
) -> Result<Json<LabelJson>> {
    let permit = app.forge.authorize(&caller, action::ReadOrganizationLabels, &name).await?;
    let label = labels::find_label(&app.forge, &permit, label_id(&id)?).await?;
    Ok(Json(shown(&label, &of_organization(&app, permit.subject().organization.user.name.as_str()))))
}

/// `orgCreateLabel`.
pub async fn org_create_label(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    body: Body<CreateLabelOption>,
) -> Result<(StatusCode, Json<LabelJson>)> {
    let permit = app.forge.authorize(&caller, action::EditOrganizationLabels, &name).await?;
    let place = of_organization(&app, permit.subject().organization.user.name.as_str());
    let new = validate::new_label(body.read(&app, &permit).await?)?;
    let label = labels::create_label(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(shown(&label, &place))))
}

/// `orgEditLabel`.
pub async fn org_edit_label(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    PathParam(id): PathParam,
    body: Body<EditLabelOption>,
) -> Result<Json<LabelJson>> {
    let permit = app.forge.authorize(&caller, action::EditOrganizationLabels, &name).await?;
    let place = of_organization(&app, permit.subject().organization.user.name.as_str());
    let patch = validate::label_patch(body.read(&app, &permit).await?)?;
    let label = labels::edit_label(&app.forge, permit, label_id(&id)?, patch).await?;
    Ok(Json(shown(&label, &place)))
}

/// `orgDeleteLabel`.
pub async fn org_delete_label(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    PathParam(id): PathParam,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::EditOrganizationLabels, &name).await?;
    labels::delete_label(&app.forge, permit, label_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn label_id(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Error::not_found())
}

/// Where the labels of a repository are in the API.
fn of_repository(app: &App, full_name: &str) -> String {
    format!("{}/labels", Urls::new(&app.root_url).api_repository(full_name))
}

/// Where the labels of an organization are in the API.
fn of_organization(app: &App, name: &str) -> String {
    format!("{}/labels", Urls::new(&app.root_url).api_organization(name))
}

fn shown(label: &Label, place: &str) -> LabelJson {
    LabelJson {
        id: label.id,
        name: label.name.clone(),
        exclusive: label.is_exclusive,
        is_archived: label.is_archived,
        color: label.color.as_str().to_owned(),
        description: label.description.clone(),
        url: format!("{place}/{}", label.id),
    }
}

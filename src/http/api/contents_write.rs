//! Files created, changed and deleted, one commit a request.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::commit_text;
use super::content_facts::Place;
use super::directories::LastCommit;
use super::json::{
    CommitMetaJson, CommitUserJson, ContentsJson, FileCommitJson, FileJson, FileOption, FilesJson, Timestamp,
    VerificationJson,
};
use super::lookup::{self, Answer};
use super::objects;
use super::urls::Urls;
use super::validate_write::{change, content, file_commit};
use super::verification;
use crate::access::{Caller, Permit, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::contents::{self, Change, FileCommit, Landed, Operation};
use crate::http::App;
use crate::http::extract::{Body, PathParam};

/// `repoCreateFile`.
pub async fn repo_create_file(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    uri: Uri,
    body: Body<FileOption>,
) -> Answer<(StatusCode, Json<FileJson>)> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let option = body.read_content(&app, &permit).await?;
    Ok((StatusCode::CREATED, Json(one(&app, permit, Operation::Create, file, option).await?)))
}

/// `repoUpdateFile`; without an id the file is created, as in Gitea.
pub async fn repo_update_file(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    uri: Uri,
    body: Body<FileOption>,
) -> Answer<(StatusCode, Json<FileJson>)> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let option = body.read_content(&app, &permit).await?;
    let is_update = option.sha.as_deref().is_some_and(|sha| !sha.is_empty());
    let (operation, status) = match is_update {
        true => (Operation::Update, StatusCode::OK),
        false => (Operation::Create, StatusCode::CREATED),
    };
    Ok((status, Json(one(&app, permit, operation, file, option).await?)))
}

/// `repoDeleteFile`.
pub async fn repo_delete_file(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    uri: Uri,
    body: Body<FileOption>,
) -> Answer<Json<FileJson>> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let option = body.read_content(&app, &permit).await?;
    if option.sha.as_deref().is_none_or(str::is_empty) {
        return Err(Error::invalid("sha", "[SHA]: Required").into());
    }
    Ok(Json(one(&app, permit, Operation::Delete, file, option).await?))
}

/// `repoChangeFiles`.
pub async fn repo_change_files(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<FileOption>,
) -> Answer<(StatusCode, Json<FilesJson>)> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let mut option = body.read_content(&app, &permit).await?;
    let max = app.config.server.max_content_bytes;
    let files = option.files.take().unwrap_or_default();
    if files.is_empty() {
        return Err(Error::invalid("files", "[Files]: Required").into());
    }
    let changes = files.into_iter().map(|file| change(file, max)).collect::<Result<Vec<_>>>()?;
    let (files, commit, verification) = land(&app, permit, file_commit(option, changes, max)?).await?;
    Ok((StatusCode::CREATED, Json(FilesJson { files, commit, verification })))
}

async fn one(
    app: &App,
    permit: Permit<action::PushRepository>,
    operation: Operation,
    path: String,
    mut option: FileOption,
) -> Result<FileJson> {
    let max = app.config.server.max_content_bytes;
    let (sha, from_path, text) = (option.sha.take(), option.from_path.take(), option.content.take());
    let content = if operation == Operation::Delete { None } else { Some(content(text.as_deref(), max)?) };
    let from_path = from_path.filter(|from| !from.is_empty() && operation == Operation::Update);
    let change = Change { operation, path, from_path, sha, content };
    let (files, commit, verification) = land(app, permit, file_commit(option, vec![change], max)?).await?;
    Ok(FileJson { content: files.into_iter().next().flatten(), commit, verification })
}

/// Detached: a client that goes away must not stop a commit half way.
async fn land(
    app: &App,
    permit: Permit<action::PushRepository>,
    new: FileCommit,
) -> Result<(Vec<Option<ContentsJson>>, FileCommitJson, VerificationJson)> {
    let repository = permit.subject().repository.clone();
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let made = app.work.spawn(async move { contents::commit_files(&forge, &intake, permit, new).await });
    let landed = made.await.map_err(Error::internal)??;
    let (root_url, directories) = (Arc::clone(&app.root_url), app.directories.clone());
    let shown_bytes = app.config.server.max_content_bytes as u64;
    objects::on_view(Arc::clone(&landed.view), move |view| {
        let interrupt = AtomicBool::new(false);
        let place = Place {
            view,
            directories: &directories,
            repository: &repository,
            root_url: &root_url,
            interrupt: &interrupt,
        };
        Ok(render(&place, &landed, shown_bytes))
    })
    .await?
}

/// Renders what landed; the files' content is repeated, all together up to a size.
fn render(
    place: &Place<'_>,
    landed: &Landed,
    mut shown_bytes: u64,
) -> Result<(Vec<Option<ContentsJson>>, FileCommitJson, VerificationJson)> {
    let text = commit_text::read_commit(&place.view.odb.read(&landed.commit)?.data);
    let last = LastCommit { id: landed.commit, text };
    let files = landed.paths.iter().map(|path| place.written(&landed.branch, &last, path, &mut shown_bytes));
    let files = files.collect::<Result<Vec<_>>>()?;
    let (commit, full_name, urls) = (&last.text, place.repository.full_name(), Urls::new(place.root_url));
    let created = Timestamp::of(&commit.committer);
    let meta = |kind: &str, sha: &str| CommitMetaJson {
        url: urls.api_object(&full_name, kind, sha),
        sha: sha.to_owned(),
        created,
    };
    let id = landed.commit.to_string();
    let shown = FileCommitJson {
        url: urls.api_object(&full_name, "commit", &id),
        html_url: urls.commit(&full_name, &id),
        created,
        author: CommitUserJson::of(&commit.author),
        committer: CommitUserJson::of(&commit.committer),
        parents: commit.parents.iter().map(|parent| meta("commit", parent)).collect(),
        message: commit.message.clone(),
        tree: meta("tree", &commit.tree),
        sha: id,
    };
    // The server signs nothing.
    Ok((files, shown, verification::unsigned()))
}

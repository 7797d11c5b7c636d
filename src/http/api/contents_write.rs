//! Files created, changed and deleted, one commit a request.

use std::sync::Arc;

use atomicqms_git::View;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use base64::Engine as _;

use super::commit_text::{self, CommitText, Signature};
use super::json::{
    CommitMetaJson, CommitUserJson, ContentsJson, FileCommitJson, FileJson, FileLinksJson, FileOption, FilesJson,
    Timestamp, VerificationJson,
};
use super::lookup::{self, Answer};
use super::objects;
use super::urls::{Urls, escape_path};
use super::validate_write::{change, content, file_commit};
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
    let full_name = permit.subject().repository.full_name();
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let made = app.work.spawn(async move { contents::commit_files(&forge, &intake, permit, new).await });
    let landed = made.await.map_err(Error::internal)??;
    let (root, view) = (Arc::clone(&app.root_url), Arc::clone(&landed.view));
    let shown_bytes = app.config.server.max_content_bytes as u64;
    objects::on_view(view, move |view| render(view, Urls::new(&root), &full_name, &landed, shown_bytes)).await
}

/// Renders what landed; the files' content is repeated, all together up to a size.
fn render(
    view: &View,
    urls: Urls<'_>,
    full_name: &str,
    landed: &Landed,
    mut shown_bytes: u64,
) -> atomicqms_git::Result<(Vec<Option<ContentsJson>>, FileCommitJson, VerificationJson)> {
    let raw = view.odb.read(&landed.commit)?.data;
    let commit = commit_text::read_commit(&raw);
    let draft = atomicqms_git::create::commit::CommitDraft::parse(&landed.commit, &raw)?;
    let mut files = Vec::with_capacity(landed.paths.len());
    for path in &landed.paths {
        let Some((mode, id, data)) = contents::file_at(view, &landed.commit, path)? else {
            files.push(None);
            continue;
        };
        let left = shown_bytes.checked_sub(data.len() as u64);
        shown_bytes = left.unwrap_or(shown_bytes);
        let place = FilePlace { urls, full_name, branch: &landed.branch, path };
        files.push(Some(place.render(
            mode,
            &id.to_string(),
            &data,
            left.is_some(),
            (&landed.commit.to_string(), &commit),
        )));
    }
    let created = date(&commit.committer);
    let meta = |kind: &str, sha: String| CommitMetaJson { url: urls.api_object(full_name, kind, &sha), sha, created };
    let id = landed.commit.to_string();
    let shown = FileCommitJson {
        url: urls.api_object(full_name, "commit", &id),
        html_url: urls.commit(full_name, &id),
        created,
        author: person(&commit.author),
        committer: person(&commit.committer),
        parents: draft.parents.iter().map(|parent| meta("commit", parent.to_string())).collect(),
        message: commit.message.clone(),
        tree: meta("tree", draft.tree.to_string()),
        sha: id,
    };
    let verification = VerificationJson {
        verified: false,
        reason: "gpg.error.not_signed_commit",
        signature: String::new(),
        signer: None,
        payload: String::new(),
    };
    Ok((files, shown, verification))
}

fn date(signature: &Signature) -> Timestamp {
    Timestamp::from_git(signature.seconds, signature.offset_seconds)
}

fn person(signature: &Signature) -> CommitUserJson {
    CommitUserJson { name: signature.name.clone(), email: signature.email.clone(), date: date(signature) }
}

/// Where a file is.
struct FilePlace<'a> {
    urls: Urls<'a>,
    full_name: &'a str,
    branch: &'a str,
    path: &'a str,
}

impl FilePlace<'_> {
    fn render(&self, mode: u32, sha: &str, data: &[u8], is_shown: bool, last: (&str, &CommitText)) -> ContentsJson {
        let (api, page) = (self.urls.api_repository(self.full_name), self.urls.repository(self.full_name));
        let (path, branch) = (escape_path(self.path), escape_path(self.branch));
        let query = super::urls::escape_segment(self.branch);
        let kind = match mode {
            0o040_000 => "dir",
            0o120_000 => "symlink",
            0o160_000 => "submodule",
            _ => "file",
        };
        let url = format!("{api}/contents/{path}?ref={query}");
        let html_url = Some(format!("{page}/src/branch/{branch}/{path}"));
        let git_url = Some(self.urls.api_object(self.full_name, "blob", sha));
        let is_file = kind == "file" && is_shown;
        ContentsJson {
            name: self.path.rsplit('/').next().unwrap_or_default().to_owned(),
            path: self.path.to_owned(),
            sha: sha.to_owned(),
            last_commit_sha: Some(last.0.to_owned()),
            last_committer_date: Some(date(&last.1.committer)),
            last_author_date: Some(date(&last.1.author)),
            kind,
            size: data.len() as u64,
            encoding: is_file.then_some("base64"),
            content: is_file.then(|| base64::engine::general_purpose::STANDARD.encode(data)),
            target: (kind == "symlink").then(|| String::from_utf8_lossy(data).into_owned()),
            links: FileLinksJson { this: url.clone(), git: git_url.clone(), html: html_url.clone() },
            url,
            html_url,
            git_url,
            download_url: (kind == "file").then(|| format!("{page}/raw/branch/{branch}/{path}")),
            submodule_git_url: None,
            last_commit_message: None,
            lfs_oid: None,
            lfs_size: None,
        }
    }
}

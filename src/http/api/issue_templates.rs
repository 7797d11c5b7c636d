//! Templates and forms for new issues, read from the default branch.

use std::sync::atomic::AtomicBool;

use atomicqms_git::history::{ListingOptions, list_tree};
use atomicqms_git::{Kind, View};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Uri};

use super::directories::{item_at, tree_at};
use super::git_path::find_commit;
use super::json::IssueConfigValidationJson;
use super::lookup::{self, Answer};
use super::rendered::Listed;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::http::App;
use crate::model::Repository;
use crate::model::issue_template::{
    DIRECTORIES, IssueConfig, IssueTemplate, MAX_BYTES, MAX_FILES, is_template, read_config, read_template,
};

/// Files that say how the page for new issues looks; the first one that exists counts.
const CONFIGS: &[&str] = &[
    ".gitea/ISSUE_TEMPLATE/config.yaml",
    ".gitea/ISSUE_TEMPLATE/config.yml",
    ".gitea/issue_template/config.yaml",
    ".gitea/issue_template/config.yml",
    ".github/ISSUE_TEMPLATE/config.yaml",
    ".github/ISSUE_TEMPLATE/config.yml",
    ".github/issue_template/config.yaml",
    ".github/issue_template/config.yml",
];

/// `repoGetIssueTemplates`; files that cannot be read as templates are left out, and counted in `X-Gitea-Warning`.
pub async fn repo_get_issue_templates(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Listed<IssueTemplate>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let at = repository.clone();
    let read = move |view: &View, interrupt: &AtomicBool| templates(view, &at, interrupt);
    let ((found, faults), place) = lookup::reading(&app, &caller, &repository, read).await?;
    let answer = place.hold(Json(found));
    if faults == 0 {
        return Ok(answer);
    }
    let warning = format!("error occurs when parsing issue template: count={faults}");
    let value = HeaderValue::try_from(warning).map_err(Error::internal)?;
    Ok(answer.with(|response| {
        response.headers_mut().insert(HeaderName::from_static("x-gitea-warning"), value);
    }))
}

/// `repoGetIssueConfig`; the default one where there is none, or one that cannot be read.
pub async fn repo_get_issue_config(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<IssueConfig>> {
    Ok(Json(config(&app, &caller, &path, &uri).await?.unwrap_or_default()))
}

/// `repoValidateIssueConfig`.
pub async fn repo_validate_issue_config(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<IssueConfigValidationJson>> {
    let said = config(&app, &caller, &path, &uri).await?.err();
    Ok(Json(IssueConfigValidationJson { valid: said.is_none(), message: said.unwrap_or_default() }))
}

async fn config(
    app: &App,
    caller: &Caller,
    path: &RepoPath,
    uri: &Uri,
) -> Answer<std::result::Result<IssueConfig, String>> {
    let repository = lookup::repository(app, caller, action::ReadCode, path, uri).await?.into_subject().repository;
    let at = repository.clone();
    let read = move |view: &View, interrupt: &AtomicBool| {
        if at.is_empty {
            return Ok(Ok(IssueConfig::default()));
        }
        let commit = find_commit(view, "", &at.default_branch, interrupt)?.commit;
        for name in CONFIGS {
            if let Some(text) = text_at(view, commit, name)? {
                return Ok(text.and_then(|text| read_config(&text)));
            }
        }
        Ok(Ok(IssueConfig::default()))
    };
    Ok(lookup::reading(app, caller, &repository, read).await?.0)
}

/// The templates of all directories, by name of their files in each, and how many files are none.
fn templates(view: &View, repository: &Repository, interrupt: &AtomicBool) -> Result<(Vec<IssueTemplate>, usize)> {
    let (mut found, mut faults) = (Vec::new(), 0);
    if repository.is_empty {
        return Ok((found, faults));
    }
    let commit = find_commit(view, "", &repository.default_branch, interrupt)?.commit;
    let mut left = MAX_FILES;
    for directory in DIRECTORIES {
        let Some(tree) = tree_at(view, commit, directory.as_bytes())? else { continue };
        let options = ListingOptions { max_entries: 10_000, ..ListingOptions::default() };
        let names = list_tree(&view.odb, &tree, &options, interrupt)?.entries.into_iter();
        let names = names.filter_map(|listed| String::from_utf8(listed.path).ok()).filter(|name| is_template(name));
        for name in names.take(left) {
            left -= 1;
            let path = format!("{directory}/{name}");
            match text_at(view, commit, &path)? {
                Some(Ok(text)) => match read_template(&path, &text) {
                    Ok(template) => found.push(template),
                    Err(_) => faults += 1,
                },
                Some(Err(_)) => faults += 1,
                None => {}
            }
        }
    }
    Ok((found, faults))
}

/// The text of a file; none where there is no file, words where it is no text that is read.
fn text_at(
    view: &View,
    commit: atomicqms_git::ObjectId,
    path: &str,
) -> Result<Option<std::result::Result<String, String>>> {
    let item = item_at(view, commit, path.as_bytes())?.filter(|item| item.entry.is_blob());
    let Some(item) = item else { return Ok(None) };
    if item.size > MAX_BYTES {
        return Ok(Some(Err(format!("{path} is larger than {MAX_BYTES} bytes"))));
    }
    let object = view.odb.read(&item.entry.id)?;
    if object.kind != Kind::Blob {
        return Ok(None);
    }
    Ok(Some(String::from_utf8(object.data.to_vec()).map_err(|_| format!("{path} is no text"))))
}

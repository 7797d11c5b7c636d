//! Texts rendered for a caller: Markdown as it is, as a comment, as a file or as a wiki page.
//!
//! Owns what the `Context` of a request means, and looks up what the text names: accounts, and commits of the repository if the caller may read it.
//! How a text is rendered is `markdown`'s.

use std::collections::HashSet;
use std::sync::Arc;

use atomicqms_git::View;
use axum::extract::State;
use axum::response::Html;

use super::json::{MarkdownOption, MarkupOption};
use crate::access::{Caller, Client, Permit, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::forge::users;
use crate::http::App;
use crate::http::extract::{Body, TextBody};
use crate::markdown::{self, Base, Context, MAX_INPUT_BYTES, Mode};
use crate::model::{RepoName, UserName};

/// Endings of files that are Markdown.
const ENDINGS: &[&str] = &[".md", ".markdown", ".mdown", ".mkd", ".livemd"];

/// `renderMarkdown`.
pub async fn render_markdown(
    State(app): State<App>,
    caller: Caller,
    body: Body<MarkdownOption>,
) -> Result<Html<String>> {
    let permit = app.forge.authorize(&caller, action::RenderMarkup, &()).await?;
    let option = body.read(&app, &permit).await?;
    render(&app, permit, option, "").await
}

/// `renderMarkdownRaw`.
pub async fn render_markdown_raw(State(app): State<App>, caller: Caller, body: TextBody) -> Result<Html<String>> {
    let permit = app.forge.authorize(&caller, action::RenderMarkup, &()).await?;
    let text = body.read(&app, &permit, MAX_INPUT_BYTES).await?;
    render(&app, permit, MarkdownOption { text, ..MarkdownOption::default() }, "").await
}

/// `renderMarkup`.
pub async fn render_markup(State(app): State<App>, caller: Caller, body: Body<MarkupOption>) -> Result<Html<String>> {
    let permit = app.forge.authorize(&caller, action::RenderMarkup, &()).await?;
    let option = body.read(&app, &permit).await?;
    render(&app, permit, option.markdown, &option.file_path).await
}

async fn render(
    app: &App,
    permit: Permit<action::RenderMarkup>,
    option: MarkdownOption,
    file_path: &str,
) -> Result<Html<String>> {
    let caller = permit.caller().clone();
    let text = option.text;
    if text.len() > MAX_INPUT_BYTES {
        return Err(Error::new(Kind::TooLarge, format!("a text may have at most {MAX_INPUT_BYTES} bytes")));
    }
    let wanted = if option.is_wiki { "wiki" } else { option.mode.as_str() };
    let (mut context, repository) = read_context(&app.root_url, wanted, &option.context, file_path)?;
    // As many at once as there are places for answers that are made whole, and few large ones.
    let client = Client::of(&caller);
    let places = (app.renderings.enter(client, text.len()).await?, app.intake.listing(client).await?);
    let mut view = None;
    if context.mode != Mode::Raw {
        let found = markdown::candidates(&text);
        let names = found.users.iter().filter_map(|name| UserName::parse(name).ok()).collect();
        context.users = users::visible_names(&app.forge, &caller, names).await?;
        if let Some(path) = repository
            && let Ok(permit) = app.forge.authorize(&caller, action::ReadRepository, &path).await
        {
            context.repository = Some(permit.subject().repository.full_name());
            // Which commits there are is for those who may read the code.
            if let Ok(permit) = app.forge.authorize(&caller, action::ReadCode, &path).await {
                view = Some((app.forge.open(&permit.subject().repository).await?.view(), found.commits));
            }
        }
    }
    let html = tokio::task::spawn_blocking(move || {
        // The work goes on when the client has left.
        let _kept = places;
        if let Some((view, ids)) = view {
            context.commits = existing(&view, ids);
        }
        markdown::render(&text, &context)
    });
    Ok(Html(html.await.map_err(Error::internal)?))
}

/// Of these ids, whole or abbreviated, those that begin the id of an object of the repository.
fn existing(view: &Arc<View>, ids: Vec<String>) -> HashSet<String> {
    let exists = |id: &String| {
        // Filled up with zeros it stands right before whatever it abbreviates.
        let lowest = atomicqms_git::id::id_from_hex(format!("{id:0<40}").as_bytes());
        lowest.is_some_and(|lowest| {
            view.odb.contains(&lowest).unwrap_or(false) || view.odb.unique_prefix_len(&lowest) > id.len()
        })
    };
    ids.into_iter().filter(exists).collect()
}

/// What a mode and a `Context` path mean, as Gitea reads them; the repository is named, not looked up.
fn read_context(root_url: &str, wanted: &str, path: &str, file_path: &str) -> Result<(Context, Option<RepoPath>)> {
    let mode = match wanted {
        "" | "markdown" => Mode::Raw,
        "comment" => Mode::Comment,
        "gfm" | "wiki" => Mode::Document,
        "file" if ENDINGS.iter().any(|ending| file_path.to_lowercase().ends_with(ending)) => Mode::Document,
        "file" => return Err(Error::invalid("FilePath", format!("unsupported file to render: \"{file_path}\""))),
        other => return Err(Error::invalid("Mode", format!("Unknown mode: {other}"))),
    };
    let root = root_url.trim_end_matches('/');
    let sub_path = root.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let path = path.trim_matches('/');
    let path = path.strip_prefix(sub_path).map_or(path, |rest| rest.trim_start_matches('/'));
    let base = (!path.is_empty()).then(|| base_of(root, path, wanted, file_path));
    let mut parts = path.split('/');
    let names = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let repository = match (UserName::parse(names.0), RepoName::parse(names.1)) {
        (Ok(owner), Ok(name)) => Some(RepoPath::new(owner, name)),
        _ => None,
    };
    Ok((Context { mode, root_url: format!("{root}/"), base, ..Context::default() }, repository))
}

/// Where relative addresses lead from a page.
fn base_of(root: &str, path: &str, mode: &str, file_path: &str) -> Base {
    let parts: Vec<&str> = path.splitn(5, '/').collect();
    let page = Base { links: format!("{root}/{path}"), media: format!("{root}/{path}"), directory: String::new() };
    if mode.is_empty() || mode == "markdown" {
        return page;
    }
    match parts.as_slice() {
        [owner, name, "src", kind @ ("branch" | "commit" | "tag"), rest] => {
            let directory = file_path.rsplit_once('/').map_or("", |(directory, _)| directory).trim_matches('/');
            let reference = match directory {
                "" => rest,
                directory => rest.strip_suffix(directory).map_or(*rest, |rest| rest.trim_end_matches('/')),
            };
            let at = |section: &str| format!("{root}/{owner}/{name}/{section}/{kind}/{reference}");
            Base { links: at("src"), media: at("media"), directory: directory.to_owned() }
        }
        [owner, name, ..] if mode == "wiki" => Base {
            links: format!("{root}/{owner}/{name}/wiki"),
            media: format!("{root}/{owner}/{name}/wiki/raw"),
            directory: String::new(),
        },
        _ => page,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_by_table() {
        let table = [
            ("", "/ada/sops", "", "http://h/sub/ada/sops", "http://h/sub/ada/sops", ""),
            ("comment", "/sub/ada/sops", "", "http://h/sub/ada/sops", "http://h/sub/ada/sops", ""),
            (
                "file",
                "/sub/ada/sops/src/branch/a/b/doc",
                "doc/x.md",
                "http://h/sub/ada/sops/src/branch/a/b",
                "http://h/sub/ada/sops/media/branch/a/b",
                "doc",
            ),
            (
                "gfm",
                "/ada/sops/src/tag/v1",
                "",
                "http://h/sub/ada/sops/src/tag/v1",
                "http://h/sub/ada/sops/media/tag/v1",
                "",
            ),
            ("wiki", "/ada/sops/wiki/Home", "", "http://h/sub/ada/sops/wiki", "http://h/sub/ada/sops/wiki/raw", ""),
        ];
        for (mode, path, file, links, media, directory) in table {
            let (context, repository) = read_context("http://h/sub/", mode, path, file).unwrap();
            let expected = Base { links: links.into(), media: media.into(), directory: directory.into() };
            assert_eq!(context.base, Some(expected), "{mode} {path}");
            assert_eq!(repository.unwrap().name.as_str(), "sops");
            assert_eq!(context.root_url, "http://h/sub/");
        }
        assert_eq!(read_context("http://h/", "", "", "").unwrap().0.base, None);
        assert!(read_context("http://h/", "gfm", "/../..", "").unwrap().1.is_none());
        for (mode, file, expected) in
            [("html", "", "Unknown mode: html"), ("file", "a.svg", "unsupported file to render: \"a.svg\"")]
        {
            let error = read_context("http://h/", mode, "", file).unwrap_err();
            assert_eq!((error.kind(), error.public()), (Kind::Invalid, expected));
        }
    }
}

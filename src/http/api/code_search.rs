//! `GET /search/code`: lines in the files of default branches that the caller may read. Gitea has no such operation.

use axum::Json;
use axum::extract::State;

use super::json::{CodeFileJson, CodeLineJson, CodeRepositoryJson, CodeSearchJson};
use super::query::Params;
use super::rendered::Rendered;
use super::spec::Query;
use super::urls::Urls;
use crate::access::{Caller, action};
use crate::error::{Error, Result};
use crate::forge::code_search::{self, FoundFile};
use crate::http::App;
use crate::http::extract::Paging;
use crate::model::code_search::CodeQuery;
use crate::model::code_search::pattern::Pattern;
use crate::model::{Glob, RepoName, UserName};

/// Parameters of `searchCode`.
pub(super) const SEARCH: &[Query] = &[
    Query::text("q", "what to look for, blanks included"),
    Query::text("mode", "phrase or regexp; phrase when not given").one_of(&["phrase", "regexp"]),
    Query::switch("case", "upper and lower case differ"),
    Query::text("repo", "the only repository, as owner/name"),
    Query::text("owner", "whose repositories"),
    Query::text("path", "a glob that paths match"),
    Query::text("language", "a language, as repoGetLanguages names it"),
];

/// `searchCode`.
pub async fn search_code(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    paging: Paging,
) -> Result<Rendered<CodeSearchJson>> {
    let permit = app.forge.authorize(&caller, action::SearchCode, &()).await?;
    // Large expressions take some milliseconds to compile.
    let query = tokio::task::spawn_blocking(move || read_query(&params)).await.map_err(Error::internal)??;
    let found = code_search::search_code(&app.forge, permit, query, paging.page).await?;
    let urls = Urls::new(&app.root_url);
    let data = found.files.into_iter().map(|file| render(urls, file)).collect();
    let answer = Rendered::from(Json(CodeSearchJson { ok: true, incomplete: found.is_incomplete, data }));
    Ok(answer.with(|response| match found.total_count {
        Some(total_count) => paging.write_headers(&app, total_count, response),
        None => paging.write_open_headers(&app, found.has_more, response),
    }))
}

fn read_query(params: &Params) -> Result<CodeQuery> {
    let is_case_sensitive = params.switch("case") == Some(true);
    let text = params.exact("q");
    let pattern = match params.text("mode") {
        "" | "phrase" => Pattern::phrase(text, is_case_sensitive),
        "regexp" => Pattern::regular(text, is_case_sensitive),
        other => return Err(Error::invalid("mode", format!("Invalid search mode: \"{other}\""))),
    };
    let given = |name: &str| Some(params.text(name)).filter(|text| !text.is_empty());
    Ok(CodeQuery {
        pattern: pattern.map_err(|why| Error::invalid("q", why))?,
        repository: given("repo").map(read_repository).transpose()?,
        owner: given("owner").map(UserName::parse).transpose().map_err(|_| Error::invalid("owner", "not a name"))?,
        path: given("path").map(|glob| Glob::new(glob, "/")).transpose().map_err(|why| Error::invalid("path", why))?,
        language: given("language").map(str::to_owned),
    })
}

fn read_repository(text: &str) -> Result<(UserName, RepoName)> {
    let parts = text
        .split_once('/')
        .and_then(|(owner, name)| Some((UserName::parse(owner).ok()?, RepoName::parse(name).ok()?)));
    parts.ok_or_else(|| Error::invalid("repo", "not the name of a repository, as in owner/name"))
}

fn render(urls: Urls<'_>, file: FoundFile) -> CodeFileJson {
    let FoundFile { repository, commit, path, blob, language, matches } = file;
    let (full_name, commit) = (repository.full_name(), commit.to_string());
    CodeFileJson {
        html_url: urls.file(&full_name, "src", &format!("commit/{commit}"), &path),
        url: urls.api_contents(&full_name, &path, &commit),
        sha: blob.to_string(),
        repository: CodeRepositoryJson {
            id: repository.id.get(),
            name: repository.name.to_string(),
            html_url: urls.repository(&full_name),
            full_name,
        },
        path,
        commit,
        language,
        matches: matches
            .into_iter()
            .map(|found| CodeLineJson {
                line: found.line,
                text: found.text,
                ranges: found.ranges.into_iter().map(|(start, end)| [start, end]).collect(),
            })
            .collect(),
    }
}

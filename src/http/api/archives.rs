//! Archives of a commit: zip, tar.gz and bundle, streamed as they are made, in the API and at the addresses that its answers name (`http/files.rs`).

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_git::archive::{ArchiveFormat, ArchiveOptions, write_archive};
use atomicqms_git::bundle::{self, BundleSpec};
use atomicqms_git::{ObjectId, Ref, RefName, RefTable, View};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::git_path::{clean_path, find_commit};
use super::lookup::{self, Answer};
use super::query::Params;
use super::rendered::File;
use super::spec::Query;
use super::urls::Urls;
use crate::access::{Caller, Client, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::http::App;
use crate::http::disposition::disposition;
use crate::http::extract::PathParam;
use crate::http::ranges;
use crate::model::Repository;
use crate::transport::stream::stream;

/// Query of `repoGetArchive`.
pub(in crate::http) const PATHS: &[Query] = &[Query::texts("path", "only these files and directories")];

/// Most paths that one archive may be limited to.
const MAX_PATHS: usize = 100;
/// The branch that a bundle holds, as Gitea names it.
const BUNDLE_BRANCH: &str = "refs/heads/bundle";

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Zip,
    TarGz,
    Bundle,
}

impl Form {
    /// Splits a name like `feature/x.tar.gz`.
    ///
    /// Errors: `Malformed` for another ending.
    fn of_name(name: &str) -> Result<(&str, Self)> {
        let forms = [Self::Zip, Self::TarGz, Self::Bundle];
        let found = forms.into_iter().find_map(|form| Some((name.strip_suffix(&format!(".{}", form.ending()))?, form)));
        found.filter(|(name, _)| !name.is_empty()).ok_or_else(|| Error::new(Kind::Malformed, "unknown archive format"))
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::TarGz => "tar.gz",
            Self::Bundle => "bundle",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Zip => "application/zip",
            Self::TarGz => "application/gzip",
            Self::Bundle => "application/octet-stream",
        }
    }
}

/// `repoGetArchive`.
pub async fn repo_get_archive(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    params: Params,
    uri: Uri,
    asked: HeaderMap,
) -> Answer<File> {
    serve(&app, &caller, &path, &uri, Asked { name, params, headers: asked }).await.map(File)
}

/// A request for an archive.
#[derive(Debug)]
pub(in crate::http) struct Asked {
    /// A revision with the ending of a form.
    pub(in crate::http) name: String,
    /// May name paths.
    pub(in crate::http) params: Params,
    /// What the client says of conditions.
    pub(in crate::http) headers: HeaderMap,
}

/// Answers an archive.
///
/// Errors: those of the gate; `NotFound`; `Malformed` for another form; `Moved` for whoever may read it and used a former name of the repository.
pub(in crate::http) async fn serve(
    app: &App,
    caller: &Caller,
    path: &RepoPath,
    uri: &Uri,
    asked: Asked,
) -> Answer<Response> {
    let repository = lookup::repository(app, caller, action::ReadCode, path, uri).await?.into_subject().repository;
    let (revision, form) = Form::of_name(&asked.name)?;
    let paths = paths_of(&asked.params)?;
    let wanted = revision.to_owned();
    let find = move |view: &View, interrupt: &AtomicBool| Ok(find_commit(view, &wanted, "", interrupt)?.commit);
    let (commit, place) = lookup::reading(app, caller, &repository, find).await?;
    drop(place);
    let headers = headers(app, &repository, revision, commit, form, &paths)?;
    let etag = headers.get(header::ETAG).and_then(|etag| etag.to_str().ok());
    if etag.is_some_and(|etag| ranges::is_known(&asked.headers, etag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let view = app.forge.open(&repository).await?.view();
    let prefix = format!("{}/", repository.name.as_str().to_lowercase()).into_bytes();
    let limits = app.intake.limits().clone();
    let make = move |out: &mut dyn Write, interrupt: &AtomicBool| match form {
        Form::Bundle => {
            let view = only_commit(&view, commit)?;
            bundle::write(&view, &BundleSpec::default(), &limits, out, interrupt).map(drop)
        }
        Form::Zip | Form::TarGz => {
            let format = if form == Form::Zip { ArchiveFormat::Zip } else { ArchiveFormat::TarGz };
            let options = ArchiveOptions { format, prefix, paths, ..ArchiveOptions::default() };
            write_archive(&view.odb, &commit, &options, out, interrupt)
        }
    };
    let body = stream(app, Client::of(caller), "archive", make).await?;
    Ok((headers, body).into_response())
}

/// Directories and files that the archive is limited to.
///
/// Errors: `NotFound` for a path that cannot exist, `Malformed` for too many.
fn paths_of(params: &Params) -> Result<Vec<Vec<u8>>> {
    let paths = params.texts("path").into_iter();
    let paths = paths.map(|path| Ok(clean_path(path)?.into_bytes())).collect::<Result<Vec<_>>>()?;
    if paths.len() > MAX_PATHS {
        return Err(Error::new(Kind::Malformed, format!("an archive takes at most {MAX_PATHS} paths")));
    }
    // The root is everything.
    Ok(if paths.iter().any(Vec::is_empty) { Vec::new() } else { paths })
}

fn headers(
    app: &App,
    repository: &Repository,
    revision: &str,
    commit: ObjectId,
    form: Form,
    paths: &[Vec<u8>],
) -> Result<HeaderMap> {
    let (id, ending) = (commit.to_string(), form.ending());
    let name = format!("{}-{}.{ending}", repository.name, revision.replace('/', "-"));
    let address = Urls::new(&app.root_url).api_archive(&repository.full_name(), &id, ending);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    headers.insert(header::CONTENT_DISPOSITION, disposition(&name, false));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // Where the same bytes can be had for ever, for tools that pin them.
    let link = format!("<{address}?rev={id}>; rel=\"immutable\"");
    headers.insert(header::LINK, HeaderValue::try_from(link).map_err(Error::internal)?);
    if paths.is_empty() {
        // Of a name too: `export-subst` and the name of the directory depend on nothing else.
        let etag = format!("\"{id}.{ending}\"");
        headers.insert(header::ETAG, HeaderValue::try_from(etag).map_err(Error::internal)?);
    }
    let exposed = "Content-Disposition, Link";
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    Ok(headers)
}

/// The repository as somebody sees it who knows of one branch only.
fn only_commit(view: &Arc<View>, commit: ObjectId) -> atomicqms_git::Result<View> {
    let name = RefName::new(BUNDLE_BRANCH)?;
    let refs = RefTable::from_refs(vec![Ref { name: name.clone(), target: commit, peeled: None }]);
    Ok(View { refs, head: name, ..View::clone(view) })
}

//! Names from the path, validated before anything is looked up.
//!
//! Owns which path parameters carry names. A name that cannot exist is `NotFound`, like one that does not. Parameters
//! are called `owner` or `username`, `repo`, and anything else for [`PathParam`].

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

pub use crate::access::RepoPath;
use crate::error::{Error, Result};
use crate::http::App;
use crate::model::{RepoName, TeamId, UserName};

async fn parameters(parts: &mut Parts, app: &App) -> Result<RawPathParams> {
    RawPathParams::from_request_parts(parts, app).await.map_err(|_| Error::not_found())
}

fn find<'a>(parameters: &'a RawPathParams, names: &[&str]) -> Result<&'a str> {
    parameters
        .iter()
        .find_map(|(name, value)| names.contains(&name).then_some(value))
        .ok_or_else(|| Error::broken(format!("the route has no parameter {}", names.join(" or "))))
}

/// Reads `{owner}/{repo}`; a final `.git` is not part of the name.
impl FromRequestParts<App> for RepoPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let parameters = parameters(parts, app).await?;
        let repo = find(&parameters, &["repo"])?;
        let repo = repo.strip_suffix(".git").unwrap_or(repo);
        let owner =
            UserName::parse(find(&parameters, &["owner", "username", "org"])?).map_err(|_| Error::not_found())?;
        let name = RepoName::parse(repo).map_err(|_| Error::not_found())?;
        Ok(Self::new(owner, name))
    }
}

/// Reads `{username}` (or `{owner}`).
#[derive(Debug, Clone)]
pub struct UserPath(pub UserName);

impl FromRequestParts<App> for UserPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let parameters = parameters(parts, app).await?;
        let name = UserName::parse(find(&parameters, &["username", "owner"])?).map_err(|_| Error::not_found())?;
        Ok(Self(name))
    }
}

/// Reads `{org}`.
#[derive(Debug, Clone)]
pub struct OrgPath(pub UserName);

impl FromRequestParts<App> for OrgPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let parameters = parameters(parts, app).await?;
        let name = UserName::parse(find(&parameters, &["org"])?).map_err(|_| Error::not_found())?;
        Ok(Self(name))
    }
}

/// Reads the `{id}` of a team.
#[derive(Debug, Clone)]
pub struct TeamPath(pub TeamId);

impl FromRequestParts<App> for TeamPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let parameters = parameters(parts, app).await?;
        let id = find(&parameters, &["id"])?.parse().map_err(|_| Error::not_found())?;
        Ok(Self(TeamId::new(id)))
    }
}

/// Reads the last parameter of the path as text, already percent-decoded; for branches, refs, ids.
#[derive(Debug, Clone)]
pub struct PathParam(pub String);

impl FromRequestParts<App> for PathParam {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let parameters = parameters(parts, app).await?;
        let last = parameters.iter().last().map(|(_, value)| value.to_owned());
        last.map(Self).ok_or_else(|| Error::broken("the route has no parameter"))
    }
}

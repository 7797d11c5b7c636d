//! Other names for accounts and organizations, and the way from a former name to the present one.
//!
//! Owns the redirect of every route that names an account or an organization alone; `api/lookup.rs` has the one of repositories.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::json::{RenameOrgOption, RenameUserOption};
use super::{lookup, validate};
use crate::access::action::SeeName;
use crate::access::{Caller, action, authorize};
use crate::db;
use crate::error::{Kind, Result};
use crate::forge::renames;
use crate::http::App;
use crate::http::extract::{Body, OrgPath, UserPath};
use crate::http::router::RouteInfo;
use crate::model::UserName;

/// `adminRenameUser`.
pub async fn admin_rename_user(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    body: Body<RenameUserOption>,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::RenameUser, &name).await?;
    let name = validate::account_name("NewName", &body.read(&app, &permit).await?.new_username)?;
    renames::rename_account(&app.forge, permit, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `renameOrg`.
pub async fn rename_org(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    body: Body<RenameOrgOption>,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::RenameOrganization, &name).await?;
    let name = validate::account_name("NewName", &body.read(&app, &permit).await?.new_name)?;
    renames::rename_account(&app.forge, permit, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a route names an account or an organization by itself.
pub fn is_about_an_account(path: &str) -> bool {
    place_of_name(path).is_some()
}

/// Sends whoever names an account by a former name, and may see it, to the present one.
///
/// Shape: asked after the handler has found nothing, so that it costs the ordinary request a copy of its head and no lookup.
pub async fn follow(State((app, route)): State<(App, RouteInfo)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let response = next.run(Request::from_parts(parts.clone(), body)).await;
    if response.status() != StatusCode::NOT_FOUND {
        return response;
    }
    let Ok(caller) = Caller::from_request_parts(&mut parts, &app).await else { return response };
    match present_address(&app, &caller, route, &parts.uri).await {
        Ok(Some(address)) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, address)]).into_response(),
        Ok(None) => response,
        Err(error) => error.into_response(),
    }
}

async fn present_address(
    app: &App,
    caller: &Caller,
    route: RouteInfo,
    uri: &Uri,
) -> Result<Option<axum::http::HeaderValue>> {
    let Some(place) = place_of_name(route.path) else { return Ok(None) };
    let segments: Vec<&str> = uri.path().split('/').collect();
    let Some(Ok(former)) = segments.get(place).map(|name| UserName::parse(name)) else { return Ok(None) };
    let caller = caller.clone();
    let present = app
        .forge
        .read("present name", move |conn| {
            let Some(id) = db::account_redirects::find(conn, &former)? else { return Ok(None) };
            let Some(user) = db::users::find(conn, id)? else { return Ok(None) };
            match authorize(conn, &caller, SeeName, &user.name) {
                Ok(permit) => Ok(Some(permit.into_subject().name)),
                Err(error) if error.kind() == Kind::Internal => Err(error),
                Err(_) => Ok(None),
            }
        })
        .await?;
    let Some(present) = present else { return Ok(None) };
    let path: Vec<&str> = segments
        .iter()
        .enumerate()
        .map(|(position, segment)| if position == place { present.as_str() } else { *segment })
        .collect();
    lookup::moved_address(&app.root_url, &path.join("/"), uri.query()).map(Some)
}

/// Which segment of a path carries the name.
fn place_of_name(path: &str) -> Option<usize> {
    path.split('/').position(|segment| matches!(segment, "{username}" | "{org}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_where_the_pattern_says() {
        let table = [
            ("/api/v1/users/{username}/keys", Some(4)),
            ("/api/v1/orgs/{org}", Some(4)),
            ("/api/v1/admin/users/{username}/repos", Some(5)),
            ("/api/v1/repos/{owner}/{repo}", None),
            ("/api/v1/user", None),
        ];
        for (path, expected) in table {
            assert_eq!(place_of_name(path), expected, "{path}");
        }
    }
}

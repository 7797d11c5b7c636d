//! Other names for accounts and organizations, and the way from a former name to the present one.
//!
//! Owns the redirect of every route that names an account or an organization alone; `api/lookup.rs` has the one of repositories.

use atomicqms_actors::sql::Connection;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
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
use crate::model::{UserId, UserName};

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
    places_of_names(path).next().is_some()
}

/// Sends whoever names an account by a former name, and may see it, to the present one.
///
/// Shape: asked after the handler has found nothing, so that it costs the ordinary request a copy of its head and no lookup. Who asks is found out again only
/// where a name in the path is somebody's former one.
pub async fn follow(State((app, route)): State<(App, RouteInfo)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let response = next.run(Request::from_parts(parts.clone(), body)).await;
    if response.status() != StatusCode::NOT_FOUND {
        return response;
    }
    match present_address(&app, route, &mut parts).await {
        Ok(Some(address)) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, address)]).into_response(),
        Ok(None) => response,
        Err(error) => error.into_response(),
    }
}

async fn present_address(app: &App, route: RouteInfo, parts: &mut Parts) -> Result<Option<axum::http::HeaderValue>> {
    let mut segments: Vec<String> = parts.uri.path().split('/').map(str::to_owned).collect();
    let mut moved = Vec::new();
    for place in places_of_names(route.path) {
        let Some(Ok(former)) = segments.get(place).map(|segment| UserName::parse(segment)) else { continue };
        let find = move |conn: &dyn Connection| Ok(db::account_redirects::find(conn, &former)?);
        moved.extend(app.forge.read("former name", find).await?.map(|id| (place, id)));
    }
    if moved.is_empty() {
        return Ok(None);
    }
    let Ok(caller) = Caller::from_request_parts(parts, app).await else { return Ok(None) };
    let mut is_moved = false;
    for (place, id) in moved {
        if let (Some(present), Some(segment)) = (present_name(app, &caller, id).await?, segments.get_mut(place)) {
            *segment = present.to_string();
            is_moved = true;
        }
    }
    match is_moved {
        true => lookup::moved_address(&app.root_url, &segments.join("/"), parts.uri.query()).map(Some),
        false => Ok(None),
    }
}

/// The present name of an account that has had another, if the caller may see it.
async fn present_name(app: &App, caller: &Caller, id: UserId) -> Result<Option<UserName>> {
    let caller = caller.clone();
    app.forge
        .read("present name", move |conn| {
            let Some(user) = db::users::find(conn, id)? else { return Ok(None) };
            match authorize(conn, &caller, SeeName, &user.name) {
                Ok(permit) => Ok(Some(permit.into_subject().name)),
                Err(error) if error.kind() == Kind::Internal => Err(error),
                Err(_) => Ok(None),
            }
        })
        .await
}

/// Which segments of a path carry names.
fn places_of_names(path: &str) -> impl Iterator<Item = usize> {
    let is_name = |segment: &str| matches!(segment, "{username}" | "{org}" | "{target}");
    path.split('/').enumerate().filter(move |(_, segment)| is_name(segment)).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_where_the_pattern_says() {
        let table = [
            ("/api/v1/users/{username}/keys", vec![4]),
            ("/api/v1/users/{username}/following/{target}", vec![4, 6]),
            ("/api/v1/orgs/{org}", vec![4]),
            ("/api/v1/orgs/{org}/blocks/{username}", vec![4, 6]),
            ("/api/v1/admin/users/{username}/repos", vec![5]),
            ("/api/v1/repos/{owner}/{repo}", vec![]),
            ("/api/v1/user", vec![]),
        ];
        for (path, expected) in table {
            assert_eq!(places_of_names(path).collect::<Vec<_>>(), expected, "{path}");
        }
    }
}

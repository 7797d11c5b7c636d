//! Invitations to teams: those of a team, and those to the caller. Operations of our own.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::json::{InvitationJson, InvitationOption, Timestamp};
use super::rendered::Listed;
use crate::access::{Caller, action};
use crate::error::{Error, Result};
use crate::forge::invitations::{self, Which};
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam, TeamPath};
use crate::model::{Email, Invitation};

/// `orgListTeamInvitations`.
pub async fn org_list_team_invitations(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    paging: Paging,
) -> Result<Listed<InvitationJson>> {
    let permit = app.forge.authorize(&caller, action::ListInvitations, &id).await?;
    let found = invitations::list_invitations(&app.forge, permit, paging.page).await?;
    Ok(paging.respond(&app, found.map(|invitation| render(&invitation))))
}

/// `orgCreateTeamInvitation`.
pub async fn org_create_team_invitation(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    body: Body<InvitationOption>,
) -> Result<(StatusCode, Json<InvitationJson>)> {
    let permit = app.forge.authorize(&caller, action::EditInvitations, &id).await?;
    let email = Email::new(body.read(&app, &permit).await?.email.trim())?;
    let made = invitations::invite(&app.forge, permit, email).await?;
    Ok((StatusCode::CREATED, Json(render(&made))))
}

/// `orgDeleteTeamInvitation`.
pub async fn org_delete_team_invitation(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    PathParam(invitation): PathParam,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::EditInvitations, &id).await?;
    invitations::withdraw(&app.forge, permit, row(&invitation)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `userListInvitations`.
pub async fn user_list_invitations(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<InvitationJson>> {
    let permit = app.forge.authorize(&caller, action::ListOwnInvitations, &()).await?;
    let found = invitations::list_own_invitations(&app.forge, permit, paging.page).await?;
    Ok(paging.respond(&app, found.map(|invitation| render(&invitation))))
}

/// `userAcceptInvitation`.
pub async fn user_accept_invitation(
    State(app): State<App>,
    caller: Caller,
    PathParam(invitation): PathParam,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::AnswerInvitation, &()).await?;
    invitations::accept(&app.forge, permit, Which::Row(row(&invitation)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `userDeclineInvitation`.
pub async fn user_decline_invitation(
    State(app): State<App>,
    caller: Caller,
    PathParam(invitation): PathParam,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::AnswerInvitation, &()).await?;
    invitations::decline(&app.forge, permit, Which::Row(row(&invitation)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn row(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Error::not_found())
}

fn render(invitation: &Invitation) -> InvitationJson {
    InvitationJson {
        id: invitation.id,
        email: invitation.email.as_str().to_owned(),
        organization: invitation.organization.clone(),
        team_id: invitation.team_id.get(),
        team: invitation.team.clone(),
        inviter: invitation.inviter.clone(),
        created_at: Timestamp::from_ms(invitation.created_ms.get()),
        expires_at: Timestamp::from_ms(invitation.expires_ms.get()),
    }
}

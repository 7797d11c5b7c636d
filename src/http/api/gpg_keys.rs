//! OpenPGP keys of accounts: one's own, and somebody else's (they are public).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::{CreateGpgKeyOption, GpgKeyEmailJson, GpgKeyJson, Timestamp, VerifyGpgKeyOption, ZERO_TIME};
use super::rendered::Listed;
use super::validate;
use crate::access::{Caller, Client, action};
use crate::error::{Error, Result};
use crate::forge::gpg_keys::{self, Shown};
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam, UserPath};
use crate::model::gpg_key::{GpgPartRow, read_key_id};
use crate::model::{GpgKeyId, UserId, UserName};

/// `userCurrentListGPGKeys`.
pub async fn user_current_list_gpg_keys(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<GpgKeyJson>> {
    let name = own_name(&caller)?;
    list(&app, &caller, &name, paging).await
}

/// `userListGPGKeys`.
pub async fn user_list_gpg_keys(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    paging: Paging,
) -> Result<Listed<GpgKeyJson>> {
    list(&app, &caller, &name, paging).await
}

/// `userCurrentGetGPGKey`.
pub async fn user_current_get_gpg_key(
    State(app): State<App>,
    caller: Caller,
    PathParam(id): PathParam,
) -> Result<Json<GpgKeyJson>> {
    let permit = app.forge.authorize(&caller, action::ReadGpgKey, &own_name(&caller)?).await?;
    let shown = gpg_keys::find_key(&app.forge, permit, read_id(&id)?).await?;
    Ok(Json(render(&caller, &shown)))
}

/// `userCurrentPostGPGKey`.
pub async fn user_current_post_gpg_key(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateGpgKeyOption>,
) -> Result<(StatusCode, Json<GpgKeyJson>)> {
    let permit = app.forge.authorize(&caller, action::AddGpgKey, &own_name(&caller)?).await?;
    let new = validate::new_gpg_key(body.read(&app, &permit).await?)?;
    // Reading a key takes processor time.
    let _place = app.intake.listing(Client::of(&caller)).await?;
    let shown = gpg_keys::add_key(&app.forge, app.intake.challenges(), permit, new).await?;
    Ok((StatusCode::CREATED, Json(render(&caller, &shown))))
}

/// `userCurrentDeleteGPGKey`.
pub async fn user_current_delete_gpg_key(
    State(app): State<App>,
    caller: Caller,
    PathParam(id): PathParam,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::RemoveGpgKey, &own_name(&caller)?).await?;
    gpg_keys::remove_key(&app.forge, permit, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `getVerificationToken`.
pub async fn get_verification_token(State(app): State<App>, caller: Caller) -> Result<String> {
    let permit = app.forge.authorize(&caller, action::ReadGpgChallenge, &own_name(&caller)?).await?;
    Ok(gpg_keys::challenge(&app.forge, app.intake.challenges(), &permit))
}

/// `userVerifyGPGKey`.
pub async fn user_verify_gpg_key(
    State(app): State<App>,
    caller: Caller,
    body: Body<VerifyGpgKeyOption>,
) -> Result<(StatusCode, Json<GpgKeyJson>)> {
    let permit = app.forge.authorize(&caller, action::VerifyGpgKey, &own_name(&caller)?).await?;
    let option = body.read(&app, &permit).await?;
    validate::required("KeyID", &option.key_id)?;
    validate::required("Signature", &option.armored_signature)?;
    let key_id = read_key_id(&option.key_id).ok_or_else(Error::not_found)?;
    let _place = app.intake.listing(Client::of(&caller)).await?;
    let challenges = app.intake.challenges();
    let shown = gpg_keys::verify_key(&app.forge, challenges, permit, key_id, option.armored_signature).await?;
    Ok((StatusCode::CREATED, Json(render(&caller, &shown))))
}

async fn list(app: &App, caller: &Caller, name: &UserName, paging: Paging) -> Result<Listed<GpgKeyJson>> {
    let permit = app.forge.authorize(caller, action::ListGpgKeys, name).await?;
    let found = gpg_keys::list_keys(&app.forge, permit, paging.page).await?;
    Ok(paging.respond(app, found.map(|shown| render(caller, &shown))))
}

/// A key as a caller may see it: all of its addresses are for its owner and administrators, verified ones for whoever may see those of the account.
fn render(caller: &Caller, shown: &Shown) -> GpgKeyJson {
    let key = &shown.key;
    let owner: UserId = key.user_id;
    let sees_all = caller.is_site_admin() || caller.user_id() == Some(owner);
    let emails = key
        .addresses
        .iter()
        .map(|address| GpgKeyEmailJson { email: address.clone(), verified: shown.verified.contains(address) });
    let sees_verified = caller.user_id().is_some() && !shown.hides_addresses;
    let emails = emails.filter(|email| sees_all || (email.verified && sees_verified)).collect();
    let verified = key.is_verified(&shown.verified);
    let primary_key_id = key.primary.part.key_id.as_str();
    let subkeys = key.subkeys.iter().map(|row| render_part(row, primary_key_id, verified)).collect();
    GpgKeyJson { emails: Some(emails), subkeys: Some(subkeys), ..render_part(&key.primary, "", verified) }
}

fn render_part(row: &GpgPartRow, primary_key_id: &str, verified: bool) -> GpgKeyJson {
    let part = &row.part;
    let moment = |seconds: i64| Timestamp::from_ms(seconds.saturating_mul(1000));
    GpgKeyJson {
        id: row.id.get(),
        primary_key_id: primary_key_id.to_owned(),
        key_id: part.key_id.clone(),
        public_key: STANDARD.encode(&part.packet),
        emails: None,
        subkeys: None,
        can_sign: part.can_sign,
        can_encrypt_comms: part.can_encrypt_comms,
        can_encrypt_storage: part.can_encrypt_storage,
        can_certify: part.can_certify,
        created_at: moment(part.created_s),
        expires_at: part.expires_s.map_or(ZERO_TIME, moment),
        verified,
    }
}

/// Reads an id from the path; anything else names no key.
fn read_id(text: &str) -> Result<GpgKeyId> {
    text.parse().map(GpgKeyId::new).map_err(|_| Error::not_found())
}

fn own_name(caller: &Caller) -> Result<UserName> {
    caller.account().map(|user| user.name.clone())
}

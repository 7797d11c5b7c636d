//! Organizations: made, changed, deleted, listed, and who belongs to them.
//!
//! Owns what follows from each: whoever makes one owns it, one that owns repositories stays, and its name is never given to anybody else.
//! Teams, through which members come and go, are in [`super::teams`]. Called by the API.

use atomicqms_actors::sql::Connection;
use serde_json::{Map, Value, json};

use super::users::viewer_of;
use super::{Forge, attachments, check_link, check_text, fork_visibility, invitations};
use crate::access::action::{
    CreateOrganization, CreateOrganizationFor, DeleteOrganization, EditOrganization, ListAllOrganizations,
    ListOrganizations, ListOwnOrganizations, ListUserOrganizations, ReadOrganization, ReadStanding, RemoveMember,
    ShowMembership,
};
use crate::access::rights::{may_see, standing_of_user};
use crate::access::{Action, Caller, OrganizationAccess, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::db::organizations::Of;
use crate::db::repositories::ForksOf;
use crate::error::{Error, Result};
use crate::model::label::LabelOwner;
use crate::model::{
    NewOrganization, Organization, OrganizationPatch, Page, Paged, Standing, TeamSettings, User, UserId, UserName,
    UtcMs, Visibility,
};

/// The actions that allow making an organization, and who will own it.
pub trait MayCreateOrganization: Action {
    /// Who will own it; none: nobody can.
    fn owner(caller: &Caller, subject: &Self::Subject) -> Option<User>;
}

impl MayCreateOrganization for CreateOrganization {
    fn owner(caller: &Caller, (): &()) -> Option<User> {
        caller.user().cloned()
    }
}

impl MayCreateOrganization for CreateOrganizationFor {
    fn owner(_: &Caller, subject: &User) -> Option<User> {
        Some(subject.clone())
    }
}

/// Makes an organization with its team of owners, whose first member is whoever it is made for.
///
/// Errors: `Forbidden` where the settings keep it to administrators; `Invalid` for a name that is taken or a field that breaks a rule.
pub async fn create_organization<A: MayCreateOrganization>(
    forge: &Forge,
    permit: Permit<A>,
    new: NewOrganization,
) -> Result<Organization> {
    check_text("full_name", &new.full_name, 100)?;
    check_text("description", &new.description, 255)?;
    check_text("location", &new.location, 50)?;
    check_link("website", &new.website)?;
    if !forge.settings.everybody_creates_organizations && !permit.caller().is_site_admin() {
        return Err(Error::forbidden("only administrators may create organizations here"));
    }
    if new.visibility != Visibility::Public && permit.caller().is_public_only() {
        return Err(Error::forbidden("token scope is limited to public orgs"));
    }
    let at = forge.clock.now();
    forge
        .write("create organization", move |tx| {
            let subject = permit.confirm(tx, at)?;
            let nobody = || Error::forbidden("an organization needs an account that owns it");
            let owner = A::owner(permit.caller(), &subject).ok_or_else(nobody)?;
            let limits = db::account_limits::find(tx, owner.id)?;
            if !limits.may_create_organizations && !permit.caller().is_site_admin() {
                return Err(Error::forbidden("this account may not create organizations"));
            }
            if db::users::name_is_taken(tx, &new.name)? {
                return Err(Error::invalid("username", format!("user already exists [name: {}]", new.name)));
            }
            let org = db::organizations::insert(tx, &new, at)?;
            let team = db::teams::insert(tx, org, &TeamSettings::owners(), at)?;
            db::teams::put_member(tx, team, owner.id, at)?;
            db::organizations::put_member(tx, org, owner.id, at)?;
            let event = Event::new(permit.caller().stamp(), action::ORGANIZATION_CREATE, object(org)).after(json!({
                "login": new.name.as_str(),
                "visibility": new.visibility.as_str(),
                "repo_admin_changes_team_access": new.repo_admin_changes_team_access,
                "owner": owner.name.as_str(),
                "owners_team": team,
            }));
            audit::append(tx, at, &event)?;
            db::organizations::find(tx, org)?.ok_or_else(|| Error::broken("an organization just made is not there"))
        })
        .await
}

/// Changes an organization's settings; nothing to change writes nothing.
///
/// Errors: `Invalid` for a field that breaks a rule.
pub async fn edit_organization(
    forge: &Forge,
    permit: Permit<EditOrganization>,
    patch: OrganizationPatch,
) -> Result<Organization> {
    check_text("full_name", patch.full_name.as_deref().unwrap_or_default(), 100)?;
    check_text("description", patch.description.as_deref().unwrap_or_default(), 255)?;
    check_text("location", patch.location.as_deref().unwrap_or_default(), 50)?;
    check_link("website", patch.website.as_deref().unwrap_or_default())?;
    let at = forge.clock.now();
    forge
        .write("edit organization", move |tx| {
            let before = permit.confirm(tx, at)?.organization;
            let after = apply(&before, &patch);
            let (old, new) = changes(&before, &after);
            if new.is_empty() {
                return Ok(before);
            }
            db::organizations::update(tx, &after, at)?;
            let event = Event::new(permit.caller().stamp(), action::ORGANIZATION_EDIT, object(before.user.id))
                .before(Value::Object(old))
                .after(Value::Object(new));
            audit::append(tx, at, &event)?;
            if after.user.visibility != before.user.visibility {
                fork_visibility::close_forks(tx, permit.caller(), ForksOf::Owner(before.user.id), at)?;
            }
            db::organizations::find(tx, before.user.id)?.ok_or_else(Error::not_found)
        })
        .await
}

fn apply(before: &Organization, patch: &OrganizationPatch) -> Organization {
    let mut after = before.clone();
    let user = &mut after.user;
    for (field, new) in [
        (&mut user.full_name, &patch.full_name),
        (&mut user.description, &patch.description),
        (&mut user.website, &patch.website),
        (&mut user.location, &patch.location),
    ] {
        if let Some(new) = new {
            field.clone_from(new);
        }
    }
    if let Some(email) = &patch.email {
        user.email = email.clone().unwrap_or_else(|| crate::model::Email::from_row(String::new()));
    }
    user.visibility = patch.visibility.unwrap_or(user.visibility);
    after.repo_admin_changes_team_access =
        patch.repo_admin_changes_team_access.unwrap_or(before.repo_admin_changes_team_access);
    after
}

fn changes(before: &Organization, after: &Organization) -> (Map<String, Value>, Map<String, Value>) {
    let (mut old, mut new) = (Map::new(), Map::new());
    let mut note = |field: &str, was: Value, is: Value| {
        if was != is {
            old.insert(field.to_owned(), was);
            new.insert(field.to_owned(), is);
        }
    };
    let fields = |organization: &Organization| -> [(&'static str, Value); 7] {
        let user = &organization.user;
        [
            ("full_name", user.full_name.as_str().into()),
            ("email", user.email.as_str().into()),
            ("description", user.description.as_str().into()),
            ("website", user.website.as_str().into()),
            ("location", user.location.as_str().into()),
            ("visibility", user.visibility.as_str().into()),
            ("repo_admin_changes_team_access", organization.repo_admin_changes_team_access.into()),
        ]
    };
    for ((field, was), (_, is)) in fields(before).into_iter().zip(fields(after)) {
        note(field, was, is);
    }
    (old, new)
}

/// Deletes an organization with its teams; its row stays so that nobody else gets the name.
///
/// Errors: `Invalid` while it owns repositories.
pub async fn delete_organization(forge: &Forge, permit: Permit<DeleteOrganization>) -> Result<()> {
    let at = forge.clock.now();
    let picture = forge
        .write("delete organization", move |tx| {
            let organization = permit.confirm(tx, at)?.organization;
            let org = organization.user.id;
            if db::repositories::owner_has_any(tx, org)? {
                return Err(Error::invalid(
                    "org",
                    "the organization still owns repositories; delete or transfer them first",
                ));
            }
            let teams = db::teams::list_ids(tx, org)?;
            for team in &teams {
                db::teams::delete(tx, *team)?;
            }
            let labels = db::labels::delete_of(tx, LabelOwner::Organization(org))?;
            db::organizations::delete_members(tx, org)?;
            db::transfers::delete_of_recipient(tx, org)?;
            let blocks = db::blocks::delete_of_user(tx, org)?;
            let picture = organization.user.avatar.map(|avatar| avatar.blob);
            attachments::schedule_forgetting(tx, picture.as_slice(), at, at)?;
            db::users::bury(tx, org, at)?;
            let event = Event::new(permit.caller().stamp(), action::ORGANIZATION_DELETE, object(org)).before(
                json!({ "login": organization.user.name.as_str(), "teams": teams, "labels": labels, "blocks": blocks,
                    "avatar_sha256": picture.map(|blob| blob.to_string()) }),
            );
            audit::append(tx, at, &event)?;
            Ok(picture)
        })
        .await?;
    attachments::forget_blobs(forge, Vec::from_iter(picture)).await;
    Ok(())
}

/// Lists organizations the caller may see.
pub async fn list_organizations(
    forge: &Forge,
    permit: Permit<ListOrganizations>,
    page: Page,
) -> Result<Paged<Organization>> {
    list(forge, permit.caller(), Of::Everybody, page).await
}

/// Lists every organization, for administrators.
pub async fn list_all_organizations(
    forge: &Forge,
    permit: Permit<ListAllOrganizations>,
    page: Page,
) -> Result<Paged<Organization>> {
    list(forge, permit.caller(), Of::Everybody, page).await
}

/// Lists the organizations the caller belongs to.
pub async fn list_own_organizations(
    forge: &Forge,
    permit: Permit<ListOwnOrganizations>,
    page: Page,
) -> Result<Paged<Organization>> {
    let own = permit.caller().user_id().ok_or_else(|| Error::broken("an own list needs an account"))?;
    list(forge, permit.caller(), Of::Member(own), page).await
}

/// Lists the organizations an account belongs to, as far as the caller may see that.
pub async fn list_user_organizations(
    forge: &Forge,
    permit: Permit<ListUserOrganizations>,
    page: Page,
) -> Result<Paged<Organization>> {
    list(forge, permit.caller(), Of::Member(permit.subject().id), page).await
}

async fn list(forge: &Forge, caller: &Caller, of: Of, page: Page) -> Result<Paged<Organization>> {
    let viewer = viewer_of(caller);
    forge.read("list organizations", move |conn| Ok(db::organizations::list(conn, viewer, of, page)?)).await
}

/// Reads what a user is in an organization, and whether the user may know of it.
///
/// Errors: `NotFound` for an account that is absent or hidden, and for an organization the user may not see.
pub async fn standing_of_account(forge: &Forge, permit: Permit<ReadStanding>, user: &UserName) -> Result<Standing> {
    let user = user.clone();
    forge
        .read("read standing", move |conn| {
            let found = db::users::find_by_name(conn, &user)?.filter(|user| !user.is_organization);
            let user = found.filter(|user| may_see(permit.caller(), user, false)).ok_or_else(Error::not_found)?;
            let org = &permit.subject().organization.user;
            let is_self = permit.caller().user_id() == Some(user.id);
            if !is_self && shown_to(permit.subject()) != Shown::All {
                return Err(Error::forbidden("who may do what in an organization is for its members to know"));
            }
            let standing = if user.is_admin { Standing::EVERYTHING } else { standing_of_user(conn, user.id, org.id)? };
            let sees = standing.is_member || org.visibility != Visibility::Private;
            if sees { Ok(standing) } else { Err(Error::not_found()) }
        })
        .await
}

/// Which members of an organization a caller is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All: the caller is one of them, or administers the site.
    All,
    /// Those who show it.
    Public,
}

/// What a caller is shown of an organization's members.
pub fn shown_to(access: &OrganizationAccess) -> Shown {
    if access.standing.is_member { Shown::All } else { Shown::Public }
}

/// Lists members by login name.
pub async fn list_members(
    forge: &Forge,
    permit: Permit<ReadOrganization>,
    shown: Shown,
    page: Page,
) -> Result<Paged<User>> {
    // Whatever was asked for, nobody sees more than the standing allows.
    let only_public = shown == Shown::Public || shown_to(permit.subject()) == Shown::Public;
    let org = permit.subject().organization.user.id;
    // Members know each other; to others an account that hides stays hidden.
    let viewer = (!knows_members(permit.caller(), permit.subject())).then(|| viewer_of(permit.caller()));
    let read = move |conn: &dyn Connection| Ok(db::organizations::list_members(conn, org, only_public, viewer, page)?);
    forge.read("list members", read).await
}

/// Whether members whose accounts hide are shown to the caller.
fn knows_members(caller: &Caller, access: &OrganizationAccess) -> bool {
    !caller.is_public_only() && shown_to(access) == Shown::All
}

/// Whether a user is a member that the caller is shown.
pub async fn is_shown_member(
    forge: &Forge,
    permit: Permit<ReadOrganization>,
    name: &UserName,
    shown: Shown,
) -> Result<bool> {
    let name = name.clone();
    let only_public = shown == Shown::Public || shown_to(permit.subject()) == Shown::Public;
    let org = permit.subject().organization.user.id;
    forge
        .read("find member", move |conn| {
            let knows = knows_members(permit.caller(), permit.subject());
            let found = db::users::find_by_name(conn, &name)?;
            let Some(user) = found.filter(|user| knows || may_see(permit.caller(), user, false)) else {
                return Ok(false);
            };
            let membership = db::organizations::membership(conn, org, user.id)?;
            Ok(membership.is_some_and(|is_public| is_public || !only_public))
        })
        .await
}

/// Takes somebody out of an organization and all its teams; one who was no member is no fault.
///
/// Errors: `NotFound` when there is no such account; `Forbidden` for the last owner.
pub async fn remove_member(forge: &Forge, permit: Permit<RemoveMember>, name: &UserName) -> Result<()> {
    let name = name.clone();
    let at = forge.clock.now();
    forge
        .write("remove member", move |tx| {
            let org = permit.confirm(tx, at)?.organization.user.id;
            let user = db::users::find_by_name(tx, &name)?.ok_or_else(Error::not_found)?;
            if db::organizations::membership(tx, org, user.id)?.is_none() {
                return not_there(permit.caller(), &user);
            }
            let mut left = Vec::new();
            for team in db::teams::list_of_member(tx, org, user.id)? {
                if team.is_owners() && db::teams::count_members(tx, team.id)? == 1 {
                    return Err(Error::forbidden(LAST_OWNER));
                }
                db::teams::delete_member(tx, team.id, user.id)?;
                left.push(team.name);
            }
            db::organizations::delete_member(tx, org, user.id)?;
            invitations::withdraw_all_to(tx, permit.caller(), org, user.id, at)?;
            let event = Event::new(permit.caller().stamp(), action::MEMBER_REMOVE, member_object(org, user.id))
                .before(json!({ "login": user.name.as_str(), "teams": left }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// To take out who is not in is no fault, unless that would tell of an account that hides.
pub(super) fn not_there(caller: &Caller, user: &User) -> Result<()> {
    if may_see(caller, user, false) { Ok(()) } else { Err(Error::not_found()) }
}

/// What is said when an organization would be left without owner.
pub(super) const LAST_OWNER: &str = "the last owner cannot leave the organization's owners";

/// Shows or hides the caller's own membership.
///
/// Errors: `Forbidden` for somebody else's; `NotFound` when there is no such account.
pub async fn set_membership_shown(
    forge: &Forge,
    permit: Permit<ShowMembership>,
    name: &UserName,
    is_public: bool,
) -> Result<()> {
    let name = name.clone();
    let at = forge.clock.now();
    forge
        .write("show membership", move |tx| {
            let org = permit.confirm(tx, at)?.organization.user.id;
            let found = db::users::find_by_name(tx, &name)?.filter(|user| may_see(permit.caller(), user, false));
            let user = found.ok_or_else(Error::not_found)?;
            if permit.caller().user_id() != Some(user.id) {
                return Err(Error::forbidden(if is_public {
                    "Cannot publicize another member"
                } else {
                    "Cannot conceal another member"
                }));
            }
            // A site administrator passes the gate without being a member.
            let before = db::organizations::membership(tx, org, user.id)?.ok_or_else(Error::not_found)?;
            if before == is_public {
                return Ok(());
            }
            db::organizations::set_public(tx, org, user.id, is_public)?;
            let event = Event::new(permit.caller().stamp(), action::MEMBER_EDIT, member_object(org, user.id))
                .before(json!({ "is_public": before }))
                .after(json!({ "is_public": is_public }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// Makes an account a member because of a team, without an event of its own: the team's says it.
pub(super) fn join(tx: &dyn atomicqms_actors::sql::Connection, org: UserId, user: UserId, at: UtcMs) -> Result<()> {
    Ok(db::organizations::put_member(tx, org, user, at)?)
}

/// Ends a membership that no team carries any more.
pub(super) fn leave_if_in_no_team(tx: &dyn atomicqms_actors::sql::Connection, org: UserId, user: UserId) -> Result<()> {
    if db::teams::list_of_member(tx, org, user)?.is_empty() {
        db::organizations::delete_member(tx, org, user)?;
    }
    Ok(())
}

fn object(org: UserId) -> Object {
    Object::new("organization", org)
}

fn member_object(org: UserId, user: UserId) -> Object {
    Object::new("member", format!("{org}/{user}"))
}

#[cfg(test)]
mod tests;

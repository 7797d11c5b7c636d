//! Labels of repositories and organizations: listed, made, changed, removed.

use atomicqms_actors::sql::Connection;
use serde_json::{Value, json};

use super::{Forge, check_text};
use crate::access::action::{EditLabels, EditOrganizationLabels, ReadLabels, ReadOrganizationLabels};
use crate::access::{Action, OrganizationAccess, Permit, RepositoryAccess};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::label::{Label, LabelOwner, LabelPatch, MAX_OF_OWNER, NewLabel};
use crate::model::{Page, Paged, UtcMs};

/// Longest name. Units: characters.
const MAX_NAME: usize = 255;
/// Longest description. Units: characters.
const MAX_DESCRIPTION: usize = 1024;

/// The actions that see labels.
pub trait MayReadLabels: Action {
    /// Whose labels.
    fn owner(subject: &Self::Subject) -> LabelOwner;
}

/// The actions that change labels.
pub trait MayEditLabels: Action {
    /// Whose labels.
    fn owner(subject: &Self::Subject) -> LabelOwner;
}

impl MayReadLabels for ReadLabels {
    fn owner(subject: &RepositoryAccess) -> LabelOwner {
        LabelOwner::Repository(subject.repository.id)
    }
}

impl MayEditLabels for EditLabels {
    fn owner(subject: &RepositoryAccess) -> LabelOwner {
        LabelOwner::Repository(subject.repository.id)
    }
}

impl MayReadLabels for ReadOrganizationLabels {
    fn owner(subject: &OrganizationAccess) -> LabelOwner {
        LabelOwner::Organization(subject.organization.user.id)
    }
}

impl MayEditLabels for EditOrganizationLabels {
    fn owner(subject: &OrganizationAccess) -> LabelOwner {
        LabelOwner::Organization(subject.organization.user.id)
    }
}

/// Lists labels by name.
pub async fn list_labels<A: MayReadLabels>(forge: &Forge, permit: &Permit<A>, page: Page) -> Result<Paged<Label>> {
    let owner = A::owner(permit.subject());
    forge.read("list labels", move |conn| Ok(db::labels::list(conn, owner, page)?)).await
}

/// Finds a label.
///
/// Errors: `NotFound`.
pub async fn find_label<A: MayReadLabels>(forge: &Forge, permit: &Permit<A>, id: i64) -> Result<Label> {
    let owner = A::owner(permit.subject());
    forge.read("find label", move |conn| db::labels::find(conn, owner, id)?.ok_or_else(Error::not_found)).await
}

/// Makes a label.
///
/// Errors: `Invalid` for a name in use or a text that breaks a rule, and for too many labels.
pub async fn create_label<A: MayEditLabels>(forge: &Forge, permit: Permit<A>, new: NewLabel) -> Result<Label> {
    check(&new.name, &new.description)?;
    let at = forge.clock.now();
    forge
        .write("create label", move |tx| {
            let owner = A::owner(&permit.confirm(tx, at)?);
            let label = insert(tx, owner, &new, at)?;
            let event = event(&permit, action::LABEL_CREATE, &label).after(described(&label));
            audit::append(tx, at, &event)?;
            Ok(label)
        })
        .await
}

/// Writes the row of a label after checking that there is room for it; the event is the caller's.
fn insert(tx: &dyn Connection, owner: LabelOwner, new: &NewLabel, at: UtcMs) -> Result<Label> {
    if db::labels::count(tx, owner)? >= MAX_OF_OWNER {
        return Err(Error::invalid("name", format!("there may be at most {MAX_OF_OWNER} labels")));
    }
    check_is_free(tx, owner, &new.name, None)?;
    let id = db::labels::insert(tx, owner, new, at)?;
    db::labels::find(tx, owner, id)?.ok_or_else(|| Error::broken("a label just made is not there"))
}

/// Changes a label; nothing to change writes nothing.
///
/// Errors: `NotFound`; as [`create_label`].
pub async fn edit_label<A: MayEditLabels>(
    forge: &Forge,
    permit: Permit<A>,
    id: i64,
    patch: LabelPatch,
) -> Result<Label> {
    let at = forge.clock.now();
    forge
        .write("edit label", move |tx| {
            let owner = A::owner(&permit.confirm(tx, at)?);
            let before = db::labels::find(tx, owner, id)?.ok_or_else(Error::not_found)?;
            let after = Label {
                name: patch.name.clone().unwrap_or_else(|| before.name.clone()),
                color: patch.color.clone().unwrap_or_else(|| before.color.clone()),
                description: patch.description.clone().unwrap_or_else(|| before.description.clone()),
                is_exclusive: patch.is_exclusive.unwrap_or(before.is_exclusive),
                is_archived: patch.is_archived.unwrap_or(before.is_archived),
                ..before.clone()
            };
            if after == before {
                return Ok(before);
            }
            check(&after.name, &after.description)?;
            check_is_free(tx, owner, &after.name, Some(id))?;
            db::labels::update(tx, &after, at)?;
            let event = event(&permit, action::LABEL_EDIT, &before).before(described(&before)).after(described(&after));
            audit::append(tx, at, &event)?;
            Ok(after)
        })
        .await
}

/// Removes a label.
///
/// Errors: `NotFound`.
pub async fn delete_label<A: MayEditLabels>(forge: &Forge, permit: Permit<A>, id: i64) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("delete label", move |tx| {
            let owner = A::owner(&permit.confirm(tx, at)?);
            let label = db::labels::find(tx, owner, id)?.ok_or_else(Error::not_found)?;
            db::labels::delete(tx, label.id)?;
            let event = event(&permit, action::LABEL_DELETE, &label).before(described(&label));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

fn check(name: &str, description: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid("name", "[Name]: Required"));
    }
    check_text("name", name, MAX_NAME)?;
    check_text("description", description, MAX_DESCRIPTION)
}

fn check_is_free(conn: &dyn Connection, owner: LabelOwner, name: &str, except: Option<i64>) -> Result<()> {
    match db::labels::find_by_name(conn, owner, name)? {
        Some(other) if Some(other.id) != except => {
            Err(Error::invalid("name", format!("label already exists [name: {name}]")))
        }
        _ => Ok(()),
    }
}

fn event<A: Action>(permit: &Permit<A>, what: &'static str, label: &Label) -> Event {
    let object = match label.owner {
        LabelOwner::Repository(id) => Object::in_repository("label", id, label.id),
        LabelOwner::Organization(_) => Object::new("label", label.id),
    };
    Event::new(permit.caller().stamp(), what, object)
}

fn described(label: &Label) -> Value {
    let mut described = json!({
        "name": label.name,
        "color": label.color.as_str(),
        "description": label.description,
        "is_exclusive": label.is_exclusive,
        "is_archived": label.is_archived,
    });
    if let LabelOwner::Organization(id) = label.owner {
        described["org_id"] = json!(id);
    }
    described
}

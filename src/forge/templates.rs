//! Repositories made from a template: its files without its history, names filled in where the template asks for it.
//!
//! Owns what is taken over and the order: the repository is made, then one commit lands in it as any push does. Which files are filled in and how is in
//! [`expand`], the copy itself in [`content`]. Called by the API.
//!
//! Source: Gitea's template repositories (`.gitea/template`).

mod content;
mod expand;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_git::create::commit::Ident;
use atomicqms_git::{ObjectId, View};

use self::content::Copied;
use self::expand::{Facts, Side};
use super::Forge;
use super::first_commit::{FirstCommit, land};
use super::intake::Intake;
use super::repositories::{MayCreateRepository, create_repository, remove_unfinished};
use super::users::recorded_email;
use crate::access::action::{ReadCode, ReadLabels};
use crate::access::{self, Client, Permit};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::label::{LabelOwner, NewLabel};
use crate::model::topic::TopicName;
use crate::model::{Category, NewRepository, Repository, UtcMs};

/// Most bytes of all files of a template together. Units: bytes.
const MAX_TEMPLATE_BYTES: u64 = 64 << 20;

/// Addresses that files may be filled in with.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Where pages and clones over HTTP are, without slash at the end.
    pub root_url: String,
    /// What clone addresses over SSH begin with; none: there is no SSH server.
    pub ssh_root: Option<String>,
}

/// What a new repository takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The files of the default branch.
    pub files: bool,
    /// The topics.
    pub topics: bool,
    /// The labels, as far as the caller may see them.
    pub labels: bool,
}

/// Makes a repository from a template.
///
/// Shape: must not be cancelled half way, so callers run it as a detached task. What cannot be completed is taken back.
/// Errors: `Invalid` for a repository that is no template, is empty, is too large or has names that cannot be filled in; those of
/// [`create_repository`]; `Forbidden` for a token that may not write to repositories.
pub async fn generate_repository<A: MayCreateRepository>(
    forge: &Arc<Forge>,
    intake: &Intake,
    template: Permit<ReadCode>,
    permit: Permit<A>,
    new: NewRepository,
    wanted: Wanted,
    addresses: Addresses,
) -> Result<Repository> {
    let Wanted { files: with_files, topics: with_topics, labels: with_labels } = wanted;
    let caller = permit.caller().clone();
    let access = template.into_subject();
    let sees_labels = access::authorize_known(&caller, ReadLabels, &access).is_ok();
    let template = access.repository;
    if !template.is_template {
        return Err(Error::invalid("template_repo", "this is not a template repo"));
    }
    if with_files && caller.scopes().is_some_and(|scopes| !scopes.may_write(Category::Repository)) {
        return Err(Error::forbidden("the files of a template need a token with the scope write:repository"));
    }
    if with_files && template.is_empty {
        return Err(Error::invalid("template_repo", "the template has no files yet"));
    }
    let branch = new.default_branch.clone().unwrap_or_else(|| template.default_branch.clone());
    let id = template.id;
    let topics = match with_topics {
        true => forge.read("list topics", move |conn| Ok(db::topics::of_repository(conn, id)?)).await?,
        false => Vec::new(),
    };
    let labels = match with_labels && sees_labels {
        true => {
            forge.read("list labels", move |conn| Ok(db::labels::all_of(conn, LabelOwner::Repository(id))?)).await?
        }
        false => Vec::new(),
    };
    let new = NewRepository {
        labels: labels.into_iter().map(NewLabel::from).collect(),
        topics: topics.iter().filter_map(|name| TopicName::parse(name)).collect(),
        default_branch: Some(branch),
        generated_from: Some(template.full_name()),
        auto_init: false,
        ..new
    };
    let source = forge.open(&template).await?.view();
    let made = create_repository(forge, permit, new).await?;
    if !with_files {
        return Ok(made);
    }
    let filled = fill(forge, intake, &caller, &template, source, &made, addresses).await;
    if let Err(error) = filled {
        if let Err(kept) =
            remove_unfinished(forge, caller, made.clone(), "its files could not be made from the template").await
        {
            tracing::warn!(repo.id = made.id.get(), error = %kept.log_line(), "a repository without the files of its template stays");
        }
        return Err(error);
    }
    let id = made.id;
    forge.read("read repository", move |conn| db::repositories::find(conn, id)?.ok_or_else(Error::not_found)).await
}

async fn fill(
    forge: &Forge,
    intake: &Intake,
    caller: &crate::access::Caller,
    template: &Repository,
    source: Arc<View>,
    made: &Repository,
    addresses: Addresses,
) -> Result<()> {
    let author = caller.user().ok_or_else(|| Error::broken("a first commit needs an account as its author"))?;
    let now = forge.clock.now();
    let ident = Ident::new(author.name_to_show(), &recorded_email(forge, author), now.get().div_euclid(1000), 0)?;
    let tip = default_tip(&source, template)?;
    let target = forge.open(made).await?.view();
    let facts = Facts { repository: side(made, &addresses), template: side(template, &addresses), date: date_of(now) };
    let place = intake.receive(Client::of(caller)).await?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let alarm = intake.interrupt_after_timeout(&interrupt);
    let work = tokio::task::spawn_blocking(move || {
        let _kept = (place, alarm);
        let copied = content::copy(&source, &tip, &target, &facts, MAX_TEMPLATE_BYTES, &interrupt)?;
        copied.commit(&ident, &interrupt)
    });
    let Copied { commit, pack } = work.await.map_err(Error::internal)?.map_err(told)?;
    land(forge, intake, caller, made, FirstCommit { commit, pack }).await
}

/// What the caller may read about a template that cannot be used.
fn told(error: atomicqms_git::Error) -> Error {
    match error {
        atomicqms_git::Error::TooLarge { .. } => {
            Error::new(Kind::Invalid, format!("the template is too large: {error}")).with_source(error)
        }
        error => error.into(),
    }
}

fn default_tip(view: &View, template: &Repository) -> Result<ObjectId> {
    let name = format!("refs/heads/{}", template.default_branch);
    let found = view.refs.get(&name).map(|entry| entry.target);
    found.ok_or_else(|| Error::invalid("template_repo", "the template has no default branch"))
}

fn side(repository: &Repository, addresses: &Addresses) -> Side {
    let full_name = repository.full_name();
    Side {
        name: repository.name.as_str().to_owned(),
        owner: repository.owner.as_str().to_owned(),
        description: repository.description.clone(),
        link: format!("{}/{full_name}", addresses.root_url),
        https_url: format!("{}/{full_name}.git", addresses.root_url),
        ssh_url: addresses.ssh_root.as_ref().map_or_else(String::new, |root| format!("{root}{full_name}.git")),
    }
}

fn date_of(now: UtcMs) -> expand::Date {
    let text = now.rfc3339_ms();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    expand::Date { year: part(0..4), month: part(5..7), day: part(8..10) }
}

#[cfg(test)]
mod tests;

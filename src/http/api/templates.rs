//! Repositories made from a template.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{GenerateRepoOption, RepositoryJson};
use super::lookup::{self, Answer};
use super::{repositories, validate};
use crate::access::{Caller, Permit, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::repositories::MayCreateRepository;
use crate::forge::templates::{Addresses, Wanted, generate_repository};
use crate::http::App;
use crate::http::extract::Body;
use crate::model::{Repository, UserName};

/// `generateRepo`.
pub async fn generate_repo(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<GenerateRepoOption>,
) -> Answer<(StatusCode, Json<RepositoryJson>)> {
    let template = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?;
    let own = caller.account()?.name.clone();
    let option = body.read(&app, &template).await?;
    validate::required("Owner", &option.owner)?;
    let owner = UserName::parse(option.owner.trim()).map_err(|_| no_owner(&option.owner))?;
    let made = if owner == own {
        let permit = app.forge.authorize(&caller, action::CreateRepository, &own).await?;
        generate(&app, template, permit, option).await?
    } else if let Ok(permit) = app.forge.authorize(&caller, action::CreateOrganizationRepository, &owner).await {
        generate(&app, template, permit, option).await?
    } else if caller.is_site_admin() {
        let permit = app.forge.authorize(&caller, action::CreateRepositoryFor, &owner).await?;
        generate(&app, template, permit, option).await?
    } else {
        // The refusal says what is missing for an organization, and as much for a name that nobody has.
        app.forge.authorize(&caller, action::CreateOrganizationRepository, &owner).await?;
        return Err(no_owner(owner.as_str()).into());
    };
    Ok((StatusCode::CREATED, Json(repositories::render_fresh(&app, &caller, made).await?)))
}

fn no_owner(name: &str) -> Error {
    Error::new(crate::error::Kind::NotFound, format!("user does not exist [name: {name}]"))
}

/// Detached: a client that goes away must not leave a repository without its files.
async fn generate<A: MayCreateRepository>(
    app: &App,
    template: Permit<action::ReadCode>,
    permit: Permit<A>,
    option: GenerateRepoOption,
) -> Result<Repository> {
    let wanted = Wanted { files: option.git_content, topics: option.topics, labels: option.labels };
    let new = validate::generated_repository(option)?;
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let addresses = Addresses {
        root_url: app.root_url.trim_end_matches('/').to_owned(),
        ssh_root: app.ssh_root.as_deref().map(str::to_owned),
    };
    let made = app
        .work
        .spawn(async move { generate_repository(&forge, &intake, template, permit, new, wanted, addresses).await });
    made.await.map_err(Error::internal)?
}

//! What comes with the server for new repositories: templates of `.gitignore`, licences, sets of labels.

use axum::Json;
use axum::extract::State;

use super::json::{GitignoreTemplateJson, LabelTemplateJson, LicenseTemplateEntryJson, LicenseTemplateJson};
use super::urls::Urls;
use crate::access::{Caller, action};
use crate::bundled::licenses::{LICENSES, License};
use crate::bundled::{gitignores, label_sets};
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::extract::PathParam;

/// `listGitignoresTemplates`.
pub async fn list_gitignores_templates(State(app): State<App>, caller: Caller) -> Result<Json<Vec<&'static str>>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    Ok(Json(gitignores::names().collect()))
}

/// `getGitignoreTemplateInfo`.
pub async fn get_gitignore_template_info(
    State(app): State<App>,
    caller: Caller,
    PathParam(name): PathParam,
) -> Result<Json<GitignoreTemplateJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    let source = gitignores::find(&name).ok_or_else(Error::not_found)?;
    Ok(Json(GitignoreTemplateJson { name, source }))
}

/// `listLicenseTemplates`.
pub async fn list_license_templates(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<LicenseTemplateEntryJson>>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    let urls = Urls::new(&app.root_url);
    let entry = |license: &License| LicenseTemplateEntryJson {
        key: license.key,
        name: license.name,
        url: urls.api_license(license.key),
    };
    Ok(Json(LICENSES.iter().map(entry).collect()))
}

/// `getLicenseTemplateInfo`.
pub async fn get_license_template_info(
    State(app): State<App>,
    caller: Caller,
    PathParam(key): PathParam,
) -> Result<Json<LicenseTemplateJson>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    let license = License::find(&key).ok_or_else(Error::not_found)?;
    Ok(Json(LicenseTemplateJson {
        key: license.key,
        name: license.name,
        url: Urls::new(&app.root_url).api_license(license.key),
        implementation: "Create a text file (typically named LICENSE or LICENSE.txt) in the root of your source code and copy the \
                         text of the license into the file",
        body: license.body,
    }))
}

/// `listLabelTemplates`.
pub async fn list_label_templates(State(app): State<App>, caller: Caller) -> Result<Json<Vec<&'static str>>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    Ok(Json(label_sets::names().collect()))
}

/// `getLabelTemplateInfo`.
pub async fn get_label_template_info(
    State(app): State<App>,
    caller: Caller,
    PathParam(name): PathParam,
) -> Result<Json<Vec<LabelTemplateJson>>> {
    app.forge.authorize(&caller, action::ReadServer, &()).await?;
    let labels = label_sets::find(&name).ok_or_else(Error::not_found)?;
    let shown = labels.into_iter().map(|label| LabelTemplateJson {
        color: label.color.as_str().to_owned(),
        name: label.name,
        description: label.description,
        exclusive: label.is_exclusive,
    });
    Ok(Json(shown.collect()))
}

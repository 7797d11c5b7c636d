//! The specification itself: Swagger 2.0, in the dialect of Gitea's, so that the same tools read it.
//!
//! Owns how what handlers and routes say becomes a document. Called once, at the first request for it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::declared::{BodyVariant, Form, Operation, Query};
use super::schema::Schemas;
use super::told::{JSON, Told};
use crate::http::api::json::ErrorJson;
use crate::http::api::renames::is_about_an_account;
use crate::http::router::Route;

/// What paths of operations begin with; the specification leaves it out.
const PREFIX: &str = "/api/v1";
/// Statuses that any operation may answer, and that are named once for all.
pub const ANY_FAILURE: [u16; 3] = [429, 500, 503];
/// Failures by status: their name in the document and what they mean.
const FAILURES: &[(u16, &str, &str)] = &[
    (307, "redirect", "What is named has another name now: the same request belongs to the address in Location"),
    (400, "error", "The request cannot be understood"),
    (401, "unauthorized", "Credentials are missing or wrong"),
    (403, "forbidden", "The caller may not do this"),
    (404, "notFound", "It does not exist, or the caller may not know that it does"),
    (405, "notAllowed", "This cannot be done with things of this kind"),
    (409, "conflict", "A name is taken, or the state is not the expected one"),
    (413, "tooLarge", "The request is larger than this server allows"),
    (422, "validationError", "A field breaks a rule, named in the message"),
    (423, "repoArchivedError", "The repository is archived"),
];
/// What parameters of paths mean.
const PATH_PARAMETERS: &[(&str, &str)] = &[
    ("archive", "branch, tag or commit with .zip, .tar.gz or .bundle at its end"),
    ("assignee", "name of an account"),
    ("attachment_id", "id of the attached file"),
    ("invitation", "id of the invitation"),
    ("basehead", "two revisions as base...head or base..head"),
    ("branch", "name of the branch"),
    ("collaborator", "name of the account"),
    ("target", "name of the other account"),
    ("filepath", "path of the file or directory"),
    ("id", "id"),
    ("name", "name"),
    ("org", "name of the organization"),
    ("owner", "name of the account that owns the repository"),
    ("ref", "branch, tag or commit; for git refs the name, or what it begins with, below refs/"),
    ("repo", "name of the repository"),
    ("sha", "id of an object, or a revision"),
    ("tag", "name of the tag"),
    ("team", "name of the team"),
    ("template_owner", "name of the account that owns the template"),
    ("template_repo", "name of the template"),
    ("token", "id of the token, or else its name"),
    ("topic", "the topic"),
    ("username", "name of the account"),
];

/// Writes the document of some routes, for clients that reach the API at `base_path`.
pub fn write(routes: &[Route], base_path: &str) -> Value {
    let mut schemas = Schemas::default();
    schemas.of_answer::<ErrorJson>();
    let mut paths = Map::new();
    let mut variants = Vec::new();
    for route in routes {
        let Some(operation) = &route.operation else { continue };
        let path = shown_path(route.info.path, operation.renamed);
        let mut told = Told::default();
        (operation.tell)(&mut told, &mut schemas);
        if is_about_an_account(route.info.path) {
            told.failures.insert(307);
        }
        if let (Some(variant), Some((schema, _))) = (operation.body_variant, &mut told.body) {
            variants.push((name_of(schema), variant));
            *schema = reference(variant.name);
        }
        let written = write_operation(route, operation, &told, &path);
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_ascii_lowercase()] = written;
    }
    let mut definitions = schemas.into_definitions();
    let own: Vec<_> = variants.iter().map(|(shared, variant)| write_variant(&definitions, shared, variant)).collect();
    definitions.extend(own);
    require_bodies(&mut paths, &definitions);
    json!({
        "swagger": "2.0",
        "info": {
            "title": "AtomicQMS API",
            "description": "The API of this server, in the dialect of Gitea 1.27.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "basePath": base_path,
        "schemes": ["https", "http"],
        "consumes": JSON,
        "produces": JSON,
        "paths": paths,
        "definitions": definitions,
        "responses": write_failures(),
        "securityDefinitions": write_security(),
        "security": SECURITY.iter().map(|(name, ..)| json!({ *name: [] })).collect::<Vec<_>>(),
    })
}

/// A body whose definition requires fields has to be there itself.
fn require_bodies(paths: &mut Map<String, Value>, definitions: &Map<String, Value>) {
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut());
    let parameters = operations.filter_map(|operation| operation["parameters"].as_array_mut()).flatten();
    for body in parameters.filter(|parameter| parameter["in"] == "body") {
        let definition = definitions.get(&name_of(&body["schema"]));
        if definition.is_some_and(|definition| definition.get("required").is_some()) {
            body["required"] = true.into();
        }
    }
}

fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

/// The definition that a schema refers to.
fn name_of(schema: &Value) -> String {
    schema["$ref"].as_str().and_then(|link| link.rsplit('/').next()).unwrap_or_default().to_owned()
}

/// The definition of an operation of its own, out of the one that its type serves.
fn write_variant(definitions: &Map<String, Value>, shared: &str, variant: &BodyVariant) -> (String, Value) {
    let mut own = definitions.get(shared).cloned().unwrap_or_default();
    match (variant.required, own.as_object_mut()) {
        ([], Some(own)) => drop(own.remove("required")),
        (names, _) => own["required"] = json!(names),
    }
    if let Some(properties) = own["properties"].as_object_mut() {
        properties.retain(|name, _| !variant.without.contains(&name.as_str()));
    }
    (variant.name.to_owned(), own)
}

/// The path as the specification has it: without the prefix, every parameter in braces.
pub fn shown_path(path: &str, renamed: &[(&str, &str)]) -> String {
    let mut shown = path.strip_prefix(PREFIX).unwrap_or(path).replace("{*", "{");
    for (ours, theirs) in renamed {
        shown = shown.replace(&format!("{{{ours}}}"), &format!("{{{theirs}}}"));
    }
    shown
}

/// The group of an operation that is not in another.
fn tag_of(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "admin" => "admin",
        "orgs" | "teams" => "organization",
        "repos" | "repositories" | "topics" => "repository",
        "settings" => "settings",
        "user" | "users" => "user",
        _ => "miscellaneous",
    }
}

fn write_operation(route: &Route, operation: &Operation, told: &Told, path: &str) -> Value {
    let mut written = Map::new();
    let tags = operation.tags.map_or_else(|| vec![tag_of(path)], <[_]>::to_vec);
    written.insert("tags".into(), json!(tags));
    written.insert("summary".into(), operation.summary.into());
    written.insert("operationId".into(), route.info.operation.into());
    written.insert("parameters".into(), write_parameters(route, operation, told, path));
    let mut media = told.media.to_vec();
    media.extend(operation.media);
    if media != JSON && !media.is_empty() {
        written.insert("produces".into(), json!(media));
    }
    if told.is_upload {
        written.insert("consumes".into(), json!(["multipart/form-data", "application/octet-stream"]));
    } else if let Some((_, media)) = &told.body
        && *media != JSON
    {
        written.insert("consumes".into(), json!(media));
    }
    written.insert("responses".into(), write_responses(operation, told));
    Value::Object(written)
}

fn write_parameters(route: &Route, operation: &Operation, told: &Told, path: &str) -> Value {
    let mut parameters = Vec::new();
    for part in path.split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            parameters.push(write_path_parameter(name));
        }
    }
    parameters.extend(route.info.queries.iter().copied().flatten().map(write_query));
    if told.is_paged {
        parameters.push(write_query(&Query::number("page", "page number of results to return (1-based)")));
        parameters.push(write_query(&Query::number("limit", "page size of results")));
    }
    if told.is_upload {
        parameters.push(json!({
            "name": "attachment", "in": "formData", "type": "file", "description": "the file; or its bytes are the whole body",
        }));
    } else if let Some((schema, _)) = &told.body {
        parameters.push(json!({ "name": operation.body_name, "in": "body", "schema": schema }));
    }
    Value::Array(parameters)
}

fn write_path_parameter(name: &str) -> Value {
    let about = PATH_PARAMETERS.iter().find(|(known, _)| *known == name).map_or("", |(_, about)| about);
    let mut written = json!({ "name": name, "in": "path", "required": true, "type": "string", "description": about });
    if name == "id" || name.ends_with("_id") {
        written["type"] = "integer".into();
        written["format"] = "int64".into();
    }
    written
}

fn write_query(query: &Query) -> Value {
    let mut written = json!({ "name": query.name, "in": "query", "description": query.about });
    let (kind, format) = match query.form {
        Form::Text => ("string", None),
        Form::Date => ("string", Some("date-time")),
        Form::Number => ("integer", Some("int64")),
        Form::Switch => ("boolean", None),
        Form::Texts => ("array", None),
    };
    written["type"] = kind.into();
    if let Some(format) = format {
        written["format"] = format.into();
    }
    if query.form == Form::Texts {
        written["items"] = json!({ "type": "string" });
        written["collectionFormat"] = "multi".into();
    }
    if !query.choices.is_empty() {
        written["enum"] = json!(query.choices);
    }
    if query.is_required {
        written["required"] = true.into();
    }
    written
}

fn write_responses(operation: &Operation, told: &Told) -> Value {
    let mut written = Map::new();
    let successes = operation.successes.unwrap_or(&told.successes);
    for status in successes {
        let reason = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
        let mut response = json!({ "description": reason.unwrap_or_default() });
        // A status that says that nothing comes has no schema.
        if let Some(schema) = told.answer.as_ref().filter(|_| (200..204).contains(status) || *status == 206) {
            response["schema"] = schema.clone();
        }
        if told.is_paged {
            response["headers"] = json!({
                "X-Total-Count": { "type": "integer", "format": "int64", "description": "rows on all pages" },
                "Link": { "type": "string", "description": "addresses of the next, last, first and previous page" },
            });
        }
        written.insert(status.to_string(), response);
    }
    for status in told.failures.iter().chain(operation.failures).filter(|status| !successes.contains(status)) {
        let name = FAILURES.iter().find(|(known, ..)| known == status).map_or("error", |(_, name, _)| name);
        written.insert(status.to_string(), json!({ "$ref": format!("#/responses/{name}") }));
    }
    written.insert("default".into(), json!({ "$ref": "#/responses/failure" }));
    Value::Object(written)
}

fn write_failures() -> Value {
    let error = reference("APIError");
    let mut written = Map::new();
    for (status, name, about) in FAILURES {
        let response = match status {
            307 => json!({ "description": about, "headers": { "Location": { "type": "string" } } }),
            _ => json!({ "description": about, "schema": error }),
        };
        written.insert((*name).into(), response);
    }
    let about = "Too many attempts (429), a fault of the server (500), or it is busy (503)";
    written.insert("failure".into(), json!({ "description": about, "schema": error }));
    Value::Object(written)
}

/// How a caller says who it is, as Gitea names it: the name, where it stands, what it is called there, and a word about it.
const SECURITY: &[(&str, &str, &str, &str)] = &[
    ("BasicAuth", "", "", "Name and password, or a token instead of the password"),
    ("Token", "query", "token", "Deprecated: addresses end up in logs"),
    ("AccessToken", "query", "access_token", "Deprecated: addresses end up in logs"),
    ("AuthorizationHeaderToken", "header", "Authorization", "The word token, a space and the token"),
    ("SudoParam", "query", "sudo", "For site administrators: the account to act as"),
    ("SudoHeader", "header", "Sudo", "For site administrators: the account to act as"),
];

fn write_security() -> Value {
    let write = |(name, place, called, about): &(&str, &str, &str, &str)| {
        let written = match *place {
            "" => json!({ "type": "basic", "description": about }),
            place => json!({ "type": "apiKey", "in": place, "name": called, "description": about }),
        };
        ((*name).to_owned(), written)
    };
    SECURITY.iter().map(write).collect::<Map<_, _>>().into()
}

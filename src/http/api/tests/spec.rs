//! The specification against Gitea's: whatever Gitea declares of an operation that is implemented here is declared here, too, but for what stands in [`LEFT_OUT`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Api;
use super::declared::{DOCUMENT, definition_of};
use crate::http::api::OWN_OPERATIONS;

/// What Gitea declares and is deliberately not declared here: the operation or definition, its parameters, statuses, answers or fields, and why.
/// The same stands in docs/api.md.
const LEFT_OUT: &[(&str, &[&str], &str)] = &[
    ("adminSearchUsers", &["query is_2fa_enabled"], "there is no second factor"),
    ("adminSearchUsers", &["query login_name", "query source_id"], "accounts come from no other source"),
    ("getUserSettings", &["answer 200"], "Gitea, too, answers one, not a list of them"),
    ("updateUserSettings", &["answer 200"], "Gitea, too, answers one, not a list of them"),
    ("orgDeleteRepos", &["202"], "they are deleted when it is answered"),
    ("orgListCurrentUserOrgs", &["404"], "nothing is named that could be absent"),
    ("repoCheckAssignee", &["400"], "a name that nobody can have is answered like one that nobody has"),
    ("repoCreateTag", &["200"], "Gitea answers 201, too"),
    ("repoDeleteFile", &["answer 200"], "FileResponse says the same; its content is null"),
    ("repoGetArchive", &["produces"], "an archive is no JSON"),
    ("repoGetCombinedStatusByRef", &["400"], "there is nothing in it that could not be understood"),
    ("repoSearch", &["query priority_owner_id"], "nobody's repositories come first"),
    ("topicSearch", &["404"], "nothing is named that could be absent"),
    ("topicSearch", &["answer 200"], "Gitea, too, answers an object around the list"),
    (
        "EditRepoOption",
        &[
            "allow_fast_forward_only_merge",
            "allow_manual_merge",
            "allow_merge_commits",
            "allow_merge_update",
            "allow_rebase",
            "allow_rebase_explicit",
            "allow_rebase_update",
            "allow_squash_merge",
            "autodetect_manual_merge",
            "default_allow_maintainer_edit",
            "default_delete_branch_after_merge",
            "default_merge_style",
            "default_update_style",
            "ignore_whitespace_conflicts",
        ],
        "there are no pull requests yet: ignored",
    ),
    ("EditRepoOption", &["external_tracker", "external_wiki"], "there are no outside services: ignored"),
    ("EditRepoOption", &["internal_tracker", "projects_mode"], "there are no issues and projects yet: ignored"),
    ("Repository", &["external_tracker", "external_wiki", "repo_transfer"], "never there, so of no type"),
];

fn gitea() -> Value {
    serde_json::from_str(include_str!("../../../../tests/spec/gitea-operations.json")).expect("the extract is JSON")
}

/// Every operation of our document with its method and path.
fn operations() -> Vec<(String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let methods =
        paths.iter().flat_map(|(path, methods)| methods.as_object().unwrap().iter().map(move |one| (path, one)));
    methods.map(|(path, (method, told))| (format!("{} {path}", method.to_ascii_uppercase()), told)).collect()
}

/// A schema as the extract writes it.
fn short(schema: &Value) -> String {
    if let Some(link) = schema["$ref"].as_str() {
        return format!("#{}", link.rsplit('/').next().unwrap());
    }
    match schema["type"].as_str().unwrap_or("any") {
        "array" => format!("[{}]", short(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("{{{}}}", short(&schema["additionalProperties"]))
        }
        kind => schema["format"].as_str().map_or_else(|| kind.to_owned(), |format| format!("{kind}/{format}")),
    }
}

/// Whether values of our schema are what Gitea's allows. Sizes of numbers and choices are not compared; what Gitea calls an address may be empty or none.
fn is_same(ours: &str, theirs: &str) -> bool {
    let plain = |text: &str| {
        let (kind, choices) = text.split_once('=').unwrap_or((text, ""));
        let kind = if choices.ends_with(']') { format!("{kind}]") } else { kind.to_owned() };
        kind.trim_end_matches("/int64").trim_end_matches("/uint64").trim_end_matches("/email").to_owned()
    };
    plain(ours) == plain(theirs) || theirs == "any" || (ours == "string/date-time" && theirs == "string")
}

#[test]
fn the_specification_is_a_superset_of_giteas() {
    let gitea = gitea();
    let mut faults = BTreeSet::new();
    let mut definitions = BTreeMap::new();
    for (at, ours) in operations() {
        let name = ours["operationId"].as_str().unwrap();
        if OWN_OPERATIONS.contains(&name) {
            continue;
        }
        let theirs = &gitea["operations"][name];
        let mut fault = |what: String, why: String| faults.insert((name.to_owned(), what, why));
        if theirs.is_null() {
            fault("operation".into(), "Gitea has none of this name".into());
            continue;
        }
        if theirs["at"] != at {
            fault("path".into(), format!("{at} instead of {}", theirs["at"]));
        }
        if theirs["tags"] != ours["tags"] {
            fault("tags".into(), format!("{} instead of {}", ours["tags"], theirs["tags"]));
        }
        if ours["summary"] == "" {
            fault("summary".into(), "say it with .about()".into());
        }
        for media in theirs["produces"].as_array().unwrap() {
            let produces = if ours["produces"].is_null() { &DOCUMENT["produces"] } else { &ours["produces"] };
            if !produces.as_array().unwrap().contains(media) {
                fault("produces".into(), format!("lacks {media}"));
            }
        }
        let parameters: BTreeMap<String, &Value> = ours["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|given| (format!("{} {}", given["in"].as_str().unwrap(), given["name"].as_str().unwrap()), given))
            .collect();
        for (parameter, kind) in theirs["parameters"].as_object().unwrap() {
            let kind = kind.as_str().unwrap().trim_end_matches(" !");
            let Some(given) = parameters.get(parameter) else {
                fault(parameter.clone(), "is missing".into());
                continue;
            };
            let own = short(if given["schema"].is_null() { given } else { &given["schema"] });
            if !is_same(&own, kind) {
                fault(parameter.clone(), format!("{own} instead of {kind}"));
            } else if let Some(definition) = own.strip_prefix('#') {
                definitions.insert(definition.to_owned(), parameter.starts_with("body"));
            }
        }
        for (status, schema) in theirs["answers"].as_object().unwrap() {
            let answer = &ours["responses"][status];
            if answer.is_null() {
                fault(status.clone(), "is missing".into());
                continue;
            }
            let own = short(&answer["schema"]);
            match schema {
                Value::String(kind) if kind.is_empty() || kind == "#APIError" => {}
                Value::String(kind) if !is_same(&own, kind) => {
                    fault(format!("answer {status}"), format!("{own} instead of {kind}"));
                }
                Value::String(_) => {
                    let used = own.trim_start_matches(['[', '#']).trim_end_matches(']');
                    definitions.entry(used.to_owned()).or_insert(false);
                }
                fields => {
                    let own = definition_of(&answer["schema"]);
                    for (field, kind) in fields.as_object().unwrap() {
                        if !is_same(&short(&own["properties"][field]), kind.as_str().unwrap()) {
                            fault(format!("answer {status}"), format!("lacks {field}"));
                        }
                    }
                }
            }
        }
    }
    compare_definitions(&gitea, definitions, &mut faults);
    let left_out = || LEFT_OUT.iter().flat_map(|(at, what, _)| what.iter().map(move |what| (*at, *what)));
    let known: BTreeSet<_> = left_out().collect();
    assert_eq!(known.len(), left_out().count(), "something stands twice in LEFT_OUT");
    let found: BTreeSet<_> = faults.iter().map(|(operation, what, _)| (operation.as_str(), what.as_str())).collect();
    let new: Vec<_> = faults.iter().filter(|(operation, what, _)| !known.contains(&(operation, what))).collect();
    assert!(
        new.is_empty(),
        "{} differences:\n{}",
        new.len(),
        new.iter().map(|fault| format!("{fault:?}\n")).collect::<String>()
    );
    let stale: Vec<_> = known.difference(&found).collect();
    assert!(stale.is_empty(), "no longer left out: {stale:?}");
}

/// Every field of Gitea's definition is in ours, in the same type, and what Gitea requires of a body is all that we require; all the way down.
fn compare_definitions(
    gitea: &Value,
    mut waiting: BTreeMap<String, bool>,
    faults: &mut BTreeSet<(String, String, String)>,
) {
    let mut seen = BTreeSet::new();
    while let Some((name, is_body)) = waiting.pop_first() {
        let (theirs, ours) = (&gitea["definitions"][&name], &DOCUMENT["definitions"][&name]);
        if theirs.is_null() || !seen.insert(name.clone()) {
            continue;
        }
        let required = |definition: &Value| definition["required"].as_array().cloned().unwrap_or_default();
        for field in required(ours).iter().filter(|field| is_body && !required(theirs).contains(field)) {
            faults.insert((name.clone(), field.to_string(), "is required here and not by Gitea".into()));
        }
        for (field, kind) in theirs["properties"].as_object().unwrap() {
            let (property, kind) = (&ours["properties"][field], kind.as_str().unwrap_or("any"));
            let own = short(property);
            if property.is_null() {
                faults.insert((name.clone(), field.clone(), "is missing".into()));
            } else if !is_same(&own, kind) {
                faults.insert((name.clone(), field.clone(), format!("{own} instead of {kind}")));
            } else {
                let used = own.trim_start_matches(['[', '#', '{']).trim_end_matches([']', '}']);
                waiting.entry(used.to_owned()).or_insert(is_body);
            }
        }
    }
}

#[test]
fn the_document_is_complete_in_itself() {
    let text = DOCUMENT.to_string();
    for link in text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(DOCUMENT.pointer(link.trim_start_matches('#')).is_some(), "{link} leads nowhere");
    }
    let gitea = gitea();
    let own = ["Mirror", "TeamSearchResults", "TopicSearchResults", "UserSearchResults", "VerifyGPGKeyOption"];
    let begins = ["Blame", "CodeSearch", "CommitActivity", "Contributor", "CreateTeamInvitation", "TeamInvitation"];
    let is_own = |name: &str| own.contains(&name) || begins.iter().any(|begin| name.starts_with(begin));
    for (name, definition) in DOCUMENT["definitions"].as_object().unwrap() {
        assert!(!gitea["definitions"][name].is_null() || is_own(name), "{name} is no name of Gitea's");
        // Gitea gives a name to one list.
        let kind = if name == "IssueTemplateStringSlice" { "array" } else { "object" };
        assert_eq!(definition["type"], kind, "{name}");
        for field in definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(!definition["properties"][field].is_null(), "{name} requires {field}, which it has not");
        }
        for word in ["anyOf", "oneOf", "allOf", "const", "null"] {
            assert!(
                !definition.to_string().contains(&format!("\"{word}\"")),
                "{name} has {word}, which Swagger 2.0 has not"
            );
        }
    }
    for (at, operation) in operations() {
        let parameters = operation["parameters"].as_array().unwrap();
        let names: BTreeSet<_> =
            parameters.iter().map(|one| (one["in"].to_string(), one["name"].to_string())).collect();
        assert_eq!(names.len(), parameters.len(), "{at} names a parameter twice");
        for one in parameters.iter().filter(|one| one["in"] != "body") {
            assert_ne!(one["description"], "", "{at}: {} has no description", one["name"]);
        }
        let is_success = |status: &String| status.starts_with('2');
        assert!(operation["responses"].as_object().unwrap().keys().any(is_success), "{at} never succeeds");
    }
}

#[tokio::test]
async fn both_forms_are_served_with_validators() {
    let api = Api::start().await;
    let json = api.page("GET", "/swagger.v1.json", "", &[]).await;
    assert_eq!((json.status(), json.header("content-type").as_str()), (200, "application/json"));
    assert_eq!(json.json, *DOCUMENT);
    assert_eq!(json.json["info"]["version"], env!("CARGO_PKG_VERSION"));
    let page = api.page("GET", "/api/swagger", "", &[]).await;
    assert_eq!((page.status(), page.header("content-type").as_str()), (200, "text/html; charset=utf-8"));
    for (at, operation) in operations() {
        assert!(page.text().contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())), "{at}");
    }
    assert!(page.text().contains("swagger.v1.json") && !page.text().contains("<script"));
    for (path, answer) in [("/swagger.v1.json", json), ("/api/swagger", page)] {
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        let known = api.page("GET", path, "", &[("if-none-match", &answer.header("etag"))]).await;
        assert_eq!((known.status(), known.text(), known.header("etag")), (304, "", answer.header("etag")));
    }
    api.finish().await;
}

#[test]
fn the_api_is_found_below_the_root_url() {
    for (root, expected) in
        [("http://h/", "/api/v1"), ("https://h:3000/", "/api/v1"), ("https://h/qms/", "/qms/api/v1")]
    {
        assert_eq!(crate::http::api::spec::base_path(root), expected);
    }
}

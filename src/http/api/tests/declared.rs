//! Holds answers against the specification of the API: the status is declared, the body fits its schema, and nothing is in it that is not declared.
//!
//! Every answer that the tests of the API get passes through here.

use std::sync::LazyLock;

use serde_json::Value;

use crate::http::api::routes;
use crate::http::api::spec::document::{ANY_FAILURE, shown_path, write};

/// The specification, once for all tests.
pub(super) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| write(&routes(), "/api/v1"));

/// Patterns of paths, as the router and as the specification write them.
static PATHS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let shown = |route: &crate::http::router::Route| {
        let renamed = route.operation.as_ref().map_or(&[][..], |operation| operation.renamed);
        (route.info.path.trim_start_matches("/api/v1").to_owned(), shown_path(route.info.path, renamed))
    };
    routes().iter().map(shown).collect()
});

/// One question and its answer.
pub(super) struct Exchange<'a> {
    pub(super) method: &'a str,
    /// Path below `/api/v1`, with the query.
    pub(super) path: &'a str,
    /// Body of the question, if it is JSON.
    pub(super) body: Option<&'a Value>,
    /// An administrator asked for somebody else, who may not exist.
    pub(super) is_sudo: bool,
    pub(super) status: u16,
    pub(super) content_type: &'a str,
    pub(super) text: &'a str,
}

/// Fails for an answer that is not as declared. A path or method that is not in the table has nothing to say.
pub(super) fn check(exchange: &Exchange<'_>) {
    let path = exchange.path.split('?').next().unwrap_or_default();
    let asked = format!("{} {path}", exchange.method);
    let Some((_, shown)) = PATHS.iter().filter_map(|(pattern, shown)| Some((rank(pattern, path)?, shown))).min() else {
        return;
    };
    let method = if exchange.method == "HEAD" { "get".to_owned() } else { exchange.method.to_ascii_lowercase() };
    let operation = &DOCUMENT["paths"][shown][method];
    if operation.is_null() {
        return;
    }
    let name = operation["operationId"].as_str().expect("an operation has a name");
    let at = format!("{name}, {asked}, {}", exchange.status);
    let declared = &operation["responses"][exchange.status.to_string()];
    let is_general = ANY_FAILURE.contains(&exchange.status) || (exchange.is_sudo && exchange.status == 404);
    assert!(!declared.is_null() || is_general, "{at}: the status is not declared: {}", exchange.text);
    let response = resolve(if declared.is_null() { &operation["responses"]["default"] } else { declared });
    if exchange.method != "HEAD" {
        check_body(&at, exchange, operation, response);
    }
    if (200..300).contains(&exchange.status)
        && let Some(body) = exchange.body
    {
        check_question(&at, operation, body);
    }
}

fn check_body(at: &str, exchange: &Exchange<'_>, operation: &Value, response: &Value) {
    let schema = &response["schema"];
    let essence = exchange.content_type.split(';').next().unwrap_or_default();
    if schema.is_null() {
        assert_eq!(exchange.text, "", "{at}: no body is declared");
        return;
    }
    if exchange.status < 300 {
        let produces = if operation["produces"].is_null() { &DOCUMENT["produces"] } else { &operation["produces"] };
        let is_known = produces.as_array().is_some_and(|media| media.iter().any(|media| media == essence));
        assert!(is_known || schema["type"] == "file", "{at}: {essence} is not declared");
    }
    if essence == "application/json" && schema["type"] != "file" {
        let body = serde_json::from_str(exchange.text).unwrap_or_else(|fault| panic!("{at}: no JSON: {fault}"));
        fits(at, schema, &body);
    }
}

/// What was accepted has all that is declared to be required, in the declared types.
fn check_question(at: &str, operation: &Value, body: &Value) {
    let parameters = operation["parameters"].as_array().expect("an operation has parameters");
    let Some(declared) = parameters.iter().find(|parameter| parameter["in"] == "body") else { return };
    let definition = definition_of(&declared["schema"]);
    for name in definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(!body[name].is_null(), "{at}: accepted without {name}, which is declared to be required");
    }
    for (name, value) in body.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let property = &definition["properties"][name];
        if !property.is_null() {
            fits(&format!("{at}: the question's {name}"), property, value);
        }
    }
}

/// How well a pattern fits a path, the smaller the better, as the router chooses: segment by segment, words before parameters before rests.
fn rank(pattern: &str, path: &str) -> Option<Vec<u8>> {
    let mut segments = path.split('/');
    let mut rank = Vec::new();
    for part in pattern.split('/') {
        let segment = segments.next()?;
        rank.push(match part {
            rest if rest.starts_with("{*") => return (!segment.is_empty()).then(|| [rank, vec![2]].concat()),
            name if name.starts_with('{') => (!segment.is_empty()).then_some(1)?,
            word => (word == segment).then_some(0)?,
        });
    }
    segments.next().is_none().then_some(rank)
}

fn resolve(response: &Value) -> &Value {
    match response["$ref"].as_str() {
        Some(link) => &DOCUMENT["responses"][link.trim_start_matches("#/responses/")],
        None => response,
    }
}

/// The definition that a schema refers to, or itself.
pub(super) fn definition_of(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(link) => &DOCUMENT["definitions"][link.trim_start_matches("#/definitions/")],
        None => schema,
    }
}

/// Holds a value against a schema of the specification, all the way down.
fn fits(at: &str, schema: &Value, value: &Value) {
    if let Err(fault) = compare(schema, value) {
        panic!("{at}: {fault} in {value}");
    }
}

fn compare(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(choices) = schema["x-anyOf"].as_array() {
        let faults: Vec<_> = choices.iter().filter_map(|choice| compare(choice, value).err()).collect();
        return if faults.len() < choices.len() { Ok(()) } else { Err(faults.join(", or ")) };
    }
    let definition = definition_of(schema);
    if value.is_null() && (schema["x-nullable"] == true || definition["type"].is_null()) {
        return Ok(());
    }
    let is_choice = |choices: &Vec<Value>| choices.contains(value);
    if !definition["enum"].as_array().is_none_or(is_choice) {
        return Err(format!("{value} is not one of {}", definition["enum"]));
    }
    let kind = definition["type"].as_str().unwrap_or("anything");
    match (kind, value) {
        ("anything", _) | ("boolean", Value::Bool(_)) => Ok(()),
        ("integer", Value::Number(number)) if number.is_i64() => Ok(()),
        ("string", Value::String(text)) => match definition["format"].as_str() {
            Some("date-time") => text.parse::<jiff::Timestamp>().map(drop).map_err(|fault| format!("{text}: {fault}")),
            _ => Ok(()),
        },
        ("array", Value::Array(items)) => items.iter().try_for_each(|item| compare(&definition["items"], item)),
        ("object", Value::Object(fields)) => {
            for name in definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                fields.get(name).ok_or_else(|| format!("{name} is missing"))?;
            }
            fields.iter().try_for_each(|(name, value)| {
                let property = definition["properties"].get(name).or_else(|| definition.get("additionalProperties"));
                let property = property.ok_or_else(|| format!("{name} is not declared"))?;
                compare(property, value).map_err(|fault| format!("{name}: {fault}"))
            })
        }
        _ => Err(format!("{value} is no {kind}")),
    }
}

#[test]
fn what_is_not_declared_does_not_pass() {
    let exchange = |status: u16, text: &'static str| Exchange {
        method: "GET",
        path: "/version?x=1",
        body: None,
        is_sudo: false,
        status,
        content_type: "application/json",
        text,
    };
    let fails =
        |exchange: Exchange<'_>| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&exchange))).is_err();
    assert!(!fails(exchange(200, r#"{"version":"1"}"#)));
    assert!(!fails(exchange(503, r#"{"message":"m","url":"u"}"#)));
    assert!(fails(exchange(404, r#"{"message":"m","url":"u"}"#)));
    for text in ["", "[]", "{}", r#"{"version":1}"#, r#"{"version":null}"#, r#"{"version":"1","more":1}"#] {
        assert!(fails(exchange(200, text)), "{text}");
    }
    assert!(fails(exchange(204, "")));
    assert!(fails(Exchange { content_type: "text/html", ..exchange(200, "<p>") }));
    assert!(!fails(Exchange { path: "/nothing", ..exchange(418, "") }));
    assert!(!fails(Exchange { is_sudo: true, ..exchange(404, r#"{"message":"m","url":"u"}"#) }));
}

#[test]
fn paths_are_chosen_as_the_router_does() {
    let chosen = |path: &str| {
        PATHS
            .iter()
            .filter_map(|(pattern, _)| Some((rank(pattern, path)?, pattern)))
            .min()
            .map(|found| found.1.as_str())
    };
    assert_eq!(chosen("/repos/search"), Some("/repos/search"));
    assert_eq!(chosen("/repos/ada/sops"), Some("/repos/{owner}/{repo}"));
    assert_eq!(chosen("/repos/ada/sops/branches/a/b"), Some("/repos/{owner}/{repo}/branches/{*branch}"));
    assert_eq!(
        chosen("/repos/ada/sops/branch_protections/priority"),
        Some("/repos/{owner}/{repo}/branch_protections/priority")
    );
    assert_eq!(chosen("/repos/ada/sops/releases/1/assets"), Some("/repos/{owner}/{repo}/releases/{id}/assets"));
    assert_eq!(chosen("/repos/ada"), None);
}

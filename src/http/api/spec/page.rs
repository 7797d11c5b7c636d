//! The specification for people: operations by group with what they take and answer, then the definitions. No scripts; the style is in the page, and the
//! Content-Security-Policy allows that style alone.
//!
//! Owns the markup. Everything in it is from the document, so that it says the same. Called once, with the document.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::http::page::escape;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--link:light-dark(#0b57a4,#7ab8f5)}\
body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:64rem;padding:1rem}\
h1,h2{line-height:1.2}h2{margin-top:2.5rem}section>h2{text-transform:capitalize}a{color:var(--link)}\
code{font-family:ui-monospace,monospace;font-size:.9em;overflow-wrap:anywhere}\
details{border:1px solid var(--line);border-radius:.4rem;margin:.4rem 0}\
summary{cursor:pointer;padding:.4rem .6rem}details[open]>summary{border-bottom:1px solid var(--line);background:var(--soft)}\
details>div{padding:.2rem .8rem .8rem;overflow-x:auto}summary b{display:inline-block;min-width:4.8rem}\
.get{color:light-dark(#17663a,#6fce96)}.post{color:light-dark(#7a4b00,#e5b566)}.put,.patch{color:light-dark(#0b57a4,#7ab8f5)}.delete{color:light-dark(#a3221b,#f2938c)}\
table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid var(--line);padding:.25rem .6rem .25rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{font-weight:600}h3{font-size:1rem;margin:.8rem 0 .2rem}.note{opacity:.75}nav a{margin-right:1rem;text-transform:capitalize}";

/// The Content-Security-Policy of the page: nothing but its own style.
pub(super) fn policy() -> String {
    let style = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// An operation with its method and path.
type Placed<'a> = (&'a str, &'a str, &'a Value);

/// Writes the page of a document.
pub(super) fn write(document: &Value, root_url: &str) -> String {
    let mut groups: BTreeMap<&str, Vec<Placed<'_>>> = BTreeMap::new();
    for (path, methods) in fields(&document["paths"]) {
        for (method, operation) in fields(methods) {
            let group = operation["tags"][0].as_str().unwrap_or_default();
            groups.entry(group).or_default().push((method, path, operation));
        }
    }
    let mut page = String::with_capacity(1 << 20);
    write_head(&mut page, document, root_url, &groups);
    for (group, operations) in &groups {
        put(&mut page, format_args!("<section id=\"group-{group}\">\n<h2>{group}</h2>\n"));
        for placed in operations {
            write_operation(&mut page, document, *placed);
        }
        page.push_str("</section>\n");
    }
    page.push_str("<section id=\"definitions\">\n<h2>Definitions</h2>\n");
    for (name, definition) in fields(&document["definitions"]) {
        put(
            &mut page,
            format_args!(
                "<details id=\"definition-{name}\"><summary><code>{name}</code> {}</summary>\n<div>",
                text(&definition["description"])
            ),
        );
        write_fields(&mut page, definition);
        page.push_str("</div></details>\n");
    }
    page.push_str("</section>\n</main>\n</body>\n</html>\n");
    page
}

/// Writing into memory cannot fail.
fn put(page: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(what);
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text of the document as HTML; what stands between backticks is code.
fn text(value: &Value) -> String {
    let escaped = escape(value.as_str().unwrap_or_default());
    let mut parts = escaped.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    while let Some(code) = parts.next() {
        let after = parts.next().unwrap_or_default();
        put(&mut html, format_args!("<code>{code}</code>{after}"));
    }
    html
}

fn write_head(page: &mut String, document: &Value, root_url: &str, groups: &BTreeMap<&str, Vec<Placed<'_>>>) {
    let root = escape(root_url);
    let (title, version) = (text(&document["info"]["title"]), text(&document["info"]["version"]));
    put(
        page,
        format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             </head>\n<body>\n<main>\n<h1>{title} {version}</h1>\n<p>{} Paths are below <code>{}</code>. For programs and generators: \
             <a href=\"{root}swagger.v1.json\">swagger.v1.json</a> (Swagger 2.0).</p>\n",
            text(&document["info"]["description"]),
            text(&document["basePath"]),
        ),
    );
    page.push_str("<h2>Signing in</h2>\n<table>\n<tr><th>Way</th><th>Where</th><th></th></tr>\n");
    for (name, way) in fields(&document["securityDefinitions"]) {
        let place = match way["in"].as_str() {
            Some(place) => format!("{place} <code>{}</code>", text(&way["name"])),
            None => "header <code>Authorization</code>".to_owned(),
        };
        put(page, format_args!("<tr><td>{name}</td><td>{place}</td><td>{}</td></tr>\n", text(&way["description"])));
    }
    page.push_str("</table>\n<nav>\n<h2>Operations</h2>\n<p>");
    for (group, operations) in groups {
        put(page, format_args!("<a href=\"#group-{group}\">{group} ({})</a> ", operations.len()));
    }
    page.push_str("<a href=\"#definitions\">definitions</a></p>\n</nav>\n");
}

fn write_operation(page: &mut String, document: &Value, (method, path, operation): Placed<'_>) {
    let name = text(&operation["operationId"]);
    put(
        page,
        format_args!(
            "<details id=\"{name}\"><summary><b class=\"{method}\">{}</b><code>{}</code> {}</summary>\n<div><p class=\"note\">{name}",
            method.to_ascii_uppercase(),
            escape(path),
            text(&operation["summary"])
        ),
    );
    for (word, media) in [("takes", &operation["consumes"]), ("answers", &operation["produces"])] {
        let media: Vec<_> = items(media).iter().map(text).collect();
        if !media.is_empty() {
            put(page, format_args!("; {word} {}", media.join(", ")));
        }
    }
    page.push_str("</p>\n");
    let parameters = items(&operation["parameters"]);
    if !parameters.is_empty() {
        page.push_str("<h3>Parameters</h3>\n<table>\n<tr><th>Name</th><th>In</th><th>Type</th><th></th></tr>\n");
        for parameter in parameters {
            let schema = if parameter["schema"].is_null() { parameter } else { &parameter["schema"] };
            let must = if parameter["required"] == true { ", required" } else { "" };
            put(
                page,
                format_args!(
                    "<tr><td><code>{}</code></td><td>{}{must}</td><td>{}</td><td>{}</td></tr>\n",
                    text(&parameter["name"]),
                    text(&parameter["in"]),
                    kind(schema),
                    text(&parameter["description"])
                ),
            );
        }
        page.push_str("</table>\n");
    }
    page.push_str("<h3>Answers</h3>\n<table>\n<tr><th>Status</th><th>Body</th><th></th></tr>\n");
    for (status, response) in fields(&operation["responses"]) {
        let link = response["$ref"].as_str().map(|link| link.trim_start_matches('#'));
        let response = link.and_then(|link| document.pointer(link)).unwrap_or(response);
        let body = if response["schema"].is_null() { String::new() } else { kind(&response["schema"]) };
        put(
            page,
            format_args!("<tr><td>{status}</td><td>{body}</td><td>{}</td></tr>\n", text(&response["description"])),
        );
    }
    page.push_str("</table></div></details>\n");
}

fn write_fields(page: &mut String, definition: &Value) {
    page.push_str("<table>\n<tr><th>Field</th><th>Type</th><th></th></tr>\n");
    for (name, property) in fields(&definition["properties"]) {
        let must =
            if items(&definition["required"]).iter().any(|required| required == name) { ", always there" } else { "" };
        put(
            page,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}{must}</td><td>{}</td></tr>\n",
                escape(name),
                kind(property),
                text(&property["description"])
            ),
        );
    }
    page.push_str("</table>\n");
}

/// What values a schema allows, in a few words, with links to definitions.
fn kind(schema: &Value) -> String {
    let choices = items(&schema["x-anyOf"]);
    if !choices.is_empty() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let mut html = match (schema["$ref"].as_str(), schema["type"].as_str()) {
        (Some(link), _) => {
            let name = escape(link.rsplit('/').next().unwrap_or_default());
            format!("<a href=\"#definition-{name}\">{name}</a>")
        }
        (None, Some("array")) => format!("list of {}", kind(&schema["items"])),
        (None, Some("object")) if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        (None, Some(_)) if schema["format"] == "date-time" => "date".to_owned(),
        (None, Some(name)) => escape(name),
        (None, None) => "anything".to_owned(),
    };
    let words: Vec<_> = items(&schema["enum"]).iter().map(text).collect();
    if !words.is_empty() {
        put(&mut html, format_args!(": {}", words.join(", ")));
    }
    if schema["x-nullable"] == true {
        html.push_str(" or null");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_escaped_and_code_is_marked() {
        assert_eq!(text(&json!("a `<b>` & c")), "a <code>&lt;b&gt;</code> &amp; c");
        assert_eq!(text(&json!("odd ` tick")), "odd <code> tick</code>");
        assert_eq!(text(&Value::Null), "");
    }

    #[test]
    fn kinds_are_short() {
        let user = json!({ "$ref": "#/definitions/User", "x-nullable": true });
        let link = "<a href=\"#definition-User\">User</a>";
        assert_eq!(kind(&user), format!("{link} or null"));
        assert_eq!(
            kind(&json!({ "x-anyOf": [user, { "type": "array", "items": { "type": "integer" } }] })),
            format!("{link} or null or list of integer")
        );
        assert_eq!(kind(&json!({ "type": "string", "enum": ["a", "b"] })), "string: a, b");
        assert_eq!(kind(&json!({})), "anything");
    }

    #[test]
    fn the_policy_names_the_style_of_the_page() {
        let page = write(&json!({ "info": { "title": "<T>" } }), "http://h/");
        let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style.as_bytes()));
        assert!(policy().contains(&format!("style-src 'sha256-{digest}'")));
        assert!(page.contains("<title>&lt;T&gt;</title>"));
    }
}

//! Templates and forms for new issues, as files of a repository say them.
//!
//! Owns what such a file may say: Gitea's rules for Markdown files with front matter and for YAML forms. Reads text and nothing else.

use std::collections::HashSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Directories whose files are templates, in the order in which they are listed; all that exist count.
pub const DIRECTORIES: &[&str] = &[
    "ISSUE_TEMPLATE",
    "issue_template",
    ".gitea/ISSUE_TEMPLATE",
    ".gitea/issue_template",
    ".github/ISSUE_TEMPLATE",
    ".github/issue_template",
    ".gitlab/ISSUE_TEMPLATE",
    ".gitlab/issue_template",
];
/// Largest file that is read. Units: bytes.
pub const MAX_BYTES: u64 = 64 << 10;
/// Most files of all directories that are read.
pub const MAX_FILES: usize = 50;
/// Most fields of a form.
const MAX_FIELDS: usize = 200;
/// Longest beginning of a text that says what it is about. Units: characters.
const MAX_ABOUT_CHARS: usize = 80;

/// A template, or a form when it has fields. Serialized as Gitea's `IssueTemplate`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct IssueTemplate {
    /// Name people choose it by.
    pub name: String,
    /// Title an issue begins with.
    pub title: String,
    /// What it is for.
    pub about: String,
    /// Names of labels.
    #[schemars(with = "IssueTemplateStringSlice")]
    pub labels: Vec<String>,
    /// Login names.
    #[schemars(with = "IssueTemplateStringSlice")]
    pub assignees: Vec<String>,
    /// Branch or tag the issue is about.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Text of a template; empty for a form.
    pub content: String,
    /// Fields of a form.
    #[serde(rename = "body")]
    pub fields: Vec<FormField>,
    /// Path of the file.
    pub file_name: String,
}

/// Words, as Gitea's specification names a list of them here.
#[derive(JsonSchema)]
struct IssueTemplateStringSlice(#[expect(dead_code, reason = "only its schema is used")] Vec<String>);

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": {} })
}

/// Without the `oneOf` that documented variants become, which Swagger 2.0 has not.
fn kinds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["markdown", "textarea", "input", "dropdown", "checkboxes"] })
}

fn places(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "enum": ["form", "content"] } })
}

/// What a field of a form is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// Text that is shown and not asked for.
    Markdown,
    /// Several lines.
    Textarea,
    /// One line.
    Input,
    /// A choice.
    Dropdown,
    /// Boxes to tick.
    Checkboxes,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "IssueFormField")]
pub struct FormField {
    /// What it is.
    #[serde(rename = "type")]
    #[schemars(schema_with = "kinds")]
    pub kind: FieldKind,
    /// Name of the answer; unique in the form among those that ask something. The position in the form where none is given.
    #[serde(default)]
    pub id: String,
    /// Label, options and the like.
    #[serde(default)]
    #[schemars(schema_with = "anything")]
    pub attributes: Map<String, Value>,
    /// What an answer has to be.
    #[serde(default)]
    #[schemars(schema_with = "anything")]
    pub validations: Map<String, Value>,
    /// Where it is shown: `form`, `content` or both.
    #[serde(default)]
    #[schemars(schema_with = "places")]
    pub visible: Vec<Place>,
}

/// Where a field is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// While it is filled in.
    Form,
    /// In the issue.
    Content,
}

/// How the page for new issues looks. Serialized as Gitea's `IssueConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct IssueConfig {
    /// An issue may begin without a template.
    pub blank_issues_enabled: bool,
    /// Other places to turn to.
    pub contact_links: Vec<ContactLink>,
}

impl Default for IssueConfig {
    fn default() -> Self {
        Self { blank_issues_enabled: true, contact_links: Vec::new() }
    }
}

/// Another place to turn to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "IssueConfigContactLink")]
#[serde(default)]
pub struct ContactLink {
    /// Name.
    pub name: String,
    /// Address.
    pub url: String,
    /// What it is for.
    pub about: String,
}

/// What stands at the head of a template.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    name: String,
    title: String,
    about: String,
    description: String,
    #[serde(deserialize_with = "words")]
    labels: Vec<String>,
    #[serde(deserialize_with = "words")]
    assignees: Vec<String>,
    #[serde(rename = "ref")]
    reference: String,
    body: Vec<FormField>,
}

/// A list, or one text with commas.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
        Nothing(()),
    }
    let words = match Given::deserialize(deserializer)? {
        Given::List(words) => words,
        Given::Text(text) => text.split(',').map(str::to_owned).collect(),
        Given::Nothing(()) => Vec::new(),
    };
    Ok(words.into_iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect())
}

/// Reads YAML within bounds that no honest file reaches.
///
/// Errors: what is wrong, in words.
fn read_yaml<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    let budget = serde_saphyr::budget! {
        max_events: 20_000,
        max_aliases: 100,
        max_anchors: 100,
        max_depth: 32,
        max_documents: 1,
        max_nodes: 10_000,
        max_total_scalar_bytes: 256 << 10,
        max_merge_keys: 100,
    };
    let options = serde_saphyr::options! { budget: budget };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// Whether a file of a directory of templates is one, by its name.
pub fn is_template(file_name: &str) -> bool {
    let name = file_name.rsplit('/').next().unwrap_or_default();
    let is_config = matches!(name, "config.yml" | "config.yaml");
    !is_config && [".md", ".yml", ".yaml"].iter().any(|ending| name.ends_with(ending))
}

/// Reads a template or form.
///
/// Errors: what is wrong with it, in words.
pub fn read_template(file_name: &str, text: &str) -> Result<IssueTemplate, String> {
    let (head, content) = if file_name.ends_with(".md") {
        let front_matter = split_front_matter(text).filter(|(front, _)| !front.is_empty());
        match front_matter.and_then(|(front, content)| Some((read_yaml(front).ok()?, content))) {
            Some((head, content)) => (Head { body: Vec::new(), ..head }, content.to_owned()),
            // Lines of dashes at the top may also be lines of the text: what cannot be read as front matter is text as a whole.
            None => (headless(file_name, text), text.to_owned()),
        }
    } else {
        let head: Head = read_yaml(text)?;
        if head.body.is_empty() {
            return Err("'body' is required".to_owned());
        }
        (head, String::new())
    };
    let Head { name, title, about, description, labels, assignees, reference, body } = head;
    let about = if about.trim().is_empty() { description } else { about };
    if name.trim().is_empty() {
        return Err("'name' is required".to_owned());
    }
    if about.trim().is_empty() {
        return Err("'about' is required".to_owned());
    }
    let body: Vec<FormField> = body.into_iter().enumerate().map(with_id).collect();
    check_fields(&body)?;
    let fields = body.into_iter().map(with_places).collect();
    let (reference, file_name) = (whole_reference(&reference), file_name.to_owned());
    Ok(IssueTemplate { name, title, about, labels, assignees, reference, content, fields, file_name })
}

/// What stands for the front matter of a text that has none: the name of its file, and how it begins.
fn headless(file_name: &str, text: &str) -> Head {
    let name = file_name.rsplit('/').next().unwrap_or_default().to_owned();
    let mut about: String = text.chars().take(MAX_ABOUT_CHARS).collect();
    if about.len() < text.len() {
        about.pop();
        about.push('\u{2026}');
    }
    Head { name, about, ..Head::default() }
}

/// A name that is no whole ref is a branch's. Without any this is the bare prefix, as clients of Gitea get it.
fn whole_reference(given: &str) -> String {
    if given.starts_with("refs/") { given.to_owned() } else { format!("refs/heads/{given}") }
}

fn with_id((position, mut field): (usize, FormField)) -> FormField {
    if field.id.is_empty() {
        field.id = position.to_string();
    }
    field
}

/// Reads `config.yml`.
///
/// Errors: what is wrong with it, in words.
pub fn read_config(text: &str) -> Result<IssueConfig, String> {
    let config: IssueConfig = if text.trim().is_empty() { IssueConfig::default() } else { read_yaml(text)? };
    for (position, link) in (1..).zip(&config.contact_links) {
        for (field, text) in [("name", &link.name), ("url", &link.url), ("about", &link.about)] {
            if text.trim().is_empty() {
                return Err(format!("contact_link at position {position} is missing {field} key"));
            }
        }
        let is_web = ["http://", "https://", "mailto:"].iter().any(|scheme| link.url.starts_with(scheme));
        if !is_web {
            return Err(format!("contact_link at position {position} has an invalid url"));
        }
    }
    Ok(config)
}

/// Front matter and what follows it.
fn split_front_matter(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rest = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((rest.get(..at)?, rest.get(at + line.len()..)?));
        }
        at += line.len();
    }
    None
}

/// A field is shown where Gitea shows it when the form does not say: Markdown while filling in, everything else in both places.
fn with_places(mut field: FormField) -> FormField {
    if field.visible.is_empty() {
        field.visible = match field.kind {
            FieldKind::Markdown => vec![Place::Form],
            _ => vec![Place::Form, Place::Content],
        };
    }
    field
}

fn check_fields(fields: &[FormField]) -> Result<(), String> {
    if fields.len() > MAX_FIELDS {
        return Err(format!("a form may have {MAX_FIELDS} fields"));
    }
    let mut ids = HashSet::new();
    for (position, field) in fields.iter().enumerate() {
        let wrong = |what: &str| Err(format!("body[{position}]: {what}"));
        let text = |name: &str| field.attributes.get(name).and_then(Value::as_str).unwrap_or_default().trim();
        if field.kind == FieldKind::Markdown {
            if text("value").is_empty() {
                return wrong("'value' is required");
            }
        } else if text("label").is_empty() {
            return wrong("'label' is required");
        }
        // What asks nothing has no answer to be named.
        if field.kind != FieldKind::Markdown {
            let is_plain = field.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            if !is_plain {
                return wrong("'id' may hold letters, digits, - and _");
            }
            if !ids.insert(field.id.as_str()) {
                return wrong("'id' should be unique");
            }
        }
        if matches!(field.kind, FieldKind::Dropdown | FieldKind::Checkboxes) {
            let options = field.attributes.get("options").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            if options.is_empty() {
                return wrong("'options' is required and should be a array");
            }
            let is_good = |option: &Value| match field.kind {
                FieldKind::Dropdown => option.as_str().is_some_and(|text| !text.trim().is_empty()),
                _ => option.get("label").and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty()),
            };
            if !options.iter().all(is_good) {
                return wrong("an option has no text");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

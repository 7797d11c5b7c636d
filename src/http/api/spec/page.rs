//! The specification for people.

use serde_json::Value;

/// Writes the page of a document.
pub fn write(document: &Value, root_url: &str) -> String {
    format!("{root_url}{}", document["info"])
}

/// The Content-Security-Policy of the page.
pub fn policy() -> String {
    String::new()
}

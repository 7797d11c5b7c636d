//! Addresses: which may stand in a text, and where relative ones lead.
//!
//! Owns the schemes and the rules of Gitea for relative links. Pure text; nothing is looked up.

use super::context::Context;
use super::sanitize::ID_PREFIX;

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// To follow.
    Link,
    /// To show.
    Image,
}

/// Schemes that a link may have; an image must come over HTTP.
const LINK_SCHEMES: &[&str] = &["http", "https", "mailto"];
const IMAGE_SCHEMES: &[&str] = &["http", "https"];

/// The address as it may stand in the page; none: it may not.
pub(super) fn resolve(address: &str, used_for: Use, context: &Context) -> Option<String> {
    // As browsers read it: blanks and control characters around it do not count, nor tabs and line breaks inside.
    let address: String = address
        .trim_matches(|character: char| character <= ' ')
        .chars()
        .filter(|character| !matches!(character, '\t' | '\n' | '\r'))
        .collect();
    if address.chars().any(char::is_control) {
        return None;
    }
    if let Some(fragment) = address.strip_prefix('#') {
        let is_plain = fragment.is_empty() || fragment.starts_with(ID_PREFIX);
        return Some(if is_plain { address } else { format!("#{ID_PREFIX}{fragment}") });
    }
    if let Some(scheme) = scheme_of(&address) {
        let allowed = if used_for == Use::Link { LINK_SCHEMES } else { IMAGE_SCHEMES };
        return allowed.contains(&scheme.to_ascii_lowercase().as_str()).then_some(address);
    }
    if address.starts_with("//") || address.starts_with("/\\") || address.starts_with('\\') {
        // Another host under our scheme; browsers take a backslash for a slash.
        return address.starts_with("//").then_some(address);
    }
    let Some(base) = &context.base else { return Some(address) };
    let root = if used_for == Use::Link { &base.links } else { &base.media };
    let (path, rest) = match address.find(['?', '#']) {
        Some(at) => address.split_at(at),
        None => (address.as_str(), ""),
    };
    let directory = if path.starts_with('/') { "" } else { base.directory.as_str() };
    let joined = join(directory, path);
    let slash = if joined.is_empty() { "" } else { "/" };
    Some(format!("{root}{slash}{joined}{rest}"))
}

/// What stands before the first colon, when that makes it a scheme. Anything before a colon counts that could be one to any browser.
fn scheme_of(address: &str) -> Option<&str> {
    let end = address.find([':', '/', '?', '#'])?;
    let (scheme, rest) = address.split_at(end);
    rest.starts_with(':').then_some(scheme)
}

/// Joins paths; `..` leads out of the directory and never out of the root.
fn join(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut joined = parts.join("/");
    if path.ends_with('/') && !joined.is_empty() {
        joined.push('/');
    }
    joined
}

/// Appends text so that it is text, also inside of a quoted attribute.
pub(super) fn escape_into(html: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

/// A link of ours; `text_html` is HTML already.
pub(super) fn anchor(address: &str, class: &str, text_html: &str) -> String {
    let mut html = String::from("<a href=\"");
    escape_into(&mut html, address);
    html.push_str("\" class=\"");
    html.push_str(class);
    html.push_str("\">");
    html.push_str(text_html);
    html.push_str("</a>");
    html
}

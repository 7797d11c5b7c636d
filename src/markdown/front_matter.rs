//! Front matter: the block between two lines of three dashes at the start of a file, shown as a table.
//!
//! Owns a reader of its simple forms, `key: value` with lists and text below; what is nested deeper is shown as written. Refuses to be YAML:
//! nothing here interprets a value, so nothing in it can do harm.

use super::links::escape_into;

/// Most lines of front matter; a longer block is text.
const MAX_LINES: usize = 200;

/// Splits a text into its front matter, if it has some, and the rest.
pub(super) fn split(text: &str) -> (Option<Vec<(String, String)>>, &str) {
    let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")) else { return (None, text) };
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    for line in rest.split_inclusive('\n').take(MAX_LINES) {
        at += line.len();
        let line = line.trim_end();
        if line == "---" || line == "..." {
            return match pairs.is_empty() {
                true => (None, text),
                false => (Some(pairs), rest.get(at..).unwrap_or_default()),
            };
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match (key_of(line), pairs.last_mut()) {
            (Some((key, value)), _) => pairs.push((key.to_owned(), unquoted(value).to_owned())),
            (None, Some((_, value))) if line.starts_with([' ', '\t', '-']) => {
                if !value.is_empty() {
                    value.push_str(", ");
                }
                value.push_str(unquoted(line.trim_start().trim_start_matches("- ").trim()));
            }
            // Not of a form we know: leave the text alone.
            _ => return (None, text),
        }
    }
    (None, text)
}

/// A line without indentation that begins with a key.
fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key = !key.is_empty() && !key.starts_with([' ', '\t', '-']) && (value.is_empty() || value.starts_with(' '));
    is_key.then(|| (unquoted(key.trim()), value.trim()))
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

/// One column a key.
pub(super) fn table(pairs: &[(String, String)]) -> String {
    let mut html = String::from("<table>\n<thead>\n<tr>\n");
    for (key, _) in pairs {
        html.push_str("<th>");
        escape_into(&mut html, key);
        html.push_str("</th>\n");
    }
    html.push_str("</tr>\n</thead>\n<tbody>\n<tr>\n");
    for (_, value) in pairs {
        html.push_str("<td>");
        escape_into(&mut html, value);
        html.push_str("</td>\n");
    }
    html.push_str("</tr>\n</tbody>\n</table>\n");
    html
}

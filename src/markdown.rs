//! Markdown to HTML that may be shown: GitHub's flavour, Gitea's references, and nothing active whatever the input is.
//!
//! Pure: text and [`Context`] in, HTML out. What has to be looked up (which accounts may be named, which commits exist) the caller finds out
//! first, with [`candidates`]. Order: front matter, parse, bound the depth, rewrite links and references and raw HTML (which
//! `markdown/raw_html.rs` writes anew, balanced and from a list of allowed tags), format, and sanitize the whole once more. Takes processor time in
//! proportion to the input: run it on the blocking pool. Called by `http/api/markup.rs`.

mod context;
mod front_matter;
mod heading;
mod links;
mod raw_html;
mod references;
mod sanitize;
mod tree;

pub use context::{Base, Context, Mode};
pub use references::{Candidates, candidates};

use comrak::options::{Plugins, RenderPlugins};
use comrak::{Arena, Options};

use heading::Headings;

/// Largest text that is rendered; the caller refuses larger ones. Units: bytes.
pub const MAX_INPUT_BYTES: usize = 1 << 20;
/// Deepest nesting that is rendered as such; deeper text is shown as it was written.
const MAX_DEPTH: usize = 100;
/// Most pieces of a document (blocks, words in emphasis, links); each costs some hundred bytes while it is rendered.
const MAX_NODES: usize = 100_000;

/// Renders a text.
///
/// Shape: never fails; a text nested deeper than 100 levels, of more than 100,000 pieces or larger than [`MAX_INPUT_BYTES`] is shown as plain text.
/// Memory: the parser takes up to 500 times the length of a text made for it, 500 MB for the largest; ordinary texts some ten times theirs.
pub fn render(text: &str, context: &Context) -> String {
    let Some(html) = render_tree(text, context) else {
        let mut plain = String::from("<pre>");
        links::escape_into(&mut plain, text);
        plain.push_str("</pre>\n");
        return plain;
    };
    html
}

fn render_tree(text: &str, context: &Context) -> Option<String> {
    if text.len() > MAX_INPUT_BYTES || text.lines().any(is_quoted_too_deep) {
        return None;
    }
    let (front, body) = match context.mode {
        Mode::Document => front_matter::split(text),
        Mode::Raw | Mode::Comment => (None, text),
    };
    let options = options(context.mode);
    let arena = Arena::new();
    let root = comrak::parse_document(&arena, body, &options);
    let size = tree::size(root);
    if size.depth > MAX_DEPTH || size.nodes > MAX_NODES {
        return None;
    }
    let headings = Headings::of(root);
    tree::rewrite(root, &arena, context);
    let plugins = Plugins { render: RenderPlugins { heading_adapter: Some(&headings), ..RenderPlugins::default() } };
    let mut html = front.map(|front| front_matter::table(&front)).unwrap_or_default();
    comrak::format_html_with_plugins(root, &options, &mut html, &plugins).ok()?;
    Some(sanitize::clean(&html))
}

fn options(mode: Mode) -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.shortcodes = true;
    options.render.tasklist_classes = true;
    // What raw HTML is left in the tree was written by us.
    options.render.r#unsafe = true;
    options.render.hardbreaks = mode == Mode::Comment;
    options
}

/// Each of these opens a level, and the parser goes through all open levels with each line: stopped before it starts.
fn is_quoted_too_deep(line: &str) -> bool {
    let prefix = line.bytes().take_while(|byte| b" \t>*+-.)0123456789".contains(byte));
    prefix.filter(|byte| *byte == b'>').count() > MAX_DEPTH
}

#[cfg(test)]
mod tests;

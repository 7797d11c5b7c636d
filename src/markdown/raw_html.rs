//! HTML that stands in Markdown, written anew: tags and attributes from a list, addresses resolved, every tag closed where what surrounds it ends.
//!
//! Owns the list of tags. What comes out is balanced and bounded in depth, so that no parser behind it (ours or a browser's) has to repair it:
//! repairing unclosed tags costs time and memory in proportion to tags times text.

use super::context::Context;
use super::links::{Use, resolve};

/// How a tag behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Has no content.
    Void,
    /// Stands in running text.
    Inline,
    /// Stands between texts.
    Block,
}

/// Tags that may stand in a text.
pub(super) const TAGS: &[(&str, Shape)] = &[
    ("a", Shape::Inline),
    ("abbr", Shape::Inline),
    ("b", Shape::Inline),
    ("bdo", Shape::Inline),
    ("blockquote", Shape::Block),
    ("br", Shape::Void),
    ("caption", Shape::Block),
    ("center", Shape::Block),
    ("cite", Shape::Inline),
    ("code", Shape::Inline),
    ("dd", Shape::Block),
    ("del", Shape::Inline),
    ("details", Shape::Block),
    ("dfn", Shape::Inline),
    ("div", Shape::Block),
    ("dl", Shape::Block),
    ("dt", Shape::Block),
    ("em", Shape::Inline),
    ("figcaption", Shape::Block),
    ("figure", Shape::Block),
    ("h1", Shape::Block),
    ("h2", Shape::Block),
    ("h3", Shape::Block),
    ("h4", Shape::Block),
    ("h5", Shape::Block),
    ("h6", Shape::Block),
    ("hr", Shape::Void),
    ("i", Shape::Inline),
    ("img", Shape::Void),
    ("ins", Shape::Inline),
    ("kbd", Shape::Inline),
    ("li", Shape::Block),
    ("mark", Shape::Inline),
    ("ol", Shape::Block),
    ("p", Shape::Block),
    ("pre", Shape::Block),
    ("q", Shape::Inline),
    ("s", Shape::Inline),
    ("samp", Shape::Inline),
    ("small", Shape::Inline),
    ("span", Shape::Inline),
    ("strike", Shape::Inline),
    ("strong", Shape::Inline),
    ("sub", Shape::Inline),
    ("summary", Shape::Block),
    ("sup", Shape::Inline),
    ("table", Shape::Block),
    ("tbody", Shape::Block),
    ("td", Shape::Block),
    ("tfoot", Shape::Block),
    ("th", Shape::Block),
    ("thead", Shape::Block),
    ("tr", Shape::Block),
    ("tt", Shape::Inline),
    ("u", Shape::Inline),
    ("ul", Shape::Block),
    ("var", Shape::Inline),
    ("wbr", Shape::Void),
];

/// Attributes of single tags; those of all tags are [`COMMON`].
pub(super) const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href"]),
    ("img", &["src", "alt", "width", "height"]),
    ("ol", &["start", "reversed"]),
    ("li", &["value"]),
    ("td", &["colspan", "rowspan", "width"]),
    ("th", &["colspan", "rowspan", "width", "scope"]),
    ("table", &["width"]),
    ("details", &["open"]),
];

const COMMON: &[&str] = &["id", "title", "lang", "dir", "align"];

/// Tags whose text is no text.
const SILENT: &[&str] = &["script", "style"];
/// Tags that end one of their own kind.
const SIBLINGS: &[&[&str]] = &[&["p"], &["li"], &["dt", "dd"], &["tr"], &["td", "th"]];
/// Most raw tags open at once; more are left out.
const MAX_OPEN: usize = 32;
/// Most raw tags of a document; more are left out.
const MAX_TAGS: usize = 20_000;
/// Most attributes of a tag that are looked at.
const MAX_ATTRIBUTES: usize = 32;

/// The raw tags that are open, over one document.
pub(super) struct Balance<'a> {
    context: &'a Context,
    open: Vec<(&'static str, Shape)>,
    levels: Vec<usize>,
    tags: usize,
}

impl<'a> Balance<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, open: Vec::new(), levels: Vec::new(), tags: 0 }
    }

    /// A node of the tree begins: what is open outside of it cannot be closed in it.
    pub(super) fn enter(&mut self) {
        self.levels.push(self.open.len());
    }

    /// The node ends: answers the end tags of what was left open in it.
    pub(super) fn leave(&mut self) -> String {
        let base = self.levels.pop().unwrap_or(0);
        let mut html = String::new();
        while self.open.len() > base {
            self.close_last(&mut html);
        }
        html
    }

    /// A piece of raw HTML, written anew. `is_block`: it stands between texts, and running text ends with it.
    pub(super) fn rewrite(&mut self, raw: &str, is_block: bool) -> String {
        let mut html = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find('<') {
            let (text, tag) = rest.split_at(at);
            push_text(&mut html, text);
            rest = self.tag(tag, &mut html);
        }
        push_text(&mut html, rest);
        if is_block {
            self.close_inline(&mut html);
        }
        html
    }

    /// Handles what begins with `<`; answers what follows it.
    fn tag<'t>(&mut self, text: &'t str, html: &mut String) -> &'t str {
        if let Some(comment) = text.strip_prefix("<!--") {
            return comment.split_once("-->").map_or("", |(_, rest)| rest);
        }
        if text.starts_with("<!") || text.starts_with("<?") {
            return text.split_once('>').map_or("", |(_, rest)| rest);
        }
        let (is_end, after) = match text.strip_prefix("</") {
            Some(after) => (true, after),
            None => (false, text.strip_prefix('<').unwrap_or_default()),
        };
        let len = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let Some(name) = after.get(..len).filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
        else {
            html.push_str("&lt;");
            return text.strip_prefix('<').unwrap_or_default();
        };
        let name = name.to_ascii_lowercase();
        let Some((attributes, rest)) = attributes(after.get(len..).unwrap_or_default()) else {
            // It never ends: no tag.
            return "";
        };
        if !is_end && SILENT.contains(&name.as_str()) {
            return after_silence(rest, &name);
        }
        let Some((name, shape)) = TAGS.iter().find(|(known, _)| *known == name).copied() else { return rest };
        match is_end {
            true => self.end(name, html),
            false => self.start(name, shape, &attributes, html),
        }
        rest
    }

    fn start(&mut self, name: &'static str, shape: Shape, attributes: &[(String, String)], html: &mut String) {
        self.tags += 1;
        if self.tags > MAX_TAGS {
            return;
        }
        if shape == Shape::Block {
            self.close_inline(html);
            let family = SIBLINGS.iter().find(|family| family.contains(&name));
            let base = self.base();
            let is_sibling = |open: &(&str, Shape)| family.is_some_and(|family| family.contains(&open.0));
            if self.open.len() > base && self.open.last().is_some_and(is_sibling) {
                self.close_last(html);
            }
        }
        if shape != Shape::Void {
            if self.open.len() >= MAX_OPEN {
                return;
            }
            self.open.push((name, shape));
        }
        html.push('<');
        html.push_str(name);
        for (attribute, value) in attributes {
            self.attribute(name, attribute, value, html);
        }
        html.push('>');
    }

    fn attribute(&self, tag: &str, name: &str, value: &str, html: &mut String) {
        let own = ATTRIBUTES.iter().find(|(known, _)| *known == tag).map_or(&[][..], |(_, names)| *names);
        if !own.contains(&name) && !COMMON.contains(&name) {
            return;
        }
        let value = match name {
            "href" | "src" => {
                let used_for = if name == "href" { Use::Link } else { Use::Image };
                match plain_address(value).and_then(|address| resolve(&address, used_for, self.context)) {
                    Some(address) => address.replace('&', "&amp;"),
                    None => return,
                }
            }
            _ => value.to_owned(),
        };
        html.push(' ');
        html.push_str(name);
        html.push_str("=\"");
        // Character references of the source stay what they are.
        html.push_str(&value.replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;"));
        html.push('"');
    }

    /// Ends the nearest open tag of this name with all that is open in it; none open, nothing happens.
    fn end(&mut self, name: &str, html: &mut String) {
        let base = self.base();
        let Some(position) = self.open.iter().rposition(|(open, _)| *open == name).filter(|at| *at >= base) else {
            return;
        };
        while self.open.len() > position {
            self.close_last(html);
        }
    }

    fn close_inline(&mut self, html: &mut String) {
        let base = self.base();
        while self.open.len() > base && self.open.last().is_some_and(|(_, shape)| *shape == Shape::Inline) {
            self.close_last(html);
        }
    }

    fn close_last(&mut self, html: &mut String) {
        if let Some((name, _)) = self.open.pop() {
            html.push_str("</");
            html.push_str(name);
            html.push('>');
        }
    }

    fn base(&self) -> usize {
        self.levels.last().copied().unwrap_or(0)
    }
}

/// Text between tags; its character references stay.
fn push_text(html: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '>' => html.push_str("&gt;"),
            '\0' => html.push('\u{fffd}'),
            other => html.push(other),
        }
    }
}

/// What follows the end tag of a tag whose content is dropped.
fn after_silence<'t>(text: &'t str, name: &str) -> &'t str {
    let ends = text.match_indices("</").filter_map(|(at, _)| text.get(at + 2..));
    let mut ends = ends.filter(|rest| rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)));
    ends.next().and_then(|rest| rest.split_once('>')).map_or("", |(_, rest)| rest)
}

/// An address without character references. One that hides letters behind any but `&amp;` is none.
fn plain_address(value: &str) -> Option<String> {
    let plain = value.replace("&amp;", "&");
    let hides = plain.match_indices('&').any(|(at, _)| {
        let after = plain.get(at + 1..).unwrap_or_default();
        let name = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
        after.starts_with('#') || after.get(name..).is_some_and(|rest| rest.starts_with(';'))
    });
    (!hides).then_some(plain)
}

/// Reads attributes up to the end of the tag; answers them with lower-case names and what follows. None: the tag does not end.
fn attributes(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|character: char| character.is_ascii_whitespace() || character == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some((found, after));
        }
        let end =
            rest.find(|character: char| character.is_ascii_whitespace() || matches!(character, '=' | '>' | '/'))?;
        // An equals sign in front of a name is part of it, as in HTML: such a name is on no list.
        let (name, after) = rest.split_at(end.max(rest.chars().next()?.len_utf8()));
        rest = after.trim_start_matches(|character: char| character.is_ascii_whitespace());
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start_matches(|character: char| character.is_ascii_whitespace());
            (value, rest) = match after.chars().next()? {
                quote @ ('"' | '\'') => after.get(1..)?.split_once(quote)?,
                _ => {
                    let end = after.find(|character: char| character.is_ascii_whitespace() || character == '>')?;
                    after.split_at(end)
                }
            };
        }
        let name = name.to_ascii_lowercase();
        if found.len() < MAX_ATTRIBUTES && !found.iter().any(|(known, _)| *known == name) {
            found.push((name, value.to_owned()));
        }
    }
}

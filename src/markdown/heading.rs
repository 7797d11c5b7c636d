//! Headings with an id that links can name: the text in lower case with dashes, prefixed so that it cannot take the name of anything of the page.

use std::collections::VecDeque;
use std::fmt::{Result, Write};
use std::sync::{Mutex, PoisonError};

use comrak::Anchorizer;
use comrak::adapters::{HeadingAdapter, HeadingMeta};
use comrak::nodes::{Node, NodeValue, Sourcepos};

use super::links::escape_into;
use super::sanitize::ID_PREFIX;

/// The ids of a document's headings, in their order.
pub(super) struct Headings(Mutex<VecDeque<String>>);

impl Headings {
    /// Makes them from the texts as they were written, before references in them become links.
    pub(super) fn of(root: Node<'_>) -> Self {
        let mut anchorizer = Anchorizer::new();
        let headings = root.descendants().filter(|node| matches!(node.data().value, NodeValue::Heading(_)));
        Self(Mutex::new(headings.map(|heading| anchorizer.anchorize(&text_of(heading))).collect()))
    }
}

fn text_of(heading: Node<'_>) -> String {
    let mut text = String::new();
    for node in heading.descendants() {
        match &node.data().value {
            NodeValue::Text(piece) => text.push_str(piece),
            NodeValue::Code(code) => text.push_str(&code.literal),
            NodeValue::SoftBreak | NodeValue::LineBreak => text.push(' '),
            _ => {}
        }
    }
    text
}

impl HeadingAdapter for Headings {
    fn enter(&self, output: &mut dyn Write, heading: &HeadingMeta, _: Option<Sourcepos>) -> Result {
        let id = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or_default();
        let mut escaped = String::new();
        escape_into(&mut escaped, &id);
        write!(output, "<h{} id=\"{ID_PREFIX}{escaped}\">", heading.level)
    }

    fn exit(&self, output: &mut dyn Write, heading: &HeadingMeta) -> Result {
        writeln!(output, "</h{}>", heading.level)
    }
}

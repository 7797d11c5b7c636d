//! One walk over the parsed document: addresses resolved, references linked, raw HTML written anew.
//!
//! Owns the order. Walks without recursion, because the depth is the writer's choice.

use comrak::Arena;
use comrak::arena_tree::NodeEdge;
use comrak::nodes::{AstNode, Node, NodeHtmlBlock, NodeValue};

use super::context::{Context, Mode};
use super::links::{Use, resolve};
use super::raw_html::Balance;
use super::references;

/// Most references of a document that become links.
const MAX_REFERENCES: usize = 10_000;

/// How large a document is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    /// Levels of nesting.
    pub(super) depth: usize,
    /// Nodes.
    pub(super) nodes: usize,
}

/// Measures a document.
pub(super) fn size(root: Node<'_>) -> Size {
    let mut size = Size::default();
    let mut depth = 0usize;
    for edge in root.traverse() {
        match edge {
            NodeEdge::Start(_) => {
                depth += 1;
                size.depth = size.depth.max(depth);
                size.nodes += 1;
            }
            NodeEdge::End(_) => depth = depth.saturating_sub(1),
        }
    }
    size
}

/// Rewrites a document in place.
pub(super) fn rewrite<'a>(root: Node<'a>, arena: &'a Arena<'a>, context: &Context) {
    let mut balance = Balance::new(context);
    let mut links_open = 0usize;
    let mut references = MAX_REFERENCES;
    // Gathered first: what the walk adds is not walked.
    let edges: Vec<_> = root.traverse().collect();
    for edge in edges {
        match edge {
            NodeEdge::Start(node) => {
                start(node, context, &mut balance, (links_open > 0, &mut references));
                links_open += usize::from(is_link(node));
                balance.enter();
            }
            NodeEdge::End(node) => {
                let left_open = balance.leave();
                if !left_open.is_empty() {
                    close(node, arena, left_open);
                }
                if is_link(node) {
                    links_open = links_open.saturating_sub(1);
                }
            }
        }
    }
}

fn is_link(node: Node<'_>) -> bool {
    matches!(node.data().value, NodeValue::Link(_) | NodeValue::Image(_))
}

fn start(node: Node<'_>, context: &Context, balance: &mut Balance<'_>, (in_link, references): (bool, &mut usize)) {
    let has_references = context.mode != Mode::Raw;
    let shorter = if has_references && !in_link { shorter(node, context) } else { None };
    if let Some(html) = shorter {
        // Its text goes with it.
        if let Some(text) = node.first_child() {
            text.detach();
        }
        node.data_mut().value = NodeValue::HtmlInline(html);
        return;
    }
    let mut data = node.data_mut();
    match &mut data.value {
        NodeValue::Link(link) => link.url = resolve(&link.url, Use::Link, context).unwrap_or_default(),
        NodeValue::Image(image) => image.url = resolve(&image.url, Use::Image, context).unwrap_or_default(),
        NodeValue::HtmlInline(raw) => *raw = balance.rewrite(raw, false),
        NodeValue::HtmlBlock(block) => block.literal = balance.rewrite(&block.literal, true),
        NodeValue::Text(text) if has_references && !in_link => {
            if let Some(html) = references::link(text, context, references) {
                data.value = NodeValue::HtmlInline(html);
            }
        }
        _ => {}
    }
}

/// A link that shows its own address, when there is a shorter way to write it.
fn shorter(node: Node<'_>, context: &Context) -> Option<String> {
    let data = node.data();
    let NodeValue::Link(link) = &data.value else { return None };
    let text = node.first_child().filter(|child| child.next_sibling().is_none())?;
    let shows_itself = matches!(&text.data().value, NodeValue::Text(text) if **text == *link.url);
    if shows_itself { references::shorten(&link.url, context) } else { None }
}

/// Ends what raw HTML left open, as the last child of a node. A node that holds nothing has left nothing open.
fn close<'a>(node: Node<'a>, arena: &'a Arena<'a>, html: String) {
    let holds_blocks = {
        let value = &node.data().value;
        value.block() && !value.contains_inlines()
    };
    let value = if holds_blocks {
        NodeValue::HtmlBlock(NodeHtmlBlock { block_type: 6, literal: html })
    } else {
        NodeValue::HtmlInline(html)
    };
    node.append(arena.alloc(AstNode::from(value)));
}

//! The last look at the HTML: what is not on the list goes, whoever wrote it.
//!
//! Owns the list of tags, attributes, classes and schemes. `raw_html` has let through no more than this already; here the whole is parsed
//! as a browser would and written anew, so that what one parser overlooked the other has to overlook too.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::raw_html::{ATTRIBUTES, TAGS};

/// What ids begin with, so that no text can take the place of an element of the page (DOM clobbering).
pub(super) const ID_PREFIX: &str = "user-content-";

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(TAGS.iter().map(|(name, _)| *name).chain(["input", "section"]).collect())
        .generic_attributes(HashSet::from(["id", "title", "lang", "dir", "align"]))
        .tag_attributes(attributes())
        .allowed_classes(classes())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("nofollow"))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .id_prefix(Some(ID_PREFIX))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            // Task lists show boxes; nothing of a form may be filled in here.
            ("input", "type") if value != "checkbox" => None,
            ("a", "href") if value.len() > 1 && value.starts_with('#') && !value[1..].starts_with(ID_PREFIX) => {
                Some(format!("#{ID_PREFIX}{}", &value[1..]).into())
            }
            ("code", "class") if !is_language(value) => None,
            // Written as they are inside of quotes; where a page is put into another, quotes may end to count.
            _ if value.contains(['<', '>']) => Some(value.replace(['<', '>'], "").into()),
            _ => Some(value.into()),
        });
    cleaner
});

fn attributes() -> HashMap<&'static str, HashSet<&'static str>> {
    let mut all: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (tag, names) in ATTRIBUTES {
        all.insert(tag, names.iter().copied().collect());
    }
    all.insert("input", HashSet::from(["type", "checked", "disabled"]));
    // Its values are checked one by one: there is no list of all languages.
    all.insert("code", HashSet::from(["class"]));
    all
}

fn classes() -> HashMap<&'static str, HashSet<&'static str>> {
    HashMap::from([
        ("a", HashSet::from(["mention", "ref-issue", "commit", "footnote-backref"])),
        ("sup", HashSet::from(["footnote-ref"])),
        ("section", HashSet::from(["footnotes"])),
        ("ul", HashSet::from(["contains-task-list"])),
        ("ol", HashSet::from(["contains-task-list"])),
        ("li", HashSet::from(["task-list-item"])),
        ("input", HashSet::from(["task-list-item-checkbox"])),
        ("p", HashSet::from(["markdown-alert-title"])),
        (
            "div",
            HashSet::from([
                "markdown-alert",
                "markdown-alert-note",
                "markdown-alert-tip",
                "markdown-alert-important",
                "markdown-alert-warning",
                "markdown-alert-caution",
            ]),
        ),
    ])
}

fn is_language(class: &str) -> bool {
    class.strip_prefix("language-").is_some_and(|name| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-_.#".contains(&byte))
    })
}

/// Cleans a fragment of HTML.
pub(super) fn clean(html: &str) -> String {
    CLEANER.clean(html).to_string()
}

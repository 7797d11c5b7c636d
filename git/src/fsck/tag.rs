//! Owns the grammar of annotated tags. Refuses to look at message and signature.
//!
//! Source: git 2.39, fsck.c, `fsck_tag_standalone`.

use super::{
    Link, Report, Rule,
    commit::{Lines, check_header, parse_id},
    ident,
};
use crate::{error::Result, id::Kind, refs::RefName};

pub(super) fn check(data: &[u8], report: &mut Report<'_>, link: &mut dyn FnMut(Link) -> Result<()>) -> Result<()> {
    check_header(data, report)?;
    let mut lines = Lines { rest: data };
    let target = lines.next_if("object ");
    let target = target.ok_or_else(|| report.fatal(Rule::MissingObject, "invalid format - expected 'object' line"))?;
    let bad_id = || report.fatal(Rule::BadObjectSha1, "invalid 'object' line format - bad sha1");
    let target = parse_id(target).ok_or_else(bad_id)?;
    let kind = lines.next_if("type ");
    let kind = kind.ok_or_else(|| report.fatal(Rule::MissingTypeEntry, "invalid format - expected 'type' line"))?;
    let kind = Kind::from_bytes(kind).map_err(|_| report.fatal(Rule::BadType, "invalid 'type' value"))?;
    link(Link::Object { id: target, kind })?;
    let name = lines.next_if("tag ");
    let name = name.ok_or_else(|| report.fatal(Rule::MissingTagEntry, "invalid format - expected 'tag' line"))?;
    if RefName::from_bytes(&[b"refs/tags/", name].concat()).is_err() {
        report.broken(Rule::BadTagName, "invalid 'tag' name")?;
    }
    match lines.next_if("tagger ") {
        Some(tagger) => ident::check(tagger, report),
        None => report.broken(Rule::MissingTaggerEntry, "invalid format - expected 'tagger' line"),
    }
}

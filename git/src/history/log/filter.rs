//! Owns what hides single commits without cutting off what lies behind them: `until`, author, committer. Called by [`super::log`].

use super::LogRequest;
use crate::{
    error::Result,
    walk::{Graph, Node},
};

pub(super) struct Filter<'r> {
    until: Option<u64>,
    people: Vec<(&'static [u8], &'r [u8])>,
}

impl<'r> Filter<'r> {
    pub(super) fn new(request: &'r LogRequest) -> Self {
        let author = request.author.as_deref().map(|text| (&b"author "[..], text));
        let committer = request.committer.as_deref().map(|text| (&b"committer "[..], text));
        Filter { until: request.until, people: author.into_iter().chain(committer).collect() }
    }

    pub(super) fn passes(&self, graph: &Graph<'_>, node: Node) -> Result<bool> {
        if self.until.is_some_and(|until| graph.time(node) > until) {
            return Ok(false);
        }
        if self.people.is_empty() {
            return Ok(true);
        }
        let commit = graph.odb().read(&graph.id(node))?;
        Ok(self.people.iter().all(|(header, text)| names(&commit.data, header, text)))
    }
}

/// Whether name and mail address of a header line contain a text.
fn names(commit: &[u8], header: &[u8], text: &[u8]) -> bool {
    let headers = commit.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let who = headers.filter_map(|line| line.strip_prefix(header)).next().unwrap_or_default();
    let end = who.iter().rposition(|byte| *byte == b'>').map_or(who.len(), |at| at.saturating_add(1));
    let who = who.get(..end).unwrap_or_default();
    text.is_empty() || who.windows(text.len()).any(|part| part == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_name_and_address_only() {
        let commit = b"tree x\nauthor Ada L <ada@example.org> 17 +0000\ncommitter Bob <bob@x> 18 +0000\n\nauthor Eve\n";
        let is_author = |text: &str| names(commit, b"author ", text.as_bytes());
        assert!(is_author("Ada") && is_author("@example") && is_author("") && is_author("L <ada"));
        assert!(!is_author("17") && !is_author("Eve") && !is_author("Bob") && !is_author("ada l"));
        assert!(names(commit, b"committer ", b"Bob <bob@x>"));
    }
}

//! What a request asks, apart from how it is put: requests with the same question about the same refs have the same answer.
//!
//! Owns which requests have such a question, and its canonical form. Refuses to keep answers: that is the transport's. Called before
//! [`super::respond`], which it costs a second reading of the request.

use std::hash::{Hash, Hasher};

use super::{
    parse_v0,
    parse_v2::{self, Command},
    request::FetchRequest,
};
use crate::{limits::Limits, protocol::ProtocolVersion};

/// The canonical form of a question.
///
/// Shape: bytes that two requests share only if every answer to the one answers the other, as long as refs and HEAD stay what they are.
/// Who asks, and by which program, is no part of it. Good within one process; nothing to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(Vec<u8>);

impl Question {
    /// The bytes, to be hashed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads the question of a request; `None` for what is refused, and for what asks about more than refs and the objects behind them.
pub fn question(version: ProtocolVersion, request: &[u8], limits: &Limits) -> Option<Question> {
    if request.len() as u64 > limits.max_request_bytes {
        return None;
    }
    let mut canonical = Recorder(Vec::with_capacity(request.len() / 2));
    if version == ProtocolVersion::V2 {
        match parse_v2::parse(request, limits).ok()?.command {
            Command::LsRefs(query) => (Form::LsRefs, query).hash(&mut canonical),
            Command::Fetch(fetch) => (Form::FetchV2, sorted(*fetch)).hash(&mut canonical),
            Command::Nothing | Command::ObjectInfo(_) | Command::BundleUri => return None,
        }
    } else {
        (Form::FetchV0, sorted(parse_v0::parse(request, limits).ok()??)).hash(&mut canonical);
    }
    Some(Question(canonical.0))
}

/// The kinds of questions.
#[derive(Hash)]
enum Form {
    LsRefs,
    FetchV2,
    FetchV0,
}

/// The order of wants changes nothing; that of haves is the order of acknowledgments.
fn sorted(mut fetch: FetchRequest) -> FetchRequest {
    fetch.wants.sort_unstable();
    fetch
}

/// Keeps what is hashed: derived hashing visits every field, with the lengths of lists, so that no field can be forgotten.
struct Recorder(Vec<u8>);

impl Hasher for Recorder {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks: the bytes themselves are the result.
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn lines(lines: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in lines {
            match *line {
                "--" => crate::pktline::put_delim(&mut out),
                line => crate::pktline::put_text(&mut out, line),
            }
        }
        crate::pktline::put_flush(&mut out);
        out
    }

    fn v2(asked: &[&str]) -> Option<Question> {
        question(ProtocolVersion::V2, &lines(asked), &Limits::default())
    }

    #[test]
    fn neither_the_program_nor_the_order_of_wants_matters() {
        let (one, two) = (format!("want {ONE}"), format!("want {TWO}"));
        let asked = v2(&["command=fetch", "agent=git/2.1", "--", "ofs-delta", &one, &two, "done"]).unwrap();
        let again =
            ["command=fetch", "agent=jgit", "session-id=7", "server-option=x", "--", &two, "ofs-delta", &one, "done"];
        assert_eq!(v2(&again).unwrap(), asked);
    }

    #[test]
    fn whatever_changes_the_answer_changes_the_question() {
        let (want, have, other) = (format!("want {ONE}"), format!("have {TWO}"), format!("have {ONE}"));
        let (shallow, also) = (format!("shallow {TWO}"), format!("want {TWO}"));
        let variants: Vec<Vec<&str>> = vec![
            vec![],
            vec!["done"],
            vec!["thin-pack"],
            vec!["ofs-delta"],
            vec!["no-progress"],
            vec!["include-tag"],
            vec!["wait-for-done"],
            vec!["sideband-all"],
            vec!["deepen 1"],
            vec!["deepen 2"],
            vec!["deepen 1", "deepen-relative"],
            vec!["deepen-since 7"],
            vec!["deepen-not refs/heads/main"],
            vec!["filter blob:none"],
            vec!["filter tree:0"],
            vec!["filter blob:limit=1"],
            vec!["filter object:type=blob"],
            vec!["want-ref refs/heads/main"],
            vec![&have],
            vec![&other],
            vec![&have, &other],
            vec![&other, &have],
            vec![&shallow],
            vec![&also],
        ];
        let mut seen: Vec<Question> = Vec::new();
        for variant in &variants {
            let mut asked = vec!["command=fetch", "--", want.as_str()];
            asked.extend(variant);
            let question = v2(&asked).unwrap();
            assert!(!seen.contains(&question), "{variant:?} asks what another one asks");
            seen.push(question);
        }
        let old = question(ProtocolVersion::V0, &lines(&[&format!("{want} ofs-delta")]), &Limits::default());
        assert!(!seen.contains(&old.unwrap()), "another protocol has another answer");
    }

    #[test]
    fn lists_of_refs_differ_by_what_is_listed() {
        let bare = v2(&["command=ls-refs"]).unwrap();
        let mut seen = vec![bare];
        for argument in ["peel", "symrefs", "unborn", "ref-prefix refs/heads/", "ref-prefix refs/heads"] {
            let asked = v2(&["command=ls-refs", "--", argument]).unwrap();
            assert!(!seen.contains(&asked), "{argument}");
            seen.push(asked);
        }
    }

    #[test]
    fn what_is_refused_or_about_something_else_has_no_question() {
        assert_eq!(v2(&["command=fetch", "--", "want x"]), None);
        assert_eq!(v2(&["command=object-info", "--", "size", &format!("oid {ONE}")]), None);
        assert_eq!(v2(&["command=bundle-uri"]), None);
        assert_eq!(question(ProtocolVersion::V2, b"0000", &Limits::default()), None);
        let small = Limits { max_request_bytes: 4, ..Limits::default() };
        assert_eq!(question(ProtocolVersion::V2, &lines(&["command=ls-refs"]), &small), None);
    }
}

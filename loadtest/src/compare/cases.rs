//! What is compared: every piece of work with its repository, connections and the sides that do it.
//!
//! Owns the table. How a side is reached is in `sides`. Called by `compare`.

use crate::scenario::ScenarioName;

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// Our server; anonymous where reading allows it.
    Ours,
    /// Our server, a private repository, with a token.
    OursPrivate,
    /// The other git server.
    Peer,
    /// A web server that sends a file: what the machine can do.
    Limit,
}

/// Which repository, and for `Limit` which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// 500 commits of procedures; a file of 1 KB.
    Tiny,
    /// The same repository; its pack.
    Small,
    /// Thousands of refs.
    Refs,
    /// 99 MB; its pack.
    Large,
    /// One repository for each connection.
    Distinct,
    /// One repository that all write to.
    One,
}

/// A piece of work.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its name on the command line and in reports.
    pub(crate) key: &'static str,
    /// What is done.
    pub(crate) scenario: ScenarioName,
    /// On what.
    pub(crate) data: Data,
    /// How many do it at once.
    pub(crate) connections: usize,
    /// By whom.
    pub(crate) sides: &'static [Side],
    /// Measure so many operations instead of a time, on every side.
    pub(crate) operations: Option<u64>,
    /// The same, for the peer alone: one that needs seconds for an answer would end none in a short window.
    pub(crate) peer_operations: Option<u64>,
    /// For the long time of mixed users, with the pauses that people make.
    pub(crate) is_long: bool,
}

const OURS_AND_PEER: &[Side] = &[Side::Ours, Side::Peer];
const WITH_LIMIT: &[Side] = &[Side::Ours, Side::Peer, Side::Limit];

/// In the order of running: what is said of memory comes first, before other work leaves its mark.
pub(crate) const CASES: &[Case] = &[
    Case {
        key: "clone-large",
        sides: WITH_LIMIT,
        peer_operations: Some(8),
        ..case(ScenarioName::Clone, Data::Large, 8)
    },
    Case { key: "clones-32", sides: &[Side::Ours], operations: Some(64), ..case(ScenarioName::Clone, Data::Large, 32) },
    Case {
        key: "info-refs",
        sides: &[Side::Ours, Side::OursPrivate, Side::Peer, Side::Limit],
        ..case(ScenarioName::InfoRefs, Data::Tiny, 64)
    },
    Case { key: "ls-refs", ..case(ScenarioName::LsRefs, Data::Refs, 64) },
    Case { key: "clone-small", sides: WITH_LIMIT, ..case(ScenarioName::Clone, Data::Small, 8) },
    Case { key: "clone-shallow", peer_operations: Some(16), ..case(ScenarioName::CloneShallow, Data::Large, 8) },
    Case { key: "clone-blobless", peer_operations: Some(16), ..case(ScenarioName::CloneBlobless, Data::Large, 8) },
    Case { key: "fetch", ..case(ScenarioName::Fetch, Data::Small, 8) },
    Case { key: "push", ..case(ScenarioName::Push, Data::Distinct, 32) },
    Case { key: "push-one", ..case(ScenarioName::Push, Data::One, 16) },
    Case { key: "first-clone", operations: Some(4), ..case(ScenarioName::FirstClone, Data::Large, 1) },
    Case { key: "mixed", sides: &[Side::Ours], is_long: true, ..case(ScenarioName::Mixed, Data::Distinct, 100) },
    // Without pauses: how much the server does at most, whoever has to wait for it.
    Case { key: "mixed-full", sides: &[Side::Ours], ..case(ScenarioName::Mixed, Data::Distinct, 100) },
];

const fn case(scenario: ScenarioName, data: Data, connections: usize) -> Case {
    Case {
        key: "",
        scenario,
        data,
        connections,
        sides: OURS_AND_PEER,
        operations: None,
        peer_operations: None,
        is_long: false,
    }
}

impl Case {
    /// How often it is run: long ones once.
    pub(crate) fn rounds(&self, rounds: u32) -> u32 {
        if self.is_long { 1 } else { rounds }
    }
}

impl Side {
    /// Its name in reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursPrivate => "ours-private",
            Self::Peer => "peer",
            Self::Limit => "limit",
        }
    }

    /// What it does in a case: the limit only sends a file.
    pub(crate) fn scenario(self, case: &Case) -> ScenarioName {
        if self == Self::Limit { ScenarioName::Static } else { case.scenario }
    }

    /// How often the work is done before it is measured: ours twice, because the second time is what is measured.
    pub(crate) fn checked_operations(self) -> u32 {
        if matches!(self, Self::Ours | Self::OursPrivate) { 2 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_have_names_of_their_own_and_a_limit_has_a_file() {
        for (n, case) in CASES.iter().enumerate() {
            assert!(!case.key.is_empty() && CASES[..n].iter().all(|other| other.key != case.key), "{}", case.key);
            let has_file = matches!(case.data, Data::Tiny | Data::Small | Data::Large);
            assert!(has_file || !case.sides.contains(&Side::Limit), "{}", case.key);
        }
    }
}

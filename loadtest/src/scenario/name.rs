//! The scenarios' names on the command line and in reports.
//!
//! Owns what kind of scenario each is. Does nothing itself. Called by everything that tells scenarios apart.

use clap::ValueEnum;

/// A scenario's name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScenarioName {
    /// GET info/refs for upload-pack, protocol v2.
    InfoRefs,
    /// The v2 `ls-refs` command: branches, tags and HEAD.
    LsRefs,
    /// v2 fetch of all branches and tags with nothing at hand; the pack is checked.
    Clone,
    /// v2 fetch of the default branch's tip alone (`deepen 1`).
    CloneShallow,
    /// v2 fetch of all branches and tags without file contents (`filter blob:none`).
    CloneBlobless,
    /// Push of one commit on the default branch's tip to a branch of its own, then a clone of all; latency is the clone's.
    FirstClone,
    /// v2 fetch of the default branch, `--behind` commits behind.
    Fetch,
    /// One commit a push, each connection to a branch of its own.
    Push,
    /// GET of a JSON list (`--path`).
    Api,
    /// GET of anything (`--path`), such as a file that a web server sends: the limit of a machine.
    Static,
    /// Users: 60 % reads of `--read` paths, 25 % fetches, 10 % clones, 5 % pushes, each with its own latencies.
    Mixed,
}

impl ScenarioName {
    /// Whether it receives packs, and so has to know what to ask for.
    pub(crate) fn reads_packs(self) -> bool {
        match self {
            Self::Clone | Self::CloneShallow | Self::CloneBlobless | Self::FirstClone | Self::Fetch | Self::Mixed => {
                true
            }
            Self::InfoRefs | Self::LsRefs | Self::Push | Self::Api | Self::Static => false,
        }
    }

    /// Whether it leaves branches behind.
    pub(crate) fn pushes(self) -> bool {
        matches!(self, Self::Push | Self::FirstClone | Self::Mixed)
    }
}

impl std::fmt::Display for ScenarioName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InfoRefs => "info-refs",
            Self::LsRefs => "ls-refs",
            Self::Clone => "clone",
            Self::CloneShallow => "clone-shallow",
            Self::CloneBlobless => "clone-blobless",
            Self::FirstClone => "first-clone",
            Self::Fetch => "fetch",
            Self::Push => "push",
            Self::Api => "api",
            Self::Static => "static",
            Self::Mixed => "mixed",
        })
    }
}

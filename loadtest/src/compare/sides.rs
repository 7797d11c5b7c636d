//! How each side is asked to do a case: address, repository, credentials and length, as options of a plain run.
//!
//! Owns that the sides differ in nothing else. Called by `compare`.

use crate::compare::cases::{Case, Data, Side};
use crate::compare::options::CompareOptions;
use crate::options::Options;

/// The options of one side's runs.
///
/// Errors: the side is not there.
pub(crate) fn options(case: &Case, side: Side, compare: &CompareOptions) -> Result<Options, String> {
    let (url, pid) = match side {
        Side::Ours | Side::OursPrivate => (Some(&compare.ours), &compare.ours_pid),
        Side::Peer => (compare.peer.as_ref(), &compare.peer_pid),
        Side::Limit => (compare.limit.as_ref(), &compare.limit_pid),
    };
    let url = url.ok_or_else(|| format!("{} is not there", side.word()))?;
    let is_ours = matches!(side, Side::Ours | Side::OursPrivate);
    let with_token = side == Side::OursPrivate || (is_ours && case.scenario.pushes());
    let defaults = Options::defaults(side.scenario(case), url)?;
    Ok(without_warmup(Options {
        repo: repository(case, side, compare).to_owned(),
        repositories: Some(compare.distinct_count),
        path: file(case, compare).to_owned(),
        token: compare.token.clone().filter(|_| with_token),
        connections: case.connections,
        duration: if case.is_long { compare.mixed_duration } else { compare.duration },
        think: if case.is_long { compare.think } else { std::time::Duration::ZERO },
        requests: case.operations.or(case.peer_operations.filter(|_| side == Side::Peer)),
        warmup: compare.warmup,
        timeout: std::time::Duration::from_secs(300),
        pid: pid.clone(),
        cgroup: compare.peer_cgroup.clone().filter(|_| side == Side::Peer),
        threads: compare.threads,
        verify: false,
        ..defaults
    }))
}

/// A number of operations is measured from a standing start: the CPU of those under way would be counted with it.
fn without_warmup(options: Options) -> Options {
    if options.requests.is_some() { Options { warmup: std::time::Duration::ZERO, ..options } } else { options }
}

fn repository<'a>(case: &Case, side: Side, compare: &'a CompareOptions) -> &'a str {
    match case.data {
        Data::Tiny | Data::Small if side == Side::OursPrivate => &compare.private,
        Data::Tiny | Data::Small => &compare.small,
        Data::Refs => &compare.refs,
        Data::Large => &compare.large,
        Data::Distinct => &compare.distinct,
        Data::One => &compare.one,
    }
}

fn file<'a>(case: &Case, compare: &'a CompareOptions) -> &'a str {
    match case.data {
        Data::Large => &compare.large_file,
        Data::Small => &compare.small_file,
        Data::Tiny | Data::Refs | Data::Distinct | Data::One => &compare.tiny_file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::cases::CASES;
    use clap::Parser as _;

    fn compare() -> CompareOptions {
        let args = ["compare", "--ours", "http://o", "--peer", "http://p", "--limit", "http://l", "--token", "secret"];
        CompareOptions::parse_from(args)
    }

    #[test]
    fn the_token_goes_to_our_server_alone_and_only_where_it_is_needed() {
        for case in CASES {
            for side in [Side::Ours, Side::OursPrivate, Side::Peer, Side::Limit] {
                let options = options(case, side, &compare()).unwrap();
                let expected = match side {
                    Side::Ours => case.scenario.pushes(),
                    Side::OursPrivate => true,
                    Side::Peer | Side::Limit => false,
                };
                assert_eq!(options.token.is_some(), expected, "{} {}", case.key, side.word());
            }
        }
    }

    #[test]
    fn a_counted_run_has_no_warm_up() {
        for case in CASES {
            let options = options(case, Side::Peer, &compare()).unwrap();
            assert_eq!(options.requests.is_some(), options.warmup.is_zero(), "{}", case.key);
        }
    }
}

use super::*;
use crate::model::{RepoId, RuleId, RuleSettings, UserName, UtcMs};

pub(crate) fn rule(name: &str, change: impl FnOnce(&mut RuleSettings)) -> BranchRule {
    let mut settings = RuleSettings::default();
    change(&mut settings);
    BranchRule {
        id: RuleId::new(1),
        repo_id: RepoId::new(1),
        name: name.to_owned(),
        settings,
        users: Vec::new(),
        teams: Vec::new(),
        created_ms: UtcMs::new(1),
        updated_ms: UtcMs::new(1),
    }
}

fn tag(pattern: &str, users: &[i64]) -> TagRule {
    TagRule {
        id: RuleId::new(1),
        repo_id: RepoId::new(1),
        pattern: pattern.to_owned(),
        users: users.iter().map(|id| (UserId::new(*id), UserName::new("ada").unwrap())).collect(),
        teams: Vec::new(),
        created_ms: UtcMs::new(1),
        updated_ms: UtcMs::new(1),
    }
}

#[test]
fn exact_names_win_over_globs_and_then_the_first_wins() {
    let rules = ["*", "rel*", "release"].map(|name| rule(name, |_| {}));
    let rules = BranchRules::new(rules.to_vec()).unwrap();
    for (branch, expected) in
        [("release", Some("release")), ("Release", Some("release")), ("rel1", Some("*")), ("a/b", None)]
    {
        assert_eq!(rules.effective(branch).map(|ready| ready.rule.name.as_str()), expected, "{branch}");
    }
}

#[test]
fn lists_are_asked_where_they_are_switched_on() {
    let (ada, bob) = (Pusher::User(UserId::new(1), &[]), Pusher::User(UserId::new(2), &[]));
    let key = Pusher::DeployKey;
    let ready = |change: fn(&mut RuleSettings)| {
        let mut row = rule("main", change);
        row.users = [WhiteList::Push, WhiteList::ForcePush]
            .map(|list| (list, UserId::new(1), UserName::new("ada").unwrap()))
            .to_vec();
        ReadyRule::new(row).unwrap()
    };
    let closed = ready(|_| {});
    let open = ready(|rule| rule.flags.enable_push = true);
    let listed = ready(|rule| {
        rule.flags.enable_push = true;
        rule.flags.enable_push_whitelist = true;
    });
    let keys = ready(|rule| {
        rule.flags.enable_push = true;
        rule.flags.enable_push_whitelist = true;
        rule.flags.push_whitelist_deploy_keys = true;
        rule.flags.enable_force_push = true;
        rule.flags.enable_force_push_allowlist = true;
    });
    // Push by ada, bob, a key, nobody known; the same by force.
    let may = |rule: &ReadyRule| [ada, bob, key, Pusher::Other].map(|who| (rule.may_push(who), rule.may_force(who)));
    let (no, push, both) = ((false, false), (true, false), (true, true));
    assert_eq!(may(&closed), [no, no, no, no]);
    assert_eq!(may(&open), [push, push, push, push]);
    assert_eq!(may(&listed), [push, no, no, no]);
    assert_eq!(may(&keys), [both, no, push, no]);
}

#[test]
fn files_are_matched_without_regard_to_case() {
    let ready = ReadyRule::new(rule("main", |rule| {
        rule.protected_file_patterns = "SOP/**; *.Lock;".to_owned();
        rule.unprotected_file_patterns = "docs/**".to_owned();
    }))
    .unwrap();
    let files = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert!(ready.asks_for_files());
    assert_eq!(ready.protected_file(&files(&["a", "sop/x/y.md"])), Some("sop/x/y.md"));
    assert_eq!(ready.protected_file(&files(&["CARGO.LOCK"])), Some("CARGO.LOCK"));
    assert_eq!(ready.protected_file(&files(&["a", "b/cargo.lock"])), None);
    assert!(ready.are_unprotected(&files(&["docs/a", "Docs/b.md"])));
    assert!(!ready.are_unprotected(&files(&["docs/a", "b"])) && !ready.are_unprotected(&files(&[])));
    let bad = rule("main", |rule| rule.protected_file_patterns = "[".to_owned());
    assert!(ReadyRule::new(bad).is_err());
}

#[test]
fn a_tag_is_free_if_no_rule_covers_it_or_one_lets_in() {
    let rules = TagRules::new(vec![tag("v*", &[]), tag("/^v1/", &[7]), tag("x/*", &[])]).unwrap();
    let ada = Pusher::User(UserId::new(7), &[]);
    for (name, pusher, is_free) in [
        ("w", ada, true),
        ("v2", ada, false),
        ("v1.0", ada, true),
        ("v1.0", Pusher::User(UserId::new(8), &[]), false),
        ("v1.0", Pusher::DeployKey, false),
        ("v1/a/b", Pusher::Other, false),
        ("x/a/b", ada, false),
    ] {
        assert_eq!(rules.against(name, pusher).is_none(), is_free, "{name} {pusher:?}");
    }
    assert!(tag_pattern("/(/").is_err() && tag_pattern("[").is_err() && tag_pattern("//").is_ok());
}

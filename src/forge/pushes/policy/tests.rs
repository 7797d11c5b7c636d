//! The decision about one change, by tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use atomicqms_git::{ObjectId, RefName};

use super::super::facts::Signatures;
use super::*;
use crate::forge::protection::rules::{BranchRules, TagRules};
use crate::model::{BranchRule, RepoId, RuleId, RuleSettings, TagRule, UserId, UserName, UtcMs};

fn judge_with(
    rules: &Rules,
    pusher: Pusher<'static>,
    level: AccessLevel,
    edit: &RefEdit,
    facts: &Facts,
    purpose: &Purpose,
) -> Result<(), Refusal> {
    Judge { rules, default_branch: "main", pusher, level }.judge(edit, facts, purpose)
}

fn edit(name: &str, old: Option<u8>, new: Option<u8>) -> RefEdit {
    let id = |byte: u8| ObjectId::try_from([byte; 20].as_slice()).unwrap();
    RefEdit { name: RefName::new(name).unwrap(), old: old.map(id), new: new.map(id), peeled: None }
}

fn rule(name: &str, change: impl FnOnce(&mut RuleSettings)) -> Rules {
    let mut settings = RuleSettings::default();
    change(&mut settings);
    let (id, repo_id, at) = (RuleId::new(1), RepoId::new(1), UtcMs::new(1));
    let row = BranchRule {
        id,
        repo_id,
        name: name.to_owned(),
        settings,
        users: Vec::new(),
        teams: Vec::new(),
        created_ms: at,
        updated_ms: at,
    };
    Rules { branches: Arc::new(BranchRules::new(vec![row]).unwrap()), tags: Arc::default() }
}

fn facts(motion: Motion) -> Facts {
    Facts { motion, files: None, signatures: None }
}

const ADA: Pusher<'static> = Pusher::User(UserId::new(1), &[]);

#[test]
fn rules_of_branches_by_table() {
    let open = |rule: &mut RuleSettings| rule.flags.enable_push = true;
    let forced = |rule: &mut RuleSettings| {
        rule.flags.enable_push = true;
        rule.flags.enable_force_push = true;
    };
    let files = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
    let signed = |rule: &mut RuleSettings| {
        rule.flags.enable_push = true;
        rule.flags.require_signed_commits = true;
    };
    let patterns = |rule: &mut RuleSettings| {
        rule.flags.enable_push = true;
        rule.protected_file_patterns = "sop/**".to_owned();
    };
    let unprotected = |rule: &mut RuleSettings| rule.unprotected_file_patterns = "docs/**".to_owned();
    let with = |motion, files, signatures| Facts { motion, files, signatures };
    let broken = Signatures { broken: Some(("c".to_owned(), "it is not signed".to_owned())), ..Signatures::default() };
    use Motion::{Create, Delete, FastForward, Forced, Unknown};
    let rows: Vec<(&str, Rules, &str, Facts, Option<&str>)> = vec![
        ("none", Rules::default(), "x", facts(Unknown), None),
        ("none", Rules::default(), "x", facts(Delete), None),
        ("none", Rules::default(), "main", facts(Unknown), None),
        ("none", Rules::default(), "main", facts(Delete), Some("default branch")),
        ("closed", rule("x", |_| {}), "y", facts(FastForward), None),
        ("closed", rule("x", |_| {}), "x", facts(FastForward), Some("Not allowed to push")),
        ("closed", rule("x", |_| {}), "x", facts(Create), Some("Not allowed to push")),
        ("closed", rule("*", |_| {}), "x", facts(Create), Some("Not allowed to push")),
        ("open", rule("x", open), "x", facts(FastForward), None),
        ("open", rule("x", open), "x", facts(Create), None),
        ("open", rule("x", open), "x", facts(Forced), Some("protected from force push")),
        ("open", rule("x", open), "x", facts(Delete), Some("protected from deletion")),
        ("open", rule("x", open), "x", facts(Unknown), Some("changed meanwhile")),
        ("forced", rule("x", forced), "x", facts(Forced), None),
        ("signed", rule("x", signed), "x", facts(FastForward), Some("changed meanwhile")),
        ("signed", rule("x", signed), "x", with(FastForward, None, Some(Signatures::default())), None),
        ("signed", rule("x", signed), "x", with(FastForward, None, Some(broken)), Some("unverified commit c")),
        ("files", rule("x", patterns), "x", facts(FastForward), Some("changed meanwhile")),
        ("files", rule("x", patterns), "x", with(FastForward, files(&["a"]), None), None),
        ("files", rule("x", patterns), "x", with(FastForward, files(&["SOP/a"]), None), Some("changing file SOP/a")),
        ("docs", rule("x", unprotected), "x", with(FastForward, files(&["docs/a"]), None), None),
        ("docs", rule("x", unprotected), "x", with(Create, files(&["docs/a"]), None), Some("Not allowed to push")),
        ("docs", rule("x", unprotected), "x", with(FastForward, files(&["a"]), None), Some("Not allowed to push")),
        ("docs", rule("x", unprotected), "x", with(FastForward, files(&[]), None), Some("Not allowed to push")),
    ];
    for (what, rules, branch, facts, expected) in rows {
        let edit = edit(&format!("refs/heads/{branch}"), Some(1), Some(2));
        let found = judge_with(&rules, ADA, AccessLevel::Owner, &edit, &facts, &Purpose::Move);
        match expected {
            None => assert_eq!(found, Ok(()), "{what} {branch} {facts:?}"),
            Some(text) => {
                let reason = found.unwrap_err().reason;
                assert!(reason.contains(text), "{what} {branch} {facts:?}: {reason}");
            }
        }
    }
}

#[test]
fn renames_by_table() {
    let open = |rule: &mut RuleSettings| rule.flags.enable_push = true;
    let signed = |rule: &mut RuleSettings| {
        rule.flags.enable_push = true;
        rule.flags.require_signed_commits = true;
    };
    let rows = [
        (Rules::default(), "a", "b", AccessLevel::Write, true),
        (Rules::default(), "main", "b", AccessLevel::Write, false),
        (Rules::default(), "main", "b", AccessLevel::Admin, true),
        (rule("a", open), "a", "b", AccessLevel::Owner, false),
        (rule("b", open), "a", "b", AccessLevel::Write, true),
        (rule("b", signed), "a", "b", AccessLevel::Owner, false),
        (rule("*", |_| {}), "a", "b", AccessLevel::Owner, false),
    ];
    for (rules, from, to, level, passes) in rows {
        let purpose = Purpose::Rename { from: from.to_owned(), to: to.to_owned() };
        let edits =
            [edit(&format!("refs/heads/{from}"), Some(1), None), edit(&format!("refs/heads/{to}"), None, Some(1))];
        let judged = edits.iter().map(|edit| judge_with(&rules, ADA, level, edit, &Facts::of(edit), &purpose));
        assert_eq!(judged.into_iter().all(|one| one.is_ok()), passes, "{from} {to} {level:?}");
    }
}

#[test]
fn tags_and_other_refs() {
    let at = UtcMs::new(1);
    let users = vec![(UserId::new(1), UserName::new("ada").unwrap())];
    let row = TagRule {
        id: RuleId::new(1),
        repo_id: RepoId::new(1),
        pattern: "v*".to_owned(),
        users,
        teams: Vec::new(),
        created_ms: at,
        updated_ms: at,
    };
    let rules = Rules { branches: Arc::default(), tags: Arc::new(TagRules::new(vec![row]).unwrap()) };
    for (name, pusher, passes) in [
        ("refs/tags/v1", ADA, true),
        ("refs/tags/v1", Pusher::DeployKey, false),
        ("refs/tags/v1", Pusher::User(UserId::new(2), &[]), false),
        ("refs/tags/w", Pusher::User(UserId::new(2), &[]), true),
        ("refs/notes/v1", Pusher::DeployKey, true),
    ] {
        for edit in [edit(name, None, Some(1)), edit(name, Some(1), None), edit(name, Some(1), Some(2))] {
            let found = judge_with(&rules, pusher, AccessLevel::Owner, &edit, &Facts::of(&edit), &Purpose::Move);
            assert_eq!(found.is_ok(), passes, "{name} {pusher:?}");
        }
    }
}

#[test]
fn a_branch_and_a_protected_tag_have_not_the_same_name() {
    let at = UtcMs::new(0);
    let row = TagRule {
        id: RuleId::new(1),
        repo_id: RepoId::new(1),
        pattern: "v*".to_owned(),
        users: Vec::new(),
        teams: Vec::new(),
        created_ms: at,
        updated_ms: at,
    };
    let rules = Rules { branches: Arc::default(), tags: Arc::new(TagRules::new(vec![row]).unwrap()) };
    let there = ["refs/heads/v1", "refs/tags/v2", "refs/heads/w", "refs/tags/x"];
    for (name, old, new, passes) in [
        ("refs/heads/v2", None, Some(1), false),
        ("refs/heads/v2", Some(1), Some(2), false),
        ("refs/heads/v2", Some(1), None, true),
        ("refs/heads/v3", None, Some(1), true),
        ("refs/heads/x", None, Some(1), true),
        ("refs/tags/v1", None, Some(1), false),
        ("refs/tags/v1", Some(1), Some(2), true),
        ("refs/tags/v3", None, Some(1), true),
        ("refs/tags/w", None, Some(1), true),
        ("refs/notes/v1", None, Some(1), true),
    ] {
        let exists = |name: &str| Ok::<_, ()>(there.contains(&name));
        let found = judge_namesake(&rules, &edit(name, old, new), exists).unwrap();
        assert_eq!(found.is_ok(), passes, "{name} {old:?} {new:?}: {found:?}");
    }
    assert_eq!(judge_namesake(&rules, &edit("refs/heads/v2", None, Some(1)), |_| Err("lost")), Err("lost"));
}

#[test]
fn quotas_by_table() {
    for (current, added, limit, passes) in
        [(0, 10, 0, true), (90, 10, 100, true), (90, 11, 100, false), (500, 0, 100, true), (u64::MAX, 1, 100, false)]
    {
        assert_eq!(check_quota(current, added, limit).is_ok(), passes, "{current} {added} {limit}");
    }
}

#[test]
fn proposals_are_known_by_their_names() {
    for name in ["refs/for/main", "refs/for/main/topic", "refs/draft/x", "refs/for-review/x"] {
        assert_eq!(Intent::of(name), Intent::Propose, "{name}");
    }
    for name in ["refs/heads/for/x", "refs/tags/for", "refs/fork/x"] {
        assert_eq!(Intent::of(name), Intent::Move, "{name}");
    }
}

#[test]
fn a_mirror_tells_of_each_refusal_once_and_of_none_when_there_are_too_many() {
    let edit = edit("refs/heads/main", Some(1), Some(2));
    let why = |reason: &str| Refusal { rule: "branch:main".to_owned(), reason: reason.to_owned() };
    let follow = |lines: Vec<String>| Purpose::Follow { refused: Arc::new(lines.into_iter().collect()) };
    let line = refusal_line("refs/heads/main", edit.new, "not\nhere");
    assert!(!line.contains('\n') && line.starts_with("refs/heads/main 0202"));
    assert!(!Purpose::Move.knows(&edit, &why("not\nhere")));
    assert!(!follow(Vec::new()).knows(&edit, &why("not\nhere")));
    let known = follow(vec![line]);
    assert!(known.knows(&edit, &why("not\nhere")) && !known.knows(&edit, &why("for another reason")));
    let moved = RefEdit { new: None, ..edit.clone() };
    assert!(!known.knows(&moved, &why("not\nhere")), "another change");
    let many = follow((0..MAX_REMEMBERED).map(|n| n.to_string()).collect());
    assert!(many.knows(&edit, &why("not\nhere")));
}

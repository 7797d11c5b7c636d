//! The whole matrix of the gate: callers x actions x things x scopes, against expectations written down by hand.

use super::*;
use atomicqms_actors::sql::Connection;

use crate::access::action::{self, OnInstance, OnOrganization, OnRepository, OnTeam, OnTransfer, OnUser, RepoPath};
use crate::access::rights::{Grants, RepositoryRights, rights_from};
use crate::db;
use crate::db::testing;
use crate::model::{
    AccessLevel, Category, RepoName, Repository, Standing, TokenId, TokenScopes, Unit, UnitLevels, UnitSet, User,
    UserId, UserName, UtcMs,
};

/// What the gate says, in one word.
fn word(result: &Result<()>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(error) => error.kind().name(),
    }
}

fn user(id: i64, name: &str) -> User {
    User {
        id: UserId::new(id),
        name: UserName::new(name).unwrap(),
        full_name: String::new(),
        email: crate::model::Email::new("x@example.org").unwrap(),
        description: String::new(),
        website: String::new(),
        location: String::new(),
        visibility: Visibility::Public,
        is_admin: false,
        is_active: true,
        is_login_prohibited: false,
        is_restricted: false,
        must_change_password: false,
        is_organization: false,
        settings: crate::model::user::UserSettings::default(),
        avatar: None,
        password_version: 1,
        created_ms: UtcMs::EPOCH,
        updated_ms: UtcMs::EPOCH,
        last_login_ms: None,
    }
}

fn repository(is_private: bool) -> Repository {
    Repository {
        id: crate::model::RepoId::new(1),
        owner_id: UserId::new(1),
        owner: UserName::new("owner").unwrap(),
        owner_visibility: Visibility::Public,
        is_owner_organization: false,
        name: RepoName::new("sop").unwrap(),
        description: String::new(),
        website: String::new(),
        default_branch: "main".into(),
        is_private,
        is_archived: false,
        is_mirror: false,
        original_url: String::new(),
        is_template: false,
        disabled_units: UnitSet::default(),
        fork_id: None,
        is_empty: false,
        size_bytes: 0,
        created_ms: UtcMs::EPOCH,
        updated_ms: UtcMs::EPOCH,
        pushed_ms: None,
        archived_ms: None,
        avatar: None,
    }
}

/// The personas of the matrix with what was granted to them, in the order of the tables below.
fn personas() -> Vec<(&'static str, Caller, Option<AccessLevel>)> {
    let signed_in = |id: i64, name: &str| Caller::for_test(user(id, name), Credential::Password);
    let admin = User { is_admin: true, ..user(9, "root") };
    let restricted = User { is_restricted: true, ..user(8, "guest") };
    vec![
        ("anonymous", Caller::anonymous(Default::default()), None),
        ("stranger", signed_in(2, "stranger"), None),
        ("restricted", Caller::for_test(restricted, Credential::Password), None),
        ("reader", signed_in(3, "reader"), Some(AccessLevel::Read)),
        ("writer", signed_in(4, "writer"), Some(AccessLevel::Write)),
        ("admin", signed_in(5, "repoadmin"), Some(AccessLevel::Admin)),
        ("owner", signed_in(1, "owner"), None),
        ("site admin", Caller::for_test(admin, Credential::Password), None),
        ("console", Caller::console(Default::default()), None),
    ]
}

fn grant(collaborator: Option<AccessLevel>) -> Grants {
    Grants { collaborator, ..Grants::default() }
}

/// The facts of a repository in which the caller may do everything.
fn own_repository(is_public: bool) -> Facts {
    let console = Caller::console(Default::default());
    let rights = rights_from(&console, &repository(!is_public), &Grants::default());
    Facts::Repository { rights, disabled_units: UnitSet::default(), is_public, is_archived: false, is_mirror: false }
}

/// The same, a mirror if that is what the action is for.
fn own_repository_for(rule: &Rule, is_public: bool) -> Facts {
    match own_repository(is_public) {
        Facts::Repository { rights, disabled_units, is_public, is_archived, .. } => {
            let is_mirror = rule.mirror == OnMirror::Only;
            Facts::Repository { rights, disabled_units, is_public, is_archived, is_mirror }
        }
        other => other,
    }
}

/// The facts of one's own account.
fn own_account(is_public: bool) -> Facts {
    Facts::User { is_self: true, is_visible: true, is_public, is_organization: false }
}

fn organization(standing: Standing, is_public: bool) -> Facts {
    Facts::Organization { standing, is_visible: is_public || standing.is_member, is_public }
}

fn team(standing: Standing, is_in_team: bool, visibility: Visibility) -> Facts {
    Facts::Team { standing, is_in_team, visibility, is_organization_visible: true, is_public: true }
}

/// The facts of an offer to the caller or to somebody else, of a repository in which the caller has a level.
fn offer(is_recipient: bool, level: AccessLevel, is_public: bool) -> Facts {
    Facts::Transfer { is_recipient, rights: RepositoryRights { level, units: UnitLevels::all(level) }, is_public }
}

fn ask(rule: &Rule, caller: &Caller, facts: &Facts) -> Result<()> {
    check_caller(rule, caller)?;
    decide(rule, caller, facts)
}

#[test]
fn repository_actions() {
    const OK: &str = "ok";
    const NO: &str = "forbidden";
    const HIDE: &str = "not_found";
    const WHO: &str = "unauthenticated";
    const SHUT: &str = "locked";
    const NONE: &str = "malformed";
    // anonymous, stranger, restricted, reader, writer, admin, owner, site admin, console
    let table: &[(&str, bool, bool, [&str; 9])] = &[
        ("repository.read", false, false, [OK, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("repository.read", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("repository.read", false, true, [OK, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("code.read", false, false, [OK, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("code.read", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("repository.transfer", false, false, [WHO, NO, HIDE, NO, NO, NO, OK, OK, OK]),
        ("repository.transfer", true, false, [HIDE, HIDE, HIDE, NO, NO, NO, OK, OK, OK]),
        ("assignable.list", false, false, [WHO, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("assignable.list", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("fork.list", false, false, [OK, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("interest.list", false, false, [OK, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("fork.list", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("interest.list", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("repository_team.list", false, false, [WHO, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("repository_team.list", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("repository_team.edit", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("repository_team.edit", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("repository.clone", false, false, [OK, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("repository.clone", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("repository.push", false, false, [WHO, NO, HIDE, NO, OK, OK, OK, OK, OK]),
        ("repository.push", true, false, [HIDE, HIDE, HIDE, NO, OK, OK, OK, OK, OK]),
        ("repository.push", false, true, [WHO, NO, HIDE, NO, SHUT, SHUT, SHUT, SHUT, SHUT]),
        ("mirror.sync", false, false, [WHO, NO, HIDE, NO, NONE, NONE, NONE, NONE, NONE]),
        ("mirror.sync", true, false, [HIDE, HIDE, HIDE, NO, NONE, NONE, NONE, NONE, NONE]),
        ("mirror.sync", false, true, [WHO, NO, HIDE, NO, SHUT, SHUT, SHUT, SHUT, SHUT]),
        ("mirror.read", false, false, [WHO, NO, HIDE, NO, NO, NONE, NONE, NONE, NONE]),
        ("mirror.read", true, false, [HIDE, HIDE, HIDE, NO, NO, NONE, NONE, NONE, NONE]),
        ("mirror.read", false, true, [WHO, NO, HIDE, NO, NO, NONE, NONE, NONE, NONE]),
        ("release.read", false, false, [OK, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("release.read", true, true, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("label.read", false, false, [OK, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("label.read", true, true, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("label.edit", false, false, [WHO, NO, HIDE, NO, OK, OK, OK, OK, OK]),
        ("label.edit", true, false, [HIDE, HIDE, HIDE, NO, OK, OK, OK, OK, OK]),
        ("label.edit", false, true, [WHO, NO, HIDE, NO, SHUT, SHUT, SHUT, SHUT, SHUT]),
        ("commit_status.edit", false, false, [WHO, NO, HIDE, NO, OK, OK, OK, OK, OK]),
        ("commit_status.edit", true, false, [HIDE, HIDE, HIDE, NO, OK, OK, OK, OK, OK]),
        ("commit_status.edit", false, true, [WHO, NO, HIDE, NO, SHUT, SHUT, SHUT, SHUT, SHUT]),
        ("release.edit", false, false, [WHO, NO, HIDE, NO, OK, OK, OK, OK, OK]),
        ("release.edit", true, false, [HIDE, HIDE, HIDE, NO, OK, OK, OK, OK, OK]),
        ("release.edit", false, true, [WHO, NO, HIDE, NO, SHUT, SHUT, SHUT, SHUT, SHUT]),
        ("repository.edit", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("repository.edit", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("repository.edit", false, true, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("repository.delete", false, false, [WHO, NO, HIDE, NO, NO, NO, OK, OK, OK]),
        ("repository.delete", true, false, [HIDE, HIDE, HIDE, NO, NO, NO, OK, OK, OK]),
        ("deploy_key.list", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("deploy_key.list", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("deploy_key.edit", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("deploy_key.edit", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("protection.read", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("protection.read", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("protection.read", false, true, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("protection.edit", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("protection.edit", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("protection.edit", false, true, [WHO, NO, HIDE, NO, NO, SHUT, SHUT, SHUT, SHUT]),
        ("collaborator.list", false, false, [WHO, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("collaborator.list", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("collaborator.edit", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("collaborator.edit", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("star.read", false, false, [WHO, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("star.read", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("star.edit", false, false, [WHO, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("star.edit", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("watch.read", false, false, [WHO, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("watch.read", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("watch.edit", false, false, [WHO, OK, HIDE, OK, OK, OK, OK, OK, OK]),
        ("watch.edit", true, false, [HIDE, HIDE, HIDE, OK, OK, OK, OK, OK, OK]),
        ("avatar.edit_repository", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("avatar.edit_repository", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("avatar.edit_repository", false, true, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("topic.edit", false, false, [WHO, NO, HIDE, NO, NO, OK, OK, OK, OK]),
        ("topic.edit", true, false, [HIDE, HIDE, HIDE, NO, NO, OK, OK, OK, OK]),
        ("topic.edit", false, true, [WHO, NO, HIDE, NO, NO, SHUT, SHUT, SHUT, SHUT]),
    ];
    for rule in OnRepository::RULES {
        assert!(table.iter().any(|(name, ..)| *name == rule.name), "{} has no line in the table", rule.name);
    }
    for (name, is_private, is_archived, expected) in table {
        let rule = OnRepository::RULES.iter().find(|rule| rule.name == *name).unwrap();
        for ((persona, caller, granted), expected) in personas().iter().zip(expected) {
            let repository = repository(*is_private);
            let rights = rights_from(caller, &repository, &grant(*granted));
            let facts = Facts::Repository {
                rights,
                disabled_units: UnitSet::default(),
                is_public: !is_private,
                is_archived: *is_archived,
                is_mirror: false,
            };
            let answer = ask(rule, caller, &facts);
            assert_eq!(word(&answer), *expected, "{name} private={is_private} archived={is_archived} {persona}");
            if let Err(error) = answer {
                assert_eq!(
                    error.may_challenge(),
                    caller.is_anonymous(),
                    "{name} {persona}: challenge exactly the anonymous"
                );
            }
        }
    }
}

#[test]
fn account_actions() {
    const OK: &str = "ok";
    const NO: &str = "forbidden";
    const WHO: &str = "unauthenticated";
    // anonymous, somebody else, the account itself, site admin, console
    let table: &[(&str, [&str; 5])] = &[
        ("user.read", [OK, OK, OK, OK, OK]),
        ("user.see_name", [OK, OK, OK, OK, OK]),
        ("repository.list_user", [OK, OK, OK, OK, OK]),
        ("interest.list_user", [OK, OK, OK, OK, OK]),
        ("organization.list_user", [OK, OK, OK, OK, OK]),
        ("organization.create_for", [WHO, NO, NO, OK, OK]),
        ("user.edit", [WHO, NO, NO, OK, OK]),
        ("user.rename", [WHO, NO, NO, OK, OK]),
        ("user.delete", [WHO, NO, NO, OK, OK]),
        ("profile.edit", [WHO, NO, OK, NO, OK]),
        ("settings.read", [WHO, NO, OK, NO, OK]),
        ("email.list", [WHO, NO, OK, NO, OK]),
        ("email.edit", [WHO, NO, OK, NO, OK]),
        ("follow.list", [OK, OK, OK, OK, OK]),
        ("follow.edit", [WHO, NO, OK, NO, OK]),
        ("block.list", [WHO, NO, OK, NO, OK]),
        ("block.edit", [WHO, NO, OK, NO, OK]),
        ("avatar.edit", [WHO, NO, OK, NO, OK]),
        ("password.change", [WHO, NO, OK, NO, OK]),
        ("token.manage", [WHO, NO, OK, OK, OK]),
        ("key.list", [OK, OK, OK, OK, OK]),
        ("key.read", [WHO, NO, OK, NO, OK]),
        ("key.add", [WHO, NO, OK, NO, OK]),
        ("key.remove", [WHO, NO, OK, NO, OK]),
        ("key.add_for", [WHO, NO, NO, OK, OK]),
        ("key.remove_for", [WHO, NO, NO, OK, OK]),
        ("gpg_key.list", [OK, OK, OK, OK, OK]),
        ("gpg_key.read", [WHO, NO, OK, NO, OK]),
        ("gpg_key.challenge", [WHO, NO, OK, NO, OK]),
        ("gpg_key.add", [WHO, NO, OK, NO, OK]),
        ("gpg_key.verify", [WHO, NO, OK, NO, OK]),
        ("gpg_key.remove", [WHO, NO, OK, NO, OK]),
        ("repository.create", [WHO, NO, OK, NO, OK]),
        ("repository.create_for", [WHO, NO, NO, OK, OK]),
    ];
    assert_eq!(table.len(), OnUser::RULES.len());
    let callers = [
        Caller::anonymous(Default::default()),
        Caller::for_test(user(2, "bob"), Credential::Password),
        Caller::for_test(user(1, "ada"), Credential::Password),
        Caller::for_test(User { is_admin: true, ..user(9, "root") }, Credential::Password),
        Caller::console(Default::default()),
    ];
    for (name, expected) in table {
        let rule = OnUser::RULES.iter().find(|rule| rule.name == *name).unwrap();
        for (position, (caller, expected)) in callers.iter().zip(expected).enumerate() {
            let facts =
                Facts::User { is_self: position == 2, is_visible: true, is_public: true, is_organization: false };
            assert_eq!(word(&ask(rule, caller, &facts)), *expected, "{name} caller {position}");
            let unseen = Facts::User { is_self: false, is_visible: false, is_public: false, is_organization: false };
            let hidden = word(&ask(rule, caller, &unseen));
            let is_refused_unseen = hidden == WHO || (rule.need == Need::SiteAdmin && hidden == NO);
            assert!(
                is_refused_unseen || hidden == "not_found",
                "{name} caller {position} on a hidden account: {hidden}"
            );
        }
    }
}

#[test]
fn an_organization_is_an_account_only_where_that_makes_sense() {
    let admin = Caller::for_test(User { is_admin: true, ..user(9, "root") }, Credential::Password);
    let facts = Facts::User { is_self: false, is_visible: true, is_public: true, is_organization: true };
    let passes: Vec<&str> =
        OnUser::RULES.iter().filter(|rule| ask(rule, &admin, &facts).is_ok()).map(|rule| rule.name).collect();
    assert_eq!(
        passes,
        ["user.read", "user.see_name", "repository.list_user", "key.list", "gpg_key.list", "repository.create_for"]
    );
}

#[test]
fn organization_actions() {
    const OK: &str = "ok";
    const NO: &str = "forbidden";
    const HIDE: &str = "not_found";
    const WHO: &str = "unauthenticated";
    // anonymous, stranger, member, maker, owner; of a public organization, then of a private one
    let table: &[(&str, [&str; 5], [&str; 5])] = &[
        ("organization.read", [OK, OK, OK, OK, OK], [HIDE, HIDE, OK, OK, OK]),
        ("organization.read_standing", [WHO, OK, OK, OK, OK], [WHO, HIDE, OK, OK, OK]),
        ("repository.list_organization", [OK, OK, OK, OK, OK], [HIDE, HIDE, OK, OK, OK]),
        ("team.list", [WHO, NO, OK, OK, OK], [WHO, HIDE, OK, OK, OK]),
        ("organization.show_membership", [WHO, NO, OK, OK, OK], [WHO, HIDE, OK, OK, OK]),
        ("repository.create_in", [WHO, NO, NO, OK, OK], [WHO, HIDE, NO, OK, OK]),
        ("organization.edit", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("organization.rename", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("label.read_organization", [OK, OK, OK, OK, OK], [HIDE, HIDE, OK, OK, OK]),
        ("label.edit_organization", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("block.list_organization", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("block.edit_organization", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("avatar.edit_organization", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("organization.delete", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("repository.delete_all", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("organization.remove_member", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
        ("team.create", [WHO, NO, NO, NO, OK], [WHO, HIDE, NO, NO, OK]),
    ];
    assert_eq!(table.len(), OnOrganization::RULES.len());
    let somebody = || Caller::for_test(user(2, "bob"), Credential::Password);
    let member = Standing { is_member: true, ..Standing::default() };
    let maker = Standing { can_create_repository: true, ..member };
    let personas = [
        (Caller::anonymous(Default::default()), Standing::default()),
        (somebody(), Standing::default()),
        (somebody(), member),
        (somebody(), maker),
        (somebody(), Standing::EVERYTHING),
    ];
    for (name, public, private) in table {
        let rule = OnOrganization::RULES.iter().find(|rule| rule.name == *name).unwrap();
        for (is_public, expected) in [(true, public), (false, private)] {
            for (position, ((caller, standing), expected)) in personas.iter().zip(expected).enumerate() {
                let answer = ask(rule, caller, &organization(*standing, is_public));
                assert_eq!(word(&answer), *expected, "{name} public={is_public} persona {position}");
            }
        }
    }
}

#[test]
fn team_actions() {
    let somebody = Caller::for_test(user(2, "bob"), Credential::Password);
    let member = Standing { is_member: true, ..Standing::default() };
    // stranger, member of the organization, member of the team, owner
    let rows: &[(&str, Visibility, [&str; 4])] = &[
        ("team.read", Visibility::Private, ["not_found", "forbidden", "ok", "ok"]),
        ("team.read", Visibility::Limited, ["not_found", "ok", "ok", "ok"]),
        ("team.read", Visibility::Public, ["ok", "ok", "ok", "ok"]),
        ("team.use", Visibility::Public, ["forbidden", "ok", "ok", "ok"]),
        ("team.edit", Visibility::Public, ["forbidden", "forbidden", "forbidden", "ok"]),
        ("team.delete", Visibility::Private, ["not_found", "forbidden", "forbidden", "ok"]),
        ("invitation.list", Visibility::Public, ["forbidden", "forbidden", "forbidden", "ok"]),
        ("invitation.edit", Visibility::Limited, ["not_found", "forbidden", "forbidden", "ok"]),
        ("team.edit_members", Visibility::Limited, ["not_found", "forbidden", "forbidden", "ok"]),
    ];
    for rule in OnTeam::RULES {
        assert!(rows.iter().any(|row| row.0 == rule.name), "{} has no line in the table", rule.name);
        assert_eq!(
            word(&check_caller(rule, &Caller::anonymous(Default::default()))),
            "unauthenticated",
            "{}",
            rule.name
        );
    }
    let personas = [(Standing::default(), false), (member, false), (member, true), (Standing::EVERYTHING, false)];
    for (name, visibility, expected) in rows {
        let rule = OnTeam::RULES.iter().find(|rule| rule.name == *name).unwrap();
        for (position, ((standing, is_in_team), expected)) in personas.iter().zip(expected).enumerate() {
            let answer = ask(rule, &somebody, &team(*standing, *is_in_team, *visibility));
            assert_eq!(word(&answer), *expected, "{name} {visibility:?} persona {position}");
        }
    }
    let in_hidden = Facts::Team {
        standing: Standing::default(),
        is_in_team: false,
        visibility: Visibility::Public,
        is_organization_visible: false,
        is_public: false,
    };
    assert_eq!(word(&ask(&<action::ReadTeam as Action>::RULE, &somebody, &in_hidden)), "not_found");
}

#[test]
fn offers_are_answered_by_those_they_were_made_to() {
    let somebody = Caller::for_test(user(2, "bob"), Credential::Password);
    let rows = [
        ("transfer.accept", false, AccessLevel::None, "not_found"),
        ("transfer.accept", false, AccessLevel::Read, "forbidden"),
        ("transfer.accept", false, AccessLevel::Owner, "forbidden"),
        ("transfer.accept", true, AccessLevel::None, "ok"),
        ("transfer.reject", false, AccessLevel::None, "not_found"),
        ("transfer.reject", false, AccessLevel::Admin, "forbidden"),
        ("transfer.reject", false, AccessLevel::Owner, "ok"),
        ("transfer.reject", true, AccessLevel::None, "ok"),
    ];
    for (name, is_recipient, level, expected) in rows {
        let rule = OnTransfer::RULES.iter().find(|rule| rule.name == name).unwrap();
        assert_eq!(word(&ask(rule, &somebody, &offer(is_recipient, level, false))), expected, "{name} {level}");
    }
    let scopes = TokenScopes::parse_list("all,public-only").unwrap();
    let limited = Caller::for_test(user(2, "bob"), Credential::Token { id: TokenId::new(1), scopes });
    for rule in OnTransfer::RULES {
        assert_eq!(word(&ask(rule, &limited, &offer(true, AccessLevel::Owner, false))), "forbidden", "{}", rule.name);
    }
}

#[test]
fn units_count_for_themselves_below_administrators() {
    let caller = Caller::for_test(user(2, "bob"), Credential::Password);
    let mut units = UnitLevels::default();
    units.set(Unit::Issues, AccessLevel::Write);
    let rule = |name: &str| *OnRepository::RULES.iter().find(|rule| rule.name == name).unwrap();
    let facts = |rights, disabled: &[Unit]| {
        let mut disabled_units = UnitSet::default();
        disabled.iter().for_each(|unit| disabled_units.set(*unit, true));
        Facts::Repository { rights, disabled_units, is_public: false, is_archived: false, is_mirror: false }
    };
    let issues_only = RepositoryRights { level: AccessLevel::Write, units };
    assert_eq!(word(&ask(&rule("repository.read"), &caller, &facts(issues_only, &[]))), "ok");
    assert_eq!(word(&ask(&rule("repository.clone"), &caller, &facts(issues_only, &[]))), "forbidden");
    assert_eq!(word(&ask(&rule("repository.push"), &caller, &facts(issues_only, &[]))), "forbidden");
    units.set(Unit::Code, AccessLevel::Read);
    let reads_code = RepositoryRights { level: AccessLevel::Write, units };
    assert_eq!(word(&ask(&rule("repository.clone"), &caller, &facts(reads_code, &[]))), "ok");
    assert_eq!(word(&ask(&rule("repository.push"), &caller, &facts(reads_code, &[]))), "forbidden");
    let owner = RepositoryRights { level: AccessLevel::Owner, units: UnitLevels::all(AccessLevel::Owner) };
    assert_eq!(
        word(&ask(&rule("repository.clone"), &caller, &facts(owner, &[Unit::Code]))),
        "not_found",
        "switched off"
    );
    assert_eq!(word(&ask(&rule("repository.edit"), &caller, &facts(owner, &[Unit::Code]))), "ok");
}

#[test]
fn mirrors_take_what_concerns_no_ref() {
    let caller = Caller::for_test(user(1, "owner"), Credential::Password);
    let refused = ["repository.push", "release.edit"];
    for rule in OnRepository::RULES {
        let Facts::Repository { rights, disabled_units, .. } = own_repository(true) else { panic!("a repository") };
        let facts = |is_mirror, is_archived| Facts::Repository {
            rights,
            disabled_units,
            is_public: true,
            is_archived,
            is_mirror,
        };
        let expected = if refused.contains(&rule.name) { "forbidden" } else { "ok" };
        assert_eq!(word(&ask(rule, &caller, &facts(true, false))), expected, "{}", rule.name);
    }
    let sync = OnRepository::RULES.iter().find(|rule| rule.name == "mirror.sync").unwrap();
    let mut facts = own_repository(true);
    assert_eq!(word(&ask(sync, &caller, &facts)), "malformed", "there is nothing to follow");
    if let Facts::Repository { is_mirror, is_archived, .. } = &mut facts {
        (*is_mirror, *is_archived) = (true, true);
    }
    assert_eq!(word(&ask(sync, &caller, &facts)), "locked", "an archive does not move");
}

#[test]
fn instance_actions() {
    let expected = |rule: &Rule| match rule.name {
        "server.read" | "user.search" | "repository.search" | "organization.list" | "topic.search" | "code.search"
        | "user.register" | "user.activate" | "email.confirm" | "invitation.follow" => ["ok", "ok", "ok", "ok"],
        "self.read"
        | "repository.list_own"
        | "organization.list_own"
        | "team.list_own"
        | "invitation.list_own"
        | "invitation.answer"
        | "organization.create"
        | "markup.render"
        | "repository.migrate"
        | "token.current" => ["unauthenticated", "ok", "ok", "unauthenticated"],
        "user.list" | "user.create" | "ledger.read" | "organization.list_all" | "registration.forget" => {
            ["unauthenticated", "forbidden", "ok", "ok"]
        }
        other => panic!("{other} has no line in the table"),
    };
    let callers = [
        Caller::anonymous(Default::default()),
        Caller::for_test(user(2, "bob"), Credential::Password),
        Caller::for_test(User { is_admin: true, ..user(9, "root") }, Credential::Password),
        Caller::console(Default::default()),
    ];
    for rule in OnInstance::RULES {
        for (caller, expected) in callers.iter().zip(expected(rule)) {
            assert_eq!(word(&ask(rule, caller, &Facts::Instance)), expected, "{}", rule.name);
        }
    }
}

fn every_rule() -> Vec<Rule> {
    [OnInstance::RULES, OnUser::RULES, OnRepository::RULES, OnTransfer::RULES, OnOrganization::RULES, OnTeam::RULES]
        .concat()
}

#[test]
fn every_rule_against_every_single_scope() {
    let owner = || User { is_admin: true, ..user(1, "owner") };
    let facts_of = |rule: &Rule| match rule.need {
        Need::Repository { .. } => own_repository_for(rule, true),
        Need::Organization(_) => organization(Standing::EVERYTHING, true),
        Need::Team(_) => team(Standing::EVERYTHING, true, Visibility::Public),
        Need::Recipient | Need::RecipientOrOwner => offer(true, AccessLevel::Owner, true),
        Need::SeeUser | Need::Own | Need::OwnOrSiteAdmin => own_account(true),
        Need::SiteAdmin if OnUser::RULES.iter().any(|one| one.name == rule.name) => own_account(true),
        Need::Anyone | Need::SignedIn | Need::SiteAdmin => Facts::Instance,
    };
    for rule in every_rule() {
        let facts = facts_of(&rule);
        let token = |scopes: &str| {
            let scopes = TokenScopes::parse_list(scopes).unwrap();
            Caller::for_test(owner(), Credential::Token { id: TokenId::new(1), scopes })
        };
        let needed: Vec<String> = rule
            .scopes
            .iter()
            .map(|(category, verb)| {
                format!("{}:{}", if *verb == Verb::Read { "read" } else { "write" }, category.as_str())
            })
            .collect();
        let exact = token(&needed.join(","));
        if rule.password_only {
            assert_eq!(word(&ask(&rule, &token("all"), &facts)), "unauthenticated", "{}: no token will do", rule.name);
            continue;
        }
        assert_eq!(word(&ask(&rule, &token("all"), &facts)), "ok", "{}", rule.name);
        assert_eq!(word(&ask(&rule, &exact, &facts)), "ok", "{} with exactly {needed:?}", rule.name);
        for category in Category::ALL {
            for verb in ["read", "write"] {
                let scope = format!("{verb}:{}", category.as_str());
                let suffices = rule.scopes.iter().all(|(needed, needed_verb)| {
                    *needed == category && (verb == "write" || *needed_verb == Verb::Read)
                });
                let expected = if suffices { "ok" } else { "forbidden" };
                assert_eq!(word(&ask(&rule, &token(&scope), &facts)), expected, "{} with {scope}", rule.name);
            }
        }
    }
}

#[test]
fn a_missing_scope_is_told_as_gitea_tells_it() {
    let scopes = TokenScopes::parse_list("read:user").unwrap();
    let caller = Caller::for_test(user(1, "ada"), Credential::Token { id: TokenId::new(1), scopes });
    let error = check_caller(&<action::CreateRepository as Action>::RULE, &caller).unwrap_err();
    assert_eq!(
        error.public(),
        "token does not have at least one of required scope(s), required=[write:user write:repository], token scope=read:user"
    );
}

#[test]
fn public_only_tokens_never_reach_private_things() {
    let scopes = TokenScopes::parse_list("all,public-only").unwrap();
    let caller = Caller::for_test(user(1, "owner"), Credential::Token { id: TokenId::new(1), scopes });
    for rule in OnRepository::RULES {
        for (is_public, expected) in [(true, "ok"), (false, "forbidden")] {
            let facts = own_repository_for(rule, is_public);
            assert_eq!(word(&ask(rule, &caller, &facts)), expected, "{} public={is_public}", rule.name);
        }
    }
    for rule in OnOrganization::RULES {
        let facts = organization(Standing::EVERYTHING, false);
        assert_eq!(word(&ask(rule, &caller, &facts)), "forbidden", "{}", rule.name);
    }
    let private = Facts::Team {
        standing: Standing::EVERYTHING,
        is_in_team: true,
        visibility: Visibility::Public,
        is_organization_visible: true,
        is_public: false,
    };
    for rule in OnTeam::RULES {
        assert_eq!(word(&ask(rule, &caller, &private)), "forbidden", "{}", rule.name);
    }
    assert_eq!(word(&ask(&<action::ReadUser as Action>::RULE, &caller, &own_account(false))), "forbidden");
}

#[test]
fn an_account_that_must_change_its_password_may_do_nothing_else() {
    let caller = Caller::for_test(User { must_change_password: true, ..user(1, "ada") }, Credential::Password);
    let allowed: Vec<&str> =
        every_rule().iter().filter(|rule| check_caller(rule, &caller).is_ok()).map(|rule| rule.name).collect();
    assert_eq!(allowed, ["password.change"]);
    let admin = Caller::for_test(User { is_admin: true, ..user(9, "root") }, Credential::Password);
    let acting = admin.acting_as(std::sync::Arc::new(User { must_change_password: true, ..user(1, "ada") }));
    assert!(
        check_caller(&<action::ReadSelf as Action>::RULE, &acting).is_ok(),
        "sudo is for the administrator's password"
    );
}

#[test]
fn visibility_of_the_owner_hides_public_repositories() {
    let stranger = Caller::for_test(user(2, "bob"), Credential::Password);
    let nobody = Caller::anonymous(Default::default());
    let seen = |visibility| {
        let repository = Repository { owner_visibility: visibility, ..repository(false) };
        let level = |caller| rights_from(caller, &repository, &Grants::default()).level;
        (level(&nobody), level(&stranger))
    };
    assert_eq!(seen(Visibility::Public), (AccessLevel::Read, AccessLevel::Read));
    assert_eq!(seen(Visibility::Limited), (AccessLevel::None, AccessLevel::Read));
    assert_eq!(seen(Visibility::Private), (AccessLevel::None, AccessLevel::None));
    let grant = grant(Some(AccessLevel::Write));
    let hidden = Repository { owner_visibility: Visibility::Private, ..repository(true) };
    assert_eq!(rights_from(&stranger, &hidden, &grant).level, AccessLevel::Write, "a grant counts all the same");
    let member = Grants { is_member: true, ..Grants::default() };
    let shown = Repository { owner_visibility: Visibility::Private, ..repository(false) };
    assert_eq!(rights_from(&stranger, &shown, &member).level, AccessLevel::Read, "members see their organization");
}

#[test]
fn absent_and_hidden_look_alike() {
    let conn = testing::open();
    let owner = testing::user(&conn, "ada");
    let id = testing::repository(&conn, owner, "secret");
    Connection::execute(&conn, "UPDATE repository SET is_private = 1", &[]).unwrap();
    let bob = db::users::find(&conn, testing::user(&conn, "bob")).unwrap().unwrap();
    let bob = Caller::for_test(bob, Credential::Password);
    for caller in [Caller::anonymous(Default::default()), bob] {
        let look = |name: &str| {
            let path = RepoPath::new(UserName::new("ada").unwrap(), RepoName::new(name).unwrap());
            let error = authorize(&conn, &caller, action::PushRepository, &path).unwrap_err();
            (error.kind(), error.public().to_owned(), error.may_challenge())
        };
        assert_eq!(look("secret"), look("nothing"));
    }
    let mine = db::users::find(&conn, owner).unwrap().unwrap();
    let path = RepoPath::new(UserName::new("ADA").unwrap(), RepoName::new("Secret").unwrap());
    let permit =
        authorize(&conn, &Caller::for_test(mine, Credential::Password), action::PushRepository, &path).unwrap();
    assert_eq!((permit.subject().repository.id, permit.subject().rights.level), (id, AccessLevel::Owner));
}

#[test]
fn a_permit_is_worth_nothing_once_the_ground_for_it_is_gone() {
    // What happens between the gate and the commit, and what the second look says.
    let table = [
        ("UPDATE users SET is_active = 0 WHERE login_key = 'bob'", "unauthenticated"),
        ("UPDATE users SET is_login_prohibited = 1 WHERE login_key = 'bob'", "unauthenticated"),
        ("UPDATE users SET deleted_ms = 1 WHERE login_key = 'bob'", "unauthenticated"),
        ("UPDATE users SET password_version = 2 WHERE login_key = 'bob'", "unauthenticated"),
        ("UPDATE users SET must_change_password = 1 WHERE login_key = 'bob'", "forbidden"),
        ("UPDATE collaboration SET level = 'read'", "forbidden"),
        ("DELETE FROM collaboration", "forbidden"),
        ("DELETE FROM collaboration; UPDATE repository SET is_private = 1", "not_found"),
        ("UPDATE repository SET is_archived = 1", "locked"),
        ("DELETE FROM collaboration; DELETE FROM repository", "not_found"),
        ("UPDATE repository SET name = 'other', name_key = 'other'", "ok"),
    ];
    for (statement, expected) in table {
        let conn = testing::open();
        let owner = testing::user(&conn, "ada");
        let repo = testing::repository(&conn, owner, "sop");
        let bob = testing::user(&conn, "bob");
        db::collaborators::put(&conn, repo, bob, AccessLevel::Write, testing::NOON).unwrap();
        let bob = db::users::find(&conn, bob).unwrap().unwrap();
        let path = RepoPath::new(UserName::new("ada").unwrap(), RepoName::new("sop").unwrap());
        let permit =
            authorize(&conn, &Caller::for_test(bob, Credential::Password), action::PushRepository, &path).unwrap();
        assert!(permit.confirm(&conn, testing::NOON).is_ok());
        Connection::execute_batch(&conn, statement).unwrap();
        assert_eq!(word(&permit.confirm(&conn, testing::NOON).map(drop)), expected, "{statement}");
    }
}

#[test]
fn a_revoked_token_ends_the_permits_it_gave() {
    let conn = testing::open();
    let ada = testing::user(&conn, "ada");
    testing::repository(&conn, ada, "sop");
    let scopes = TokenScopes::parse_list("write:repository").unwrap();
    let new = crate::model::NewToken {
        name: "ci".into(),
        scopes,
        expires_ms: Some(testing::NOON.plus_ms(60_000)),
        repositories: None,
    };
    let token = db::tokens::insert(
        &conn,
        ada,
        &new,
        &[],
        db::tokens::Secret { hash: &[7; 32], last_eight: "deadbeef" },
        testing::NOON,
    )
    .unwrap();
    let caller =
        Caller::for_test(db::users::find(&conn, ada).unwrap().unwrap(), Credential::Token { id: token.id, scopes });
    let path = RepoPath::new(UserName::new("ada").unwrap(), RepoName::new("sop").unwrap());
    let permit = authorize(&conn, &caller, action::PushRepository, &path).unwrap();
    assert!(permit.confirm(&conn, testing::NOON).is_ok());
    assert_eq!(word(&permit.confirm(&conn, testing::NOON.plus_ms(60_000)).map(drop)), "unauthenticated", "it ran out");
    db::tokens::delete(&conn, token.id).unwrap();
    assert_eq!(word(&permit.confirm(&conn, testing::NOON).map(drop)), "unauthenticated");
}

#[test]
fn a_limited_token_passes_where_a_repository_is_named_and_at_few_other_doors() {
    let scopes = TokenScopes::EVERYTHING;
    let admin = User { is_admin: true, ..user(1, "owner") };
    let caller = Caller::for_test(admin, Credential::Token { id: TokenId::new(1), scopes });
    let own = crate::model::RepoId::new(1);
    let limited = caller.clone().limited_to(Some(&[own]));
    let beside: Vec<&str> = every_rule()
        .iter()
        .filter(|rule| check_caller(rule, &limited).is_ok() && !matches!(rule.need, Need::Repository { .. }))
        .map(|rule| rule.name)
        .collect();
    // The lists and the search among topics leave out what the token is not for.
    let expected = [
        "server.read",
        "self.read",
        "repository.search",
        "repository.list_own",
        "token.current",
        "topic.search",
        "code.search",
        "repository.list_user",
        "interest.list_user",
    ];
    assert_eq!(beside, expected);
    let grants = Grants::default();
    assert_eq!(rights_from(&limited, &repository(true), &grants).level, AccessLevel::Owner);
    let elsewhere = caller.limited_to(Some(&[crate::model::RepoId::new(2)]));
    assert_eq!(rights_from(&elsewhere, &repository(false), &grants), RepositoryRights::none(), "also a public one");
}

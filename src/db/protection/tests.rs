use super::*;
use crate::db::testing::{NOON, open, repository, user};

fn named(users: &[(WhiteList, UserId)]) -> Named {
    Named { users: users.to_vec(), teams: Vec::new() }
}

#[test]
fn a_rule_comes_back_as_it_went_in() {
    let conn = open();
    let (ada, bob) = (user(&conn, "ada"), user(&conn, "bob"));
    let repo = repository(&conn, ada, "r");
    let mut settings = RuleSettings {
        priority: 4,
        required_approvals: 2,
        status_check_contexts: vec!["ci".to_owned(), "a\"b".to_owned()],
        protected_file_patterns: "*.md".to_owned(),
        unprotected_file_patterns: "x".to_owned(),
        ..RuleSettings::default()
    };
    // Each switch alone, so that no two columns can be mixed up.
    for position in 0..Flags::NAMES.len() {
        let mut at = 0;
        settings.flags = Flags::read(|| {
            at += 1;
            Ok::<_, ()>(at - 1 == position)
        })
        .unwrap();
        let name = format!("rule{position}");
        let id = insert_branch_rule(&conn, repo, &name, &settings, &named(&[(WhiteList::Push, bob)]), NOON).unwrap();
        let rules = list_branch_rules(&conn, repo).unwrap();
        let found = rules.iter().find(|rule| rule.id == id).unwrap();
        assert_eq!((&found.settings, &found.name), (&settings, &name), "{}", Flags::NAMES[position]);
        let column = Flags::NAMES[position];
        let sql = format!("SELECT {column} FROM branch_protection WHERE rule_name = $1");
        let conn: &dyn Connection = &conn;
        assert_eq!(conn.first(&sql, &params![name.as_str()], |row| row.int(0)).unwrap(), Some(1), "{column}");
    }
    let first = list_branch_rules(&conn, repo).unwrap().remove(0);
    assert!(
        first.names(WhiteList::Push, bob, &[])
            && !first.names(WhiteList::Merge, bob, &[])
            && !first.names(WhiteList::Push, ada, &[])
    );
    settings.priority = 1;
    update_branch_rule(&conn, first.id, &settings, &named(&[(WhiteList::Merge, ada)]), NOON).unwrap();
    let first = list_branch_rules(&conn, repo).unwrap().remove(0);
    assert_eq!((first.logins(WhiteList::Merge), first.logins(WhiteList::Push)), (vec!["ada".to_owned()], vec![]));
    delete_branch_rule(&conn, first.id).unwrap();
    assert_eq!(list_branch_rules(&conn, repo).unwrap().len(), Flags::NAMES.len() - 1);
}

#[test]
fn who_is_deleted_is_on_no_list() {
    let conn = open();
    let (ada, bob) = (user(&conn, "ada"), user(&conn, "bob"));
    let repo = repository(&conn, ada, "r");
    let settings = RuleSettings::default();
    insert_branch_rule(
        &conn,
        repo,
        "main",
        &settings,
        &named(&[(WhiteList::Push, bob), (WhiteList::Merge, bob)]),
        NOON,
    )
    .unwrap();
    let tag = insert_tag_rule(&conn, repo, "v*", &[ada, bob], &[], NOON).unwrap();
    assert_eq!(delete_of_user(&conn, bob).unwrap(), 3);
    assert!(list_branch_rules(&conn, repo).unwrap()[0].users.is_empty());
    assert_eq!(list_tag_rules(&conn, repo).unwrap()[0].users.len(), 1);
    update_tag_rule(&conn, tag, "/x/", &[], &[], NOON).unwrap();
    assert_eq!(list_tag_rules(&conn, repo).unwrap()[0].pattern, "/x/");
    delete_tag_rule(&conn, tag).unwrap();
    assert!(list_tag_rules(&conn, repo).unwrap().is_empty());
}

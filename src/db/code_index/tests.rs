//! The index as a file: documents come, change and go, and are found by their words.

use super::*;
use crate::model::code_search::pattern::Pattern;
use crate::model::code_search::trigram::Gatherer;

fn open() -> rusqlite::Connection {
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    Connection::execute_batch(&conn, SHAPE.schema).unwrap();
    conn
}

fn state(files: i64, words: i64) -> Indexed {
    Indexed { allowed: Allowed { has_words: true, file_bytes: 9, files, words }, ..Indexed::default() }
}

fn put_text(conn: &dyn Connection, repo: i64, state: &mut Indexed, path: &str, text: &str) -> bool {
    let new = NewDocument {
        path: path.as_bytes(),
        language: "Rust",
        size_bytes: text.len() as i64,
        words: Some(Gatherer::default().words(text)),
    };
    put_document(conn, RepoId::new(repo), state, new).unwrap()
}

fn found(conn: &dyn Connection, phrase: &str) -> Vec<(i64, String)> {
    let expression = Pattern::phrase(phrase, false).unwrap().expression();
    let numbers = list_numbers(conn, expression.as_deref(), 0, i64::MAX, 100).unwrap();
    let path = |id| find_document(conn, id).unwrap().unwrap();
    numbers.into_iter().map(path).map(|one| (one.repo.get(), String::from_utf8(one.path).unwrap())).collect()
}

#[test]
fn documents_are_found_by_their_words_until_they_change_or_go() {
    let conn = open();
    let conn: &dyn Connection = &conn;
    let (mut one, mut two) = (state(100, 1000), state(100, 1000));
    assert!(put_text(conn, 7, &mut one, "a.rs", "fn needle() {}"));
    assert!(put_text(conn, 7, &mut one, "b.rs", "hay"));
    assert!(put_text(conn, 9, &mut two, "a.rs", "NEEDLE"));
    assert_eq!(found(conn, "needle"), [(7, "a.rs".to_owned()), (9, "a.rs".to_owned())]);
    assert_eq!(found(conn, "ne").len(), 3, "too short for the index: all");
    assert_eq!(list_languages(conn, RepoId::new(7)).unwrap(), [("Rust".to_owned(), 17)]);
    put_text(conn, 7, &mut one, "a.rs", "hayloft");
    put_text(conn, 7, &mut one, "b.rs", "needless");
    assert_eq!(found(conn, "needle"), [(7, "b.rs".to_owned()), (9, "a.rs".to_owned())]);
    assert_eq!((one.files, one.next_number), (2, 2), "numbers are used again");
    delete_document(conn, RepoId::new(7), &mut one, b"b.rs").unwrap();
    delete_document(conn, RepoId::new(7), &mut one, b"none").unwrap();
    assert_eq!((found(conn, "needle"), one.files), (vec![(9, "a.rs".to_owned())], 1));
    assert_eq!(list_languages(conn, RepoId::new(7)).unwrap(), [("Rust".to_owned(), 7)]);
    assert!(forget(conn, RepoId::new(9), 10).unwrap());
    assert_eq!(found(conn, "needle"), []);
}

#[test]
fn a_range_is_one_repository_and_numbers_go_on_from_one() {
    let conn = open();
    let conn: &dyn Connection = &conn;
    for repo in [1, 2, 3] {
        let mut state = state(100, 1000);
        for file in ["a", "b"] {
            put_text(conn, repo, &mut state, file, "needle");
        }
    }
    let expression = Pattern::phrase("needle", false).unwrap().expression();
    let list = |after, up_to, limit| list_numbers(conn, expression.as_deref(), after, up_to, limit).unwrap();
    let two = RepoId::new(2);
    let of_two = list(before(two), before(RepoId::new(3)), 10);
    assert_eq!(of_two.iter().map(|id| repository_of(*id)).collect::<Vec<_>>(), [two, two]);
    assert_eq!(list(of_two[0], i64::MAX, 2).len(), 2);
    assert_eq!(list(of_two[0], i64::MAX, 10).len(), 3);
}

#[test]
fn there_is_a_limit_of_files_and_forgetting_goes_in_steps() {
    let conn = open();
    let conn: &dyn Connection = &conn;
    let repo = RepoId::new(4);
    let mut state = state(2, 1000);
    let new = |path: &'static str| NewDocument { path: path.as_bytes(), language: "", size_bytes: 0, words: None };
    for path in ["a", "b"] {
        assert!(put_document(conn, repo, &mut state, new(path)).unwrap());
    }
    assert!(!put_document(conn, repo, &mut state, new("c")).unwrap());
    assert!(put_document(conn, repo, &mut state, new("a")).unwrap(), "it has its place");
    let place = Place { commit: crate::db::testing::oid(1), tree: crate::db::testing::oid(2) };
    state = Indexed { at: Some(place), done_path: vec![255], is_cut: true, ..state };
    put(conn, repo, &state).unwrap();
    assert_eq!(find(conn, repo).unwrap(), Some(state.clone()));
    assert_eq!(list_cut(conn).unwrap(), [repo]);
    assert_eq!(list_commits(conn, RepoId::new(0), repo).unwrap(), [(repo, Some(place.commit), state.allowed.clone())]);
    put(conn, repo, &Indexed { next: Some(place), ..state.clone() }).unwrap();
    assert_eq!(list_commits(conn, RepoId::new(0), repo).unwrap(), [(repo, None, state.allowed)]);
    assert!(!forget(conn, repo, 1).unwrap());
    assert!(!forget(conn, repo, 1).unwrap());
    assert!(forget(conn, repo, 1).unwrap());
    assert_eq!(find(conn, repo).unwrap(), None);
    assert!(put(conn, RepoId::new(i64::MAX), &Indexed::default()).is_err());
}

#[test]
fn there_is_a_limit_of_words() {
    let conn = open();
    let conn: &dyn Connection = &conn;
    let mut state = state(100, 10);
    assert!(put_text(conn, 1, &mut state, "a", "needle"));
    assert!(put_text(conn, 1, &mut state, "b", "needle"));
    assert!(!put_text(conn, 1, &mut state, "c", "needle"));
    assert_eq!((state.words, state.files), (8, 2));
    assert!(put_text(conn, 1, &mut state, "c", "hay"));
    assert!(!put_text(conn, 1, &mut state, "c", "needle"), "what was there is gone");
    assert_eq!((state.words, state.files, found(conn, "hay")), (8, 2, vec![]));
    delete_document(conn, RepoId::new(1), &mut state, b"a").unwrap();
    assert!(put_text(conn, 1, &mut state, "c", "needles"));
    assert_eq!((state.words, state.files), (9, 2));
}

use proptest::prelude::*;

use super::*;

fn path(owner: &str, name: &str) -> RepoPath {
    RepoPath::new(UserName::new(owner).unwrap(), RepoName::new(name).unwrap())
}

#[test]
fn commands_of_real_clients_are_read() {
    let sop = || path("ada", "sop");
    let table = [
        ("git-upload-pack '/ada/sop.git'", Command::UploadPack(sop())),
        ("git-upload-pack '/ada/sop'", Command::UploadPack(sop())),
        ("git-upload-pack 'ada/sop.git'", Command::UploadPack(sop())),
        ("git-upload-pack ada/sop", Command::UploadPack(sop())),
        ("git-upload-pack \"/ada/sop.git\"", Command::UploadPack(sop())),
        ("git upload-pack 'ada/sop.git'", Command::UploadPack(sop())),
        ("git receive-pack '/ada/sop.git/'", Command::ReceivePack(sop())),
        ("git-receive-pack 'ada/sop.git'", Command::ReceivePack(sop())),
        ("git-upload-archive 'ada/sop.git'", Command::UploadArchive(sop())),
        ("git-lfs-authenticate ada/sop.git download", Command::LfsAuthenticate),
    ];
    for (line, expected) in table {
        assert_eq!(parse(line.as_bytes()), Ok(expected), "{line}");
    }
}

#[test]
fn everything_else_is_refused() {
    let table = [
        ("", Refusal::Unknown),
        ("sh -c id", Refusal::Unknown),
        ("upload-pack ada/sop", Refusal::Unknown),
        ("git", Refusal::Unknown),
        ("git status", Refusal::Unknown),
        ("git-shell -c x", Refusal::Unknown),
        ("scp -t /tmp", Refusal::Unknown),
        ("git-upload-pack", Refusal::Arguments),
        ("git-upload-pack ''", Refusal::Path),
        ("git-upload-pack --strict 'ada/sop.git'", Refusal::Arguments),
        ("git-upload-pack '--upload-pack=id'", Refusal::Arguments),
        ("git-upload-pack 'ada/sop.git' 'bob/x.git'", Refusal::Arguments),
        ("git-upload-pack '~ada/sop.git'", Refusal::Path),
        ("git-upload-pack '~/sop.git'", Refusal::Path),
        ("git-upload-pack '/../etc/passwd'", Refusal::Path),
        ("git-upload-pack 'ada/../bob/x.git'", Refusal::Path),
        ("git-upload-pack 'ada'", Refusal::Path),
        ("git-upload-pack 'ada/sop/more.git'", Refusal::Path),
        ("git-upload-pack '//ada/sop.git'", Refusal::Path),
        ("git-upload-pack 'ada/sop.git", Refusal::Unreadable),
        ("git-upload-pack 'ada/sop.git'; id", Refusal::Unreadable),
        ("git-upload-pack `id`", Refusal::Unreadable),
        ("git-upload-pack $(id)", Refusal::Unreadable),
        ("git-upload-pack \"$HOME/x\"", Refusal::Unreadable),
        ("git-upload-pack 'a/b' && id", Refusal::Unreadable),
        ("git-upload-pack 'a/b'\nid", Refusal::Unreadable),
        ("git-upload-pack 'a/b\\", Refusal::Unreadable),
    ];
    for (line, expected) in table {
        assert_eq!(parse(line.as_bytes()), Err(expected), "{line}");
    }
    assert_eq!(parse(b"git-upload-pack '\xff/x'"), Err(Refusal::Unreadable));
    assert_eq!(parse("x".repeat(5000).as_bytes()), Err(Refusal::Unreadable));
}

proptest! {
    #[test]
    fn no_bytes_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&line);
    }

    #[test]
    fn what_git_quotes_comes_back_as_one_word(name in "[ -~]{0,40}") {
        let quoted = format!("'{}'", name.replace('\'', "'\\''").replace('!', "'\\!'"));
        prop_assert_eq!(split(&quoted), Ok(vec![name]));
    }
}

//! The client matrix: what people write clients with, against the server, looked at with stock git.
//!
//! The programs are in `tests/clients`, installed by `scripts/setup-clients`. One that is not installed is said to be skipped; under CI
//! none may be.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::answers;
use crate::dsl::persona::{Credential, Persona};
use crate::dsl::{Forge, Git, Identity, ssh};

/// One library: how to start its program, and what it can do.
struct Library {
    name: &'static str,
    /// Protocol versions it can be asked for; none: it uses its own.
    protocols: &'static [Option<u8>],
    speaks_ssh: bool,
    command: fn(&Path, &Path) -> Vec<PathBuf>,
    is_installed: fn(&Path) -> bool,
}

const LIBRARIES: &[Library] = &[
    Library {
        name: "libgit2",
        protocols: &[None],
        speaks_ssh: true,
        command: |installed, sources| {
            vec![installed.join("python/bin/python"), sources.join("python/pygit2_client.py")]
        },
        is_installed: |installed| installed.join("python.stamp").exists(),
    },
    Library {
        name: "dulwich",
        protocols: &[Some(0), Some(2)],
        speaks_ssh: true,
        command: |installed, sources| {
            vec![installed.join("python/bin/python"), sources.join("python/dulwich_client.py")]
        },
        is_installed: |installed| installed.join("python.stamp").exists(),
    },
    Library {
        name: "isomorphic-git",
        protocols: &[Some(1), Some(2)],
        speaks_ssh: false,
        command: |installed, _| vec![PathBuf::from("node"), installed.join("node/client.mjs")],
        is_installed: |installed| installed.join("node.stamp").exists(),
    },
    Library {
        name: "go-git",
        protocols: &[None],
        speaks_ssh: true,
        command: |installed, _| vec![installed.join("go-git")],
        is_installed: |installed| installed.join("go.stamp").exists(),
    },
    Library {
        name: "JGit",
        protocols: &[Some(0), Some(2)],
        speaks_ssh: true,
        command: |installed, _| {
            let classes = format!("{0}/jgit/classes:{0}/jgit/lib/*", installed.display());
            ["java", "-XX:TieredStopAtLevel=1", "-cp", &classes, "Client"].iter().map(PathBuf::from).collect()
        },
        is_installed: |installed| installed.join("java.stamp").exists(),
    },
];

/// A library's program with somebody's credential.
struct Client<'a> {
    words: Vec<PathBuf>,
    env: Vec<(&'static str, String)>,
    what: String,
    persona: &'a Persona,
    /// Where SSH is listened on, when that is the transport.
    ssh: Option<std::net::SocketAddr>,
    scratch: tempfile::TempDir,
}

impl Client<'_> {
    fn try_run(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(words).env_clear();
        for name in ["PATH", "JAVA_HOME", "PYENV_ROOT"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("HOME", self.scratch.path()).env("XDG_CONFIG_HOME", self.scratch.path());
        command.env("CLIENT_SCRATCH", self.scratch.path()).envs(self.env.iter().cloned());
        let output = command.output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(format!("{}\n{}", text(&output.stdout), text(&output.stderr))),
        }
    }

    fn run(&self, words: &[&str]) -> String {
        self.try_run(words).unwrap_or_else(|error| panic!("{} {words:?}: {error}", self.what))
    }

    fn url(&self, repository: &str) -> String {
        match self.ssh {
            Some(addr) => format!("ssh://git@{addr}/{repository}.git"),
            None => self.persona.by(Credential::None).url(repository),
        }
    }

    fn directory(&self, name: &str) -> String {
        self.scratch.path().join(name).to_string_lossy().into_owned()
    }
}

pub(crate) fn target_clients() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("clients")
}

/// Runs a test with every library, protocol version and transport. Each names itself and its version.
fn each_client(forge: &Forge, persona: &Persona, identity: Option<&Identity>, test: impl Fn(&Client<'_>, &str)) {
    let (installed, sources) = (target_clients(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients"));
    let Credential::Token(token) = &persona.credential else { panic!("personas of the matrix call with a token") };
    for library in LIBRARIES {
        if !(library.is_installed)(&installed) {
            assert!(std::env::var_os("CI").is_none(), "{} must be installed under CI", library.name);
            eprintln!("SKIPPED: {} is not installed (scripts/setup-clients)", library.name);
            continue;
        }
        for (protocol, identity) in library
            .protocols
            .iter()
            .flat_map(|protocol| [Some((protocol, None)), identity.map(|key| (protocol, Some(key)))])
            .flatten()
        {
            if identity.is_some() && !library.speaks_ssh {
                continue;
            }
            let mut env = match identity {
                Some(identity) => vec![("CLIENT_KEY", identity.private_path().to_string_lossy().into_owned())],
                None => vec![("CLIENT_USER", persona.login.clone()), ("CLIENT_PASSWORD", token.clone())],
            };
            env.extend(protocol.map(|version| ("CLIENT_PROTOCOL", version.to_string())));
            let transport = if identity.is_some() { "ssh" } else { "http" };
            let version = protocol.map_or(String::new(), |version| format!("-v{version}"));
            let name = format!("{}-{transport}{version}", library.name.to_lowercase());
            let client = Client {
                words: (library.command)(&installed, &sources),
                env,
                what: name.clone(),
                persona,
                ssh: identity.map(|_| forge.ssh_addr()),
                scratch: tempfile::TempDir::with_prefix("atomicqms-client-").unwrap(),
            };
            eprintln!("client matrix: {name}: {}", client.run(&["version"]));
            test(&client, &name);
        }
    }
}

/// A history with a merge, a binary file, a tag and a second branch, pushed by stock git.
fn seed(persona: &Persona, repository: &str) -> Git {
    let git = Git::new();
    git.ok(&["init", "--quiet", "-b", "main", "seed"]);
    let git = git.at("seed");
    for index in 0..12 {
        git.commit(&format!("sop-{}.md", index % 4), &format!("# SOP {index}\n\n{}\n", "Step. ".repeat(200 + index)));
    }
    git.ok(&["switch", "--quiet", "-c", "topic", "HEAD~4"]);
    git.commit("topic.md", "A side branch\n");
    git.ok(&["switch", "--quiet", "main"]);
    git.ok(&["merge", "--quiet", "--no-ff", "-m", "Merge topic", "topic"]);
    git.ok(&["tag", "-a", "-m", "First", "v1"]);
    git.ok(&["push", "--quiet", &persona.url(repository), "main", "topic", "v1"]);
    git
}

#[test]
fn every_library_clones_fetches_pushes_tags_and_deletes() {
    matrix("memory");
}

#[test]
fn every_library_does_so_without_kept_answers() {
    matrix("nowhere");
}

/// Every way to ask is asked twice, so that the second time is answered from what is kept, where that is.
fn matrix(place: &str) {
    let forge = answers::keeping(place).ssh().start();
    let ada = forge.user("ada");
    let identity = (!ssh::is_missing()).then(Identity::new);
    if let Some(identity) = &identity {
        identity.register(&ada, "matrix");
    }
    each_client(&forge, &ada, identity.as_ref(), |client, name| {
        let repository = ada.create_private_repository(name);
        let seed = seed(&ada, &repository);
        let tips = |git: &Git| git.ok(&["for-each-ref", "--format=%(objectname) %(refname)"]);
        // Each time when the files have followed.
        let server = || forge.server_git(&repository);
        let url = client.url(&repository);

        let listed = client.run(&["list", &url]);
        for line in tips(&server()).lines() {
            assert!(listed.contains(line), "{name}: {line} is not listed:\n{listed}");
        }

        client.run(&["clone", &url, &client.directory("first")]);
        let work = client.directory("work");
        client.run(&["clone", &url, &work]);
        let copy = Git::new().at(&work);
        copy.fsck();
        assert_eq!(copy.ok(&["rev-parse", "HEAD"]), seed.ok(&["rev-parse", "main"]), "{name}");
        let count = |git: &Git, of: &str| git.ok(&["rev-list", "--count", "--objects", of]);
        assert_eq!(count(&copy, "HEAD"), count(&seed, "main"), "{name}");

        client.run(&["clone", &url, &client.directory("first-shallow"), "1"]);
        let shallow = client.directory("shallow");
        client.run(&["clone", &url, &shallow, "1"]);
        let shallow = Git::new().at(&shallow);
        assert_eq!(shallow.ok(&["rev-list", "--count", "HEAD"]).trim(), "1", "{name}");
        shallow.fsck();

        // Somebody else moves main and removes topic; then this client fetches, commits on top of its own and pushes.
        seed.commit("sop-9.md", "by stock git\n");
        seed.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
        client.run(&["fetch", &work]);
        let theirs = seed.ok(&["rev-parse", "main"]);
        assert_eq!(copy.ok(&["rev-parse", "refs/remotes/origin/main"]), theirs, "{name}");

        let commit = client.run(&["commit", &work, "new.md", "by the library\n"]);
        client.run(&["push", &work, "refs/heads/main:refs/heads/feature"]);
        assert_eq!(server().ok(&["rev-parse", "refs/heads/feature"]).trim(), commit, "{name}");
        let refused = client.try_run(&["push", &work, "refs/heads/main:refs/heads/main"]);
        assert!(refused.is_err(), "{name}: a push that is no fast-forward went through: {refused:?}");
        assert_eq!(server().ok(&["rev-parse", "refs/heads/main"]), theirs, "{name}");
        client.run(&["push", &work, "+refs/heads/main:refs/heads/topic"]);
        assert_eq!(server().ok(&["rev-parse", "refs/heads/topic"]).trim(), commit, "{name}: forced");

        client.run(&["tag", &work, "v2"]);
        client.run(&["push", &work, "refs/tags/v2:refs/tags/v2"]);
        assert_eq!(server().ok(&["rev-parse", "refs/tags/v2^{commit}"]).trim(), commit, "{name}");
        assert_eq!(server().ok(&["cat-file", "-t", "refs/tags/v2"]).trim(), "tag", "{name}");
        client.run(&["push", &work, ":refs/heads/feature"]);
        assert!(!server().refs().contains("refs/heads/feature"), "{name}: still there:\n{}", server().refs());

        let stranger = forge.user("mallory").create_private_repository(&format!("{name}-secret"));
        let refused = client.try_run(&["clone", &client.url(&stranger), &client.directory("secret")]);
        assert!(refused.is_err(), "{name}: cloned a stranger's private repository");
    });
    let came = |from| answers::answers_from(&forge, from);
    assert_eq!(came("memory") > 0, place == "memory" && came("made") > 0, "{place}");
    forge.finish();
}

//! What an SSH server must refuse: shells, injection, borrowed identities, stalled connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::client;
use russh::keys::{HashAlg, PrivateKey};

use crate::dsl::ssh::{AnyServer, connect};
use crate::dsl::{Forge, Identity, ssh};

#[test]
fn nothing_but_git_runs() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    ada.create_repository("sops");
    let ssh = identity.at(forge.ssh_addr());
    let shell = ssh.run(&[]);
    let greeting = "Hi ada! You've successfully authenticated, but AtomicQMS does not provide shell access.";
    assert!(ssh::said(&shell).contains(greeting), "{}", ssh::said(&shell));
    assert_eq!(shell.status.code(), Some(1));
    for command in [
        "id",
        "sh -c id",
        "git-upload-pack 'ada/sops.git'; id",
        "git-upload-pack '$(id)'",
        "git-upload-pack `id`",
        "git-upload-pack --upload-pack=id 'ada/sops.git'",
        "git-upload-pack '-x'",
        "git-upload-pack '~ada/sops.git'",
        "git-upload-pack '/../../etc/passwd'",
        "git-upload-pack 'ada/sops.git' extra",
        "git-lfs-authenticate ada/sops.git download",
        "scp -f /etc/passwd",
    ] {
        let ran = ssh.run(&[command]);
        assert_eq!(ran.status.code(), Some(1), "{command}: {}", ssh::said(&ran));
        let said = ssh::said(&ran);
        assert!(said.starts_with("AtomicQMS: ") && !said.contains("uid="), "{command}: {said}");
    }
    for spelling in ["git-upload-pack 'ada/sops.git'", "git upload-pack ada/sops", "git-upload-pack \"/ada/sops.git\""]
    {
        let ran = ssh.run(&[spelling]);
        assert!(ssh::said(&ran).contains("capabilities^{}"), "{spelling}: {}", ssh::said(&ran));
    }
    // Terminal, file transfer, forwarding in either direction, another user name.
    let terminal = ssh.with(&["-tt"]).run(&[]);
    assert!(ssh::said(&terminal).contains("PTY allocation request failed"), "{}", ssh::said(&terminal));
    let sftp = ssh.with(&["-s"]).run(&["sftp"]);
    assert!(ssh::said(&sftp).contains("subsystem request failed"), "{}", ssh::said(&sftp));
    let tunnel = ssh.with(&["-W", "127.0.0.1:22"]).run(&[]);
    assert!(!tunnel.status.success(), "{}", ssh::said(&tunnel));
    let remote = ssh.with(&["-R", "0:127.0.0.1:22", "-o", "ExitOnForwardFailure=yes"]).run(&[]);
    assert!(ssh::said(&remote).contains("forwarding failed"), "{}", ssh::said(&remote));
    let other = ssh.with(&["-l", "root"]).run(&[]);
    assert!(
        ssh::said(&other).contains("Permission denied") || ssh::said(&other).contains("Hi ada"),
        "{}",
        ssh::said(&other)
    );
    // Signatures with SHA-1 are not taken.
    let rsa = Identity::of_type(&["-t", "rsa", "-b", "2048"]);
    rsa.register(&ada, "rsa");
    assert_eq!(rsa.at(forge.ssh_addr()).run(&[]).status.code(), Some(1), "SHA-2 signatures are taken");
    let old = rsa.at(forge.ssh_addr()).with(&["-o", "PubkeyAcceptedAlgorithms=ssh-rsa"]).run(&[]);
    assert_eq!(old.status.code(), Some(255), "{}", ssh::said(&old));
    forge.finish();
}

/// Signs with one key, whatever key it is asked to sign for.
struct Forger(Arc<PrivateKey>);

impl russh::Signer for Forger {
    type Error = russh::AgentAuthError;

    async fn auth_sign(
        &mut self,
        _: &russh::keys::agent::AgentIdentity,
        _: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        use russh::keys::signature::Signer as _;
        use russh::keys::ssh_encoding::Encode as _;
        let signature: russh::keys::ssh_key::Signature = self.0.try_sign(&to_sign).unwrap();
        let mut blob = Vec::new();
        signature.encode(&mut blob).unwrap();
        let mut signed = to_sign;
        blob.encode(&mut signed).unwrap();
        Ok(signed)
    }
}

async fn greeting(session: &client::Handle<AnyServer>) -> String {
    let mut channel = session.channel_open_session().await.unwrap();
    channel.request_shell(true).await.unwrap();
    let mut said = String::new();
    while let Some(message) = channel.wait().await {
        if let russh::ChannelMsg::ExtendedData { data, .. } | russh::ChannelMsg::Data { data } = message {
            said.push_str(&String::from_utf8_lossy(&data));
        }
    }
    said
}

#[test]
fn an_identity_is_bound_to_the_key_that_signed_and_never_to_one_that_was_offered() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let (ada, mallory) = (forge.user("ada"), forge.user("mallory"));
    let (of_ada, of_mallory) = (Identity::new(), Identity::new());
    of_ada.register(&ada, "laptop");
    of_mallory.register(&mallory, "laptop");
    let read = |identity: &Identity| Arc::new(russh::keys::load_secret_key(identity.private_path(), None).unwrap());
    let (key_of_ada, key_of_mallory) = (read(&of_ada).public_key().clone(), read(&of_mallory));
    let addr = forge.ssh_addr();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        // The forger's signatures are good ones, for the key that made them.
        let mut session = connect(addr).await;
        let honest = key_of_mallory.public_key().clone();
        let mut forger = Forger(key_of_mallory.clone());
        let signed = session.authenticate_publickey_with("git", honest, None, &mut forger).await;
        assert!(signed.is_ok_and(|result| result.success()));
        // Ada's public key is public: it is offered, accepted as an offer, and signed for with another key.
        let mut session = connect(addr).await;
        let forged = session
            .authenticate_publickey_with("git", key_of_ada.clone(), None, &mut Forger(key_of_mallory.clone()))
            .await;
        assert!(!forged.is_ok_and(|result| result.success()), "a signature of another key signed in as ada");
        // On the same connection mallory signs in with a key of her own, after ada's was offered.
        let own = russh::keys::PrivateKeyWithHashAlg::new(key_of_mallory.clone(), None);
        match session.authenticate_publickey("git", own).await {
            Ok(result) => {
                assert!(result.success());
                assert!(greeting(&session).await.starts_with("Hi mallory!"), "the offered key became the identity");
            }
            // Ending the connection after a forged signature is as good.
            Err(error) => assert!(session.is_closed(), "{error}"),
        }
    });
    forge.finish();
}

/// Waits for the server to close a connection; answers how long it took.
fn closed_after(mut stream: &TcpStream, since: Instant) -> Duration {
    stream.set_read_timeout(Some(crate::dsl::PATIENCE)).unwrap();
    let mut sink = [0; 4096];
    loop {
        match stream.read(&mut sink) {
            Ok(0) => return since.elapsed(),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return since.elapsed(),
            Err(error) => panic!("the connection is still open after {:?}: {error}", since.elapsed()),
        }
    }
}

#[test]
fn stalled_handshakes_stop_nobody_and_are_dropped_in_time() {
    if ssh::is_missing() {
        return;
    }
    let start = Forge::with().ssh().setting("ssh", "handshake_timeout_seconds", 6);
    let forge = start.setting("ssh", "max_handshakes", 40).setting("ssh", "max_handshakes_per_address", 20).start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let repository = ada.create_repository("sops");
    let ssh = identity.at(forge.ssh_addr());
    let work = ssh.git().init("work");
    work.commit("SOP-001.md", "# Cleaning\n");
    // Silent ones, half a greeting, a greeting without a key exchange: more than there are places.
    let begun = Instant::now();
    let mut stalled = Vec::new();
    for number in 0..150 {
        let mut stream = TcpStream::connect(forge.ssh_addr()).unwrap();
        let said: &[u8] = [&b""[..], b"SSH-2.0-half", b"SSH-2.0-x\r\n"][number % 3];
        stream.write_all(said).unwrap();
        stalled.push(stream);
    }
    work.ok(&["push", "--quiet", &ssh.url(&repository), "main"]);
    ssh.git().ok(&["clone", "--quiet", &ssh.url(&repository), "copy"]);
    let metrics = ada.get("/metrics").expect(200).text();
    assert!(metrics.contains("atomicqms_ssh_connections_total{end=\"evicted\"}"), "nobody had to make room");
    for stream in &stalled {
        let took = closed_after(stream, begun);
        assert!(took < Duration::from_secs(25), "a stalled handshake lived for {took:?}");
    }
    forge.finish();
}

#[test]
fn an_idle_session_and_an_idle_connection_end() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().setting("ssh", "idle_timeout_seconds", 1).start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    ada.create_repository("sops");
    let key = Arc::new(russh::keys::load_secret_key(identity.private_path(), None).unwrap());
    let addr = forge.ssh_addr();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut session = connect(addr).await;
        let own = russh::keys::PrivateKeyWithHashAlg::new(key, None);
        assert!(session.authenticate_publickey("git", own).await.unwrap().success());
        // A command whose client never says what it wants.
        let mut channel = session.channel_open_session().await.unwrap();
        channel.exec(true, "git-upload-pack 'ada/sops.git'").await.unwrap();
        let mut status = None;
        while let Some(message) = channel.wait().await {
            if let russh::ChannelMsg::ExitStatus { exit_status } = message {
                status = Some(exit_status);
            }
        }
        assert_eq!(status, Some(128));
        // Then the connection itself, on which nothing runs any more.
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            while !session.is_closed() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        ended.await.expect("an idle connection is closed");
    });
    forge.finish();
}

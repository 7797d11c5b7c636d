//! The limits of the SSH server, each reached on purpose: keys, sessions, connections, clients that do not read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::client;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};

use crate::dsl::ssh::{AnyServer, connect};
use crate::dsl::{Forge, Identity, PATIENCE, ssh};

async fn sign_in(addr: SocketAddr, key: &Arc<PrivateKey>) -> client::Handle<AnyServer> {
    let mut session = connect(addr).await;
    let own = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
    assert!(session.authenticate_publickey("git", own).await.unwrap().success());
    session
}

fn load(identity: &Identity) -> Arc<PrivateKey> {
    Arc::new(russh::keys::load_secret_key(identity.private_path(), None).unwrap())
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

#[test]
fn too_many_keys_end_the_connection() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().setting("ssh", "max_auth_attempts", 3).start();
    let ada = forge.user("ada");
    let known = Identity::new();
    known.register(&ada, "laptop");
    let unknown: Vec<_> = (0..3).map(|_| load(&Identity::new())).collect();
    let (addr, known) = (forge.ssh_addr(), load(&known));
    block_on(async {
        for (wrong, expected) in [(2, true), (3, false)] {
            let mut session = connect(addr).await;
            for key in unknown.iter().take(wrong) {
                let tried =
                    session.authenticate_publickey("git", PrivateKeyWithHashAlg::new(Arc::clone(key), None)).await;
                assert!(!tried.is_ok_and(|result| result.success()), "an unknown key signed in");
            }
            let own = PrivateKeyWithHashAlg::new(Arc::clone(&known), None);
            let signed_in = session.authenticate_publickey("git", own).await.is_ok_and(|result| result.success());
            assert_eq!(signed_in, expected, "after {wrong} unknown keys");
        }
    });
    forge.finish();
}

#[test]
fn sessions_of_a_connection_and_connections_of_an_address_are_bounded() {
    if ssh::is_missing() {
        return;
    }
    let start = Forge::with().ssh().setting("ssh", "max_sessions_per_connection", 2);
    let forge = start.setting("ssh", "max_connections_per_address", 2).start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let (addr, key) = (forge.ssh_addr(), load(&identity));
    block_on(async {
        let first = sign_in(addr, &key).await;
        let one = first.channel_open_session().await.unwrap();
        let two = first.channel_open_session().await.unwrap();
        assert!(first.channel_open_session().await.is_err(), "a third session was opened");
        let second = sign_in(addr, &key).await;
        // Both places of this address are taken by connections that have signed in: nobody is dropped for a third.
        let third = client::connect(Arc::new(client::Config::default()), addr, AnyServer).await;
        assert!(third.is_err(), "a third connection was let in");
        drop((one, two));
        assert!(second.channel_open_session().await.is_ok());
        for session in [first, second] {
            session.disconnect(russh::Disconnect::ByApplication, "", "").await.unwrap();
        }
    });
    // Places are given back.
    let greeting = crate::dsl::within(PATIENCE, || {
        let ran = identity.at(addr).run(&[]);
        if ssh::said(&ran).contains("Hi ada!") { Ok(()) } else { Err(ssh::said(&ran)) }
    });
    greeting.unwrap();
    forge.finish();
}

#[test]
fn a_client_that_stops_reading_is_dropped_and_holds_up_nobody() {
    if ssh::is_missing() {
        return;
    }
    let start = Forge::with().ssh().setting("server", "stall_timeout_seconds", 2);
    let forge = start.setting("git", "max_concurrent_uploads", 1).start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let repository = ada.create_repository("sops");
    let ssh = identity.at(forge.ssh_addr());
    let work = ssh.git().config("core.compression", "0").init("work");
    let mut state = 5_u64;
    let noise = (0..8_000_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    std::fs::write(work.dir().join("scan.bin"), noise.collect::<Vec<u8>>()).unwrap();
    work.ok(&["add", "scan.bin"]);
    work.ok(&["commit", "--quiet", "-m", "scan"]);
    work.ok(&["push", "--quiet", &ssh.url(&repository), "main"]);
    let tip = work.ok(&["rev-parse", "main"]);
    let (addr, key) = (forge.ssh_addr(), load(&identity));
    block_on(async {
        // A window smaller than the pack, which is never enlarged because nothing is read.
        let config = client::Config { window_size: 65_536, channel_buffer_size: 1, ..client::Config::default() };
        let mut session = client::connect(Arc::new(config), addr, AnyServer).await.unwrap();
        let own = PrivateKeyWithHashAlg::new(Arc::clone(&key), None);
        assert!(session.authenticate_publickey("git", own).await.unwrap().success());
        let channel = session.channel_open_session().await.unwrap();
        channel.exec(true, format!("git-upload-pack '{repository}.git'")).await.unwrap();
        let want = format!("0032want {tip}\n00000009done\n");
        channel.data_bytes(want.into_bytes()).await.unwrap();
        let begun = Instant::now();
        // With one place for all packs, somebody else's clone goes through meanwhile.
        let (git, url) = (ssh.git(), ssh.url(&repository));
        tokio::task::spawn_blocking(move || git.ok(&["clone", "--quiet", &url, "copy"])).await.unwrap();
        let evidence = forge.log();
        let ended = tokio::time::timeout(PATIENCE, async {
            while !forge.log().contains("upload-pack abandoned") {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        assert!(ended.await.is_ok(), "still being served after {:?}: {evidence}", begun.elapsed());
        drop(channel);
    });
    forge.finish();
}

#[test]
fn an_unfinished_fetch_is_counted_with_the_bodies_of_its_account() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().setting("server", "max_body_memory_bytes", 4 << 20).start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let repository = ada.create_repository("sops");
    let ssh = identity.at(forge.ssh_addr());
    let work = ssh.git().init("work");
    let tip = work.commit("SOP-001.md", "# Cleaning\n");
    work.ok(&["push", "--quiet", &ssh.url(&repository), "main"]);
    let mut request = format!("0032want {tip}\n0000");
    for index in 0..100_000 {
        request.push_str(&format!("0032have {index:040x}\n"));
    }
    let output = ssh.run_sending(&[&format!("git-upload-pack '{repository}.git'")], request.as_bytes());
    assert!(ssh::said(&output).contains("too many large requests"), "{}", ssh::said(&output));
    ssh.git().ok(&["clone", "--quiet", &ssh.url(&repository), "copy"]);
    forge.finish();
}

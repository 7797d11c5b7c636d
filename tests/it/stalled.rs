//! A thousand clients that stall, from one address, in every place where a client can: people beside them, at the same address, clone and push
//! as ever, and the stalled ones are dropped within their time-outs.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use russh::client;
use russh::keys::PrivateKeyWithHashAlg;

use crate::dsl::chance::Chance;
use crate::dsl::pack::{gzip, pkt};
use crate::dsl::ssh::AnyServer;
use crate::dsl::wait::pause_for;
use crate::dsl::{Forge, Git, Identity, Persona, ssh, until};

const CROWD: usize = 1_000;
/// Longer than any time-out of these tests, however slow the machine: what is not closed by then hangs.
const HANG: Duration = Duration::from_secs(120);

/// Waits until the peer closes; a reset counts.
fn assert_closed(stream: &mut TcpStream, what: &str) {
    stream.set_read_timeout(Some(HANG)).unwrap();
    let mut bytes = [0; 64 * 1024];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return,
            Err(error) => panic!("{what}: still open: {error}"),
        }
    }
}

/// What a client says before it stalls.
fn half_requests(repository: &str, tip: &str, basic: &str) -> Vec<(&'static str, Vec<u8>)> {
    let post = |service: &str, more: &str| {
        format!(
            "POST /{repository}.git/{service} HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-{service}-request\r\n{more}\r\n"
        )
    };
    let want = [pkt(format!("want {tip}\n").as_bytes()), b"0000".to_vec()].concat();
    let with = |head: String, body: &[u8]| [head.as_bytes(), body].concat();
    vec![
        ("silence", Vec::new()),
        ("half a head", b"GET / HTTP/1.1\r\nhost: h\r\nx-half: ".to_vec()),
        ("half a fetch", with(post("git-upload-pack", "content-length: 4000\r\n"), &want)),
        ("half a fetch in chunks", with(post("git-upload-pack", "transfer-encoding: chunked\r\n"), b"ff\r\n0032want ")),
        (
            "half a gzipped fetch",
            with(post("git-upload-pack", "content-encoding: gzip\r\ncontent-length: 4000\r\n"), &gzip(&want)[..20]),
        ),
        (
            "half a push",
            with(post("git-receive-pack", &format!("authorization: {basic}\r\ncontent-length: 4000\r\n")), b"00a0"),
        ),
        ("a request that waits for the next", b"GET /livez HTTP/1.1\r\nhost: h\r\n\r\n".to_vec()),
    ]
}

#[test]
fn a_thousand_stalled_http_clients_stop_nobody() {
    let start =
        Forge::with().setting("server", "header_timeout_seconds", 5).setting("server", "idle_timeout_seconds", 5);
    let start = start.setting("server", "stall_timeout_seconds", 5).setting("server", "body_timeout_seconds", 10);
    let forge = start.start();
    let (ada, bob) = (forge.user("ada"), forge.user("bob"));
    let repository = ada.create_repository("sop");
    ada.invite(&repository, "bob", "write");
    let work = Git::new().init("work");
    let tip = work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let kinds = half_requests(&repository, &tip, &bob.basic());
    let mut stalled = Vec::new();
    let connect = |number: usize| {
        let (what, said) = &kinds[number % kinds.len()];
        let mut stream = TcpStream::connect(forge.addr()).unwrap();
        stream.write_all(said).unwrap();
        (*what, stream)
    };
    stalled.extend((0..CROWD).map(connect));
    let check = |who: &Persona, number: usize| {
        who.clone_repository(&repository).fsck();
        work.commit("a.md", &format!("{number}\n"));
        work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    };
    check(&ada, 1);
    check(&forge.anonymous(), 2);
    // Those who have been dropped meanwhile are replaced: a crowd that does not give up.
    stalled.extend((CROWD..CROWD + 200).map(connect));
    check(&forge.anonymous(), 3);
    for (what, stream) in &mut stalled {
        assert_closed(stream, what);
    }
    let metrics = ada.get("/metrics").expect(200).text();
    assert!(!metrics.contains("outcome=\"failed\""), "{metrics}");
    forge.finish();
}

/// Many who ask for a clone and do not read it take their client's places, but not for long while others wait for one.
#[test]
fn readers_that_stall_make_room_for_others_at_their_address() {
    let start = Forge::with().setting("server", "stall_timeout_seconds", 600);
    let forge =
        start.setting("server", "crowded_stall_timeout_seconds", 1).setting("git", "max_open_uploads", 40).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let work = Git::new().config("core.compression", "0").init("work");
    // More than the buffers of both ends take.
    std::fs::write(work.dir().join("scan.bin"), Chance::seeded(7).noise(16 << 20)).unwrap();
    work.ok(&["add", "scan.bin"]);
    work.ok(&["commit", "--quiet", "-m", "scan"]);
    let tip = work.ok(&["rev-parse", "main"]);
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let body = [pkt(format!("want {tip} ofs-delta side-band-64k\n").as_bytes()), b"00000009done\n".to_vec()].concat();
    let head = format!(
        "POST /{repository}.git/git-upload-pack HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-git-upload-pack-request\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stalled: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(forge.addr()).unwrap();
            stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
            stream
        })
        .collect();
    // Anonymous, like all of them, and an account of its own: both get a place though nobody's ten minutes are over.
    forge.anonymous().clone_repository(&repository).fsck();
    ada.clone_repository(&repository).fsck();
    let is_open = |stream: &mut TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let mut bytes = vec![0; 1 << 20];
        loop {
            match stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    };
    let open = stalled.iter_mut().filter_map(|stream| is_open(stream).then_some(())).count();
    assert!(open > 0, "with nobody waiting for a place nobody is hurried");
    assert!(open < 100, "somebody had to make room");
    drop(stalled);
    forge.finish();
}

/// Pushes that come byte by byte take their places from nobody who waits for one, of the same account or of another.
#[test]
fn pushes_that_crawl_make_room_for_others() {
    let start =
        Forge::with().setting("server", "crowded_stall_timeout_seconds", 1).setting("git", "max_open_receives", 8);
    let forge = start.setting("git", "max_open_receives_per_client", 4).start();
    let (ada, bob, carol) = (forge.user("ada"), forge.user("bob"), forge.user("carol"));
    let repository = ada.create_repository("sop");
    ada.invite(&repository, "bob", "write");
    ada.invite(&repository, "carol", "write");
    let work = Git::new().init("work");
    let is_over = AtomicBool::new(false);
    let crawl = |who: &Persona, body: &str| {
        let head = format!(
            "POST /{repository}.git/git-receive-pack HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-git-receive-pack-request\r\n\
             authorization: {}\r\ncontent-length: 100000\r\n\r\n{body}",
            who.basic()
        );
        while !is_over.load(Ordering::SeqCst) {
            let mut stream = TcpStream::connect(forge.addr()).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            // Until it is dropped; then it comes again.
            while !is_over.load(Ordering::SeqCst) && stream.write_all(b"0").is_ok() {
                pause_for(Duration::from_millis(100));
            }
        }
    };
    let (zero, tip) = ("0".repeat(40), "1".repeat(40));
    let push =
        format!("{}0000PACK", String::from_utf8(pkt(format!("{zero} {tip} refs/heads/x\0").as_bytes())).unwrap());
    let delete = format!("{}0000", String::from_utf8(pkt(format!("{tip} {zero} refs/heads/x\0").as_bytes())).unwrap());
    std::thread::scope(|scope| {
        for who in [&bob, &carol] {
            for body in [push.as_str(), "00", &delete, &push] {
                scope.spawn(move || crawl(who, body));
            }
        }
        until("all places to be taken", Duration::from_secs(30), || {
            let text = forge.get("/metrics").text();
            let taken =
                text.lines().find(|line| line.starts_with("atomicqms_gate_in_flight{gate=\"git receive open\"}"));
            match taken.and_then(|line| line.rsplit(' ').next()) {
                Some("8") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        for (number, who) in [&ada, &bob, &ada].into_iter().enumerate() {
            work.commit("a.md", &format!("{number}\n"));
            let pushed = work.run(&["push", "--quiet", &who.url(&repository), "main"]);
            if !pushed.success {
                is_over.store(true, Ordering::SeqCst);
            }
            pushed.ok();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    forge.finish();
}

fn greet(addr: SocketAddr, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    let said: &[u8] = [&b""[..], b"SSH-2.0-half", b"SSH-2.0-x\r\n"][number % 3];
    stream.write_all(said).unwrap();
    stream
}

#[test]
fn a_thousand_stalled_ssh_clients_stop_nobody() {
    if ssh::is_missing() {
        return;
    }
    let start = Forge::with().ssh().setting("ssh", "handshake_timeout_seconds", 10);
    let forge =
        start.setting("ssh", "idle_timeout_seconds", 40).setting("ssh", "max_connections_per_address", 60).start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let repository = ada.create_repository("sops");
    let ssh = identity.at(forge.ssh_addr());
    let work = ssh.git().init("work");
    work.commit("SOP-001.md", "# Cleaning\n");
    work.ok(&["push", "--quiet", &ssh.url(&repository), "main"]);
    let begun = Instant::now();
    let mut stalled: Vec<TcpStream> = (0..CROWD).map(|number| greet(forge.ssh_addr(), number)).collect();
    ssh.git().ok(&["clone", "--quiet", &ssh.url(&repository), "copy"]);
    for stream in &mut stalled {
        assert_closed(stream, "a stalled handshake");
    }
    eprintln!("the last of {CROWD} handshakes was dropped after {:?}", begun.elapsed());

    // Others sign in, begin a command and fall silent: as many as there are places for one address.
    let key = Arc::new(russh::keys::load_secret_key(identity.private_path(), None).unwrap());
    let addr = forge.ssh_addr();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut held = Vec::new();
        for number in 0..60 {
            let config = Arc::new(client::Config::default());
            let mut session = client::connect(config, addr, AnyServer).await.unwrap();
            let own = PrivateKeyWithHashAlg::new(Arc::clone(&key), None);
            assert!(session.authenticate_publickey("git", own).await.unwrap().success());
            let channel = session.channel_open_session().await.unwrap();
            if number % 2 == 0 {
                channel.exec(true, format!("git-upload-pack '{repository}.git'")).await.unwrap();
            }
            held.push((session, channel));
        }
        let (git, url) = (ssh.git(), ssh.url(&repository));
        let cloned = crate::dsl::within(HANG, || {
            let ran = git.run(&["clone", "--quiet", &url, "second"]);
            if ran.success { Ok(()) } else { Err(ran.all()) }
        });
        cloned.unwrap();
        assert!(
            held.iter().filter(|(session, _)| session.is_closed()).count() < 60,
            "only as many as had to make room"
        );
    });
    let metrics = ada.get("/metrics").expect(200).text();
    assert!(metrics.contains("atomicqms_ssh_connections_total{end=\"evicted\"}"), "{metrics}");
    forge.finish();
}

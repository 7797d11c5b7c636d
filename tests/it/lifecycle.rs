//! Start, stop, refusal to start, health and logs: what an operator relies on.

use std::process::Stdio;

use crate::dsl::forge::{ADMIN_PASSWORD, BINARY, binary};
use crate::dsl::pack::{Pack, Report, ZERO, push_body};
use crate::dsl::persona::Persona;
use crate::dsl::wait::pause_for;
use crate::dsl::{Call, Forge, Git, PATIENCE, Wire, until, within};

/// Runs `serve` that must refuse to start; gives what it said.
fn refused_start(data_dir: &std::path::Path, args: &[&str], env: &[(&str, &str)]) -> String {
    let data_dir = data_dir.to_string_lossy().into_owned();
    let mut all = vec!["serve", "--data-dir", &data_dir];
    let defaults = ["--http", "127.0.0.1:0", "--ssh", "off"];
    if !args.contains(&"--http") {
        all.extend(defaults);
    }
    all.extend(args);
    let mut child = binary(&all)
        .env("ATOMICQMS_ADMIN_PASSWORD", ADMIN_PASSWORD)
        .envs(env.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = within(PATIENCE, || if child.try_wait().unwrap().is_some() { Ok(()) } else { Err(String::new()) });
    if ended.is_err() {
        let _ = child.kill();
    }
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(ended.is_ok(), "the server started: {text}");
    assert!(!output.status.success(), "exit {}: {text}", output.status);
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn a_push_that_is_running_when_the_server_is_stopped_is_finished() {
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("slow");
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "a.md", &vec![b'a'; 200_000]);
    let body = push_body(&[(ZERO, &tip, b"refs/heads/main")], "report-status", &pack.bytes());
    let mut wire = Wire::connect(forge.addr()).unwrap();
    let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
        .header("Authorization", &ada.basic())
        .header("Content-Type", "application/x-git-receive-pack-request")
        .header("Transfer-Encoding", "chunked");
    wire.write(&call.head(forge.addr())).unwrap();
    wire.write_chunk(&body[..150]).unwrap();
    forge.await_push_under_way();
    forge.signal(rustix::process::Signal::TERM);
    until("the server to take no new work", PATIENCE, || match Call::new("GET", "/readyz").send(forge.addr()) {
        Ok(reply) if reply.status == 200 => Err("still ready".to_owned()),
        Ok(_) | Err(_) => Ok(()),
    });
    for chunk in body[150..].chunks(40) {
        wire.write_chunk(chunk).unwrap();
    }
    wire.finish_chunks().unwrap();
    let reply = wire.reply_to("POST").unwrap().expect(200);
    assert!(Report::parse(&reply.body).unwrap().is_ok(), "{}", reply.text());
    let status = forge.wait();
    assert_eq!(status.code(), Some(0), "{}", forge.log());
    assert!(forge.server_git(&repository).refs().contains(&tip));
    forge.finish();
}

#[test]
fn a_push_that_never_ends_does_not_hold_the_stop_for_ever() {
    let mut forge = Forge::with().setting("server", "shutdown_grace_seconds", 1).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("endless");
    let mut wire = Wire::connect(forge.addr()).unwrap();
    let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
        .header("Authorization", &ada.basic())
        .header("Content-Type", "application/x-git-receive-pack-request")
        .header("Transfer-Encoding", "chunked");
    wire.write(&call.head(forge.addr())).unwrap();
    wire.write_chunk(b"00").unwrap();
    pause_for(std::time::Duration::from_millis(100));
    forge.signal(rustix::process::Signal::TERM);
    let started = std::time::Instant::now();
    let status = forge.wait();
    assert!(started.elapsed().as_secs() < 15, "took {:?}", started.elapsed());
    assert_eq!(status.code(), Some(0), "{}", forge.log());
    forge.finish();
}

#[test]
fn an_idle_server_stops_at_once_even_with_open_connections() {
    let mut forge = Forge::start();
    let mut idle = Wire::connect(forge.addr()).unwrap();
    idle.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(idle.reply_to("GET").unwrap().status, 200);
    let silent = Wire::connect(forge.addr()).unwrap();
    let started = std::time::Instant::now();
    forge.stop();
    assert!(started.elapsed().as_secs() < 8, "stopping took {:?}", started.elapsed());
    drop((idle, silent));
    forge.finish();
}

#[test]
fn everything_is_still_there_after_a_restart() {
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_private_repository("kept");
    let work = Git::new().init("work");
    let tip = work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let before = ada.get(&format!("/api/v1/repos/{repository}")).expect(200).json();
    for _ in 0..3 {
        forge.stop();
        forge.restart();
    }
    let mut after = ada.get(&format!("/api/v1/repos/{repository}")).expect(200).json();
    // The port is another one, so URLs differ.
    for field in ["html_url", "clone_url", "ssh_url", "url", "link", "languages_url", "owner", "avatar_url"] {
        after[field] = before[field].clone();
    }
    assert_eq!(before, after);
    assert!(work.ok(&["ls-remote", &ada.url(&repository)]).contains(&tip));
    forge.admin().by_password().get("/api/v1/user").expect(200);
    forge.finish();
}

#[test]
fn two_servers_do_not_share_a_data_directory() {
    let forge = Forge::start();
    let text = refused_start(forge.data_dir(), &[], &[]);
    let data_dir = forge.data_dir().to_string_lossy().into_owned();
    assert!(text.contains("in use") && text.contains(&data_dir), "{text}");
    forge.assert_alive("a second server tried to start");
    forge.finish();
}

#[test]
fn a_data_directory_of_a_newer_version_is_left_alone() {
    let mut forge = Forge::start();
    forge.user("ada");
    forge.stop();
    let database = forge.data_dir().join("atomicqms.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    connection.pragma_update(None, "user_version", version + 1).unwrap();
    drop(connection);
    let text = refused_start(forge.data_dir(), &[], &[]);
    assert!(text.contains("newer"), "{text}");
    let connection = rusqlite::Connection::open(&database).unwrap();
    let kept: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, version + 1, "the newer database was changed");
    connection.pragma_update(None, "user_version", version).unwrap();
    drop(connection);
    forge.restart();
    forge.finish();
}

#[test]
fn settings_that_are_unknown_or_wrong_are_named() {
    let directory = tempfile::TempDir::new().unwrap();
    let data_dir = directory.path().join("data");
    for (name, value, named) in [
        ("ATOMICQMS__git__no_such_key", "1", "no_such_key"),
        ("ATOMICQMS__nowhere__key", "1", "nowhere"),
        ("ATOMICQMS__git__max_objects", "many", "max_objects"),
        ("ATOMICQMS__git__max_objects", "-1", "max_objects"),
        ("ATOMICQMS__server__stall_timeout_seconds", "0", "stall_timeout_seconds"),
        ("ATOMICQMS__log__format", "xml", "format"),
        ("ATOMICQMS__git__default_branch", "-x", "default_branch"),
        ("ATOMICQMS__git__default_branch", "HEAD", "default_branch"),
        ("ATOMICQMS_ROOT_URL", "not a url", "root_url"),
        ("ATOMICQMS_HTTP_ADDR", "nonsense", "http_addr"),
    ] {
        let args: &[&str] = if name == "ATOMICQMS_HTTP_ADDR" { &["--ssh", "off"] } else { &[] };
        let text = if name == "ATOMICQMS_HTTP_ADDR" {
            let data_dir = data_dir.to_string_lossy().into_owned();
            let output = binary(&["serve", "--data-dir", &data_dir, "--ssh", "off"]).env(name, value).output().unwrap();
            assert!(!output.status.success());
            String::from_utf8_lossy(&output.stderr).into_owned()
        } else {
            refused_start(&data_dir, args, &[(name, value)])
        };
        let lower = text.to_lowercase();
        assert!(lower.contains(named) || text.contains(name), "{name}={value}: {text}");
    }
    assert!(!data_dir.join("atomicqms.db").exists(), "a refused start made a database");
    std::fs::create_dir_all(data_dir.join("conf")).unwrap();
    let file = data_dir.join("conf/atomicqms.toml");
    for (content, named) in [
        ("[git]\nmax_objetcs = 5\n", "max_objetcs"),
        ("[gti]\nmax_objects = 5\n", "gti"),
        ("[git]\nmax_objects = \"five\"\n", "max_objects"),
        ("this is not toml", "atomicqms.toml"),
    ] {
        std::fs::write(&file, content).unwrap();
        let text = refused_start(&data_dir, &[], &[]);
        assert!(text.contains(named), "{content:?}: {text}");
    }
    let text = refused_start(&data_dir, &["--no-such-flag"], &[]);
    assert!(text.contains("--no-such-flag"), "{text}");
}

#[test]
fn the_settings_file_counts_and_the_environment_wins() {
    let directory = tempfile::TempDir::new().unwrap();
    let data_dir = directory.path().join("data");
    std::fs::create_dir_all(data_dir.join("conf")).unwrap();
    std::fs::write(
        data_dir.join("conf/atomicqms.toml"),
        "[git]\nmax_refs_per_push = 1\n[server]\nroot_url = \"https://qms.example.org/\"\n",
    )
    .unwrap();
    let mut forge = Forge::with().data_dir(&data_dir).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("limited");
    let shown = ada.get(&format!("/api/v1/repos/{repository}")).expect(200).json();
    assert_eq!(shown["clone_url"], "https://qms.example.org/ada/limited.git");
    let work = Git::new().init("work");
    work.commit("a.md", "one\n");
    work.fails(&["push", &ada.url(&repository), "main:refs/heads/a", "main:refs/heads/b"]);
    forge.stop();
    let start = forge.start_options();
    let old = std::mem::replace(start, Forge::with());
    *start = old.setting("git", "max_refs_per_push", 2);
    forge.restart();
    work.ok(&["push", "--quiet", &ada.url(&repository), "main:refs/heads/a", "main:refs/heads/b"]);
    forge.finish();
}

#[test]
fn the_first_start_shows_a_password_once_and_it_works() {
    let mut forge = Forge::with().without_env("ATOMICQMS_ADMIN_PASSWORD").start();
    let log = forge.log();
    let after = log.find("password: ").unwrap_or_else(|| panic!("no password is shown: {log}")) + "password: ".len();
    let password = log[after..].split_whitespace().next().unwrap_or_default().to_owned();
    assert!(password.len() >= 16, "a short password: {password:?}");
    assert_eq!(log.matches(&password).count(), 1, "shown more than once: {log}");
    forge.stop();
    forge.restart();
    let admin = Persona::with_password(forge.shared(), "admin", &password);
    admin.get("/api/v1/user").expect(200);
    assert_eq!(forge.log().matches(&password).count(), 1, "shown again at the second start");
    forge.finish();
}

#[test]
fn the_given_password_is_used_only_for_the_first_start() {
    let mut forge = Forge::start();
    let admin = Persona::with_password(forge.shared(), "admin", ADMIN_PASSWORD);
    let me = admin.get("/api/v1/user").expect(200).json();
    assert_eq!((me["login"].as_str(), me["is_admin"].as_bool()), (Some("admin"), Some(true)), "{me}");
    forge.stop();
    let start = forge.start_options();
    let old = std::mem::replace(start, Forge::with());
    *start = old.env("ATOMICQMS_ADMIN_PASSWORD", "canary-another-password-5");
    forge.restart();
    admin.get("/api/v1/user").expect(200);
    Persona::with_password(forge.shared(), "admin", "canary-another-password-5").get("/api/v1/user").expect(401);
    forge.finish();
}

#[test]
fn a_given_password_that_breaks_the_rule_is_named() {
    let directory = tempfile::TempDir::new().unwrap();
    let text = refused_start(&directory.path().join("data"), &[], &[("ATOMICQMS_ADMIN_PASSWORD", "short")]);
    assert!(text.contains("ATOMICQMS_ADMIN_PASSWORD") && text.contains("at least 8"), "{text}");
}

#[test]
fn every_answer_carries_a_request_id_and_logs_carry_the_same() {
    let forge = Forge::start();
    let mut seen = Vec::new();
    for target in
        ["/livez", "/readyz", "/metrics", "/api/v1/version", "/api/v1/nowhere", "/nowhere", "/a/b.git/info/refs"]
    {
        let reply = forge.get(target);
        let id = reply.header("X-Request-Id").unwrap_or_else(|| panic!("{target}: {:?}", reply.headers)).to_owned();
        assert!(!seen.contains(&id), "{target}: id {id} was used before");
        seen.push(id);
    }
    let reply = Call::new("GET", "/api/v1/user").header("X-Request-Id", "evil\"}{forged").send(forge.addr()).unwrap();
    let id = reply.header("X-Request-Id").unwrap().to_owned();
    assert_ne!(id, "evil\"}{forged", "a stranger may not choose ids");
    until("the log to have the request", PATIENCE, || {
        let log = forge.log();
        let line = log.lines().find(|line| line.contains(&id)).ok_or_else(|| log.clone())?;
        serde_json::from_str::<serde_json::Value>(line).map_err(|error| format!("{error}: {line}"))
    });
    forge.finish();
}

#[test]
fn health_and_metrics_tell_the_state() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("measured");
    let work = Git::new().init("work");
    work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    ada.clone_repository(&repository);
    for target in ["/livez", "/readyz", "/api/healthz"] {
        forge.get(target).expect(200);
    }
    let health = forge.get("/api/healthz").json();
    assert_eq!(health["status"], "pass", "{health}");
    let reply = forge.get("/metrics").expect(200);
    assert!(reply.header("Content-Type").is_some_and(|kind| kind.starts_with("text/plain")), "{:?}", reply.headers);
    let metrics = reply.text();
    for name in [
        "atomicqms_http_requests_total",
        "atomicqms_http_request_duration_seconds_bucket",
        "atomicqms_http_connections",
        "atomicqms_git_operations_total",
        "atomicqms_git_operation_duration_seconds_bucket",
        "atomicqms_git_bytes_total",
        "atomicqms_git_pack_objects_total",
        "atomicqms_writer_queue_depth",
        "atomicqms_writer_batch_jobs_bucket",
        "atomicqms_writer_commit_seconds_bucket",
        "atomicqms_writer_wait_seconds_bucket",
        "atomicqms_writer_jobs_total",
        "atomicqms_reader_wait_seconds_bucket",
        "atomicqms_repositories_open",
        "atomicqms_repository_turn_seconds_bucket",
        "atomicqms_repository_queue_depth",
        "atomicqms_ledger_events_total",
        "atomicqms_auth_total",
        "atomicqms_build_info",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        let present = metrics.lines().any(|line| line.starts_with(name));
        assert!(present, "{name} is missing from /metrics");
    }
    let count = |wanted: &str| {
        let lines = metrics.lines().filter(|line| !line.starts_with('#') && line.contains(wanted));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    assert!(count("atomicqms_git_operations_total{") >= 2.0, "a push and a clone were made:\n{metrics}");
    assert!(count("atomicqms_git_bytes_total{") > 100.0);
    assert!(!metrics.contains("measured"), "names of repositories do not belong into metric labels");
    forge.finish();
}

#[test]
fn metrics_stay_bounded_whatever_paths_are_asked_for() {
    let forge = Forge::start();
    for index in 0..200 {
        forge.get(&format!("/no/such-{index}/info/refs?service=git-upload-pack"));
        forge.get(&format!("/api/v1/nowhere/{index}"));
        let odd = format!("ODD{index}");
        Call::new(&odd, "/api/v1/version").send(forge.addr()).unwrap();
    }
    let metrics = forge.get("/metrics").expect(200).text();
    let series = metrics.lines().filter(|line| line.starts_with("atomicqms_http_requests_total")).count();
    assert!(series < 30, "{series} series of requests after 600 odd paths and methods");
    forge.finish();
}

#[test]
fn admin_commands_work_while_the_server_runs() {
    let forge = Forge::start();
    let data_dir = forge.data_dir().to_string_lossy().into_owned();
    let run = |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--data-dir", &data_dir]);
        let output = binary(&all).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned(), stderr)
    };
    let secret = "canary-cli-password-31";
    forge.shared().guard_secret(secret);
    let create = [
        "admin",
        "user",
        "create",
        "--username",
        "carla",
        "--password",
        secret,
        "--email",
        "carla@example.org",
        "--admin",
    ];
    let (ok, stdout, stderr) = run(&create);
    assert!(ok, "{stdout}{stderr}");
    let carla = Persona::with_password(forge.shared(), "carla", secret);
    assert_eq!(carla.get("/api/v1/user").expect(200).json()["is_admin"], true);
    let (ok, stdout, stderr) =
        run(&["admin", "token", "create", "--username", "carla", "--name", "cli", "--scopes", "all"]);
    assert!(ok, "{stdout}{stderr}");
    let token = stdout.trim().to_owned();
    assert!(!token.is_empty() && token.lines().count() == 1, "the token alone: {stdout:?}");
    carla.by(crate::dsl::persona::Credential::Token(token)).get("/api/v1/user").expect(200);
    let (ok, stdout, stderr) = run(&create);
    assert!(!ok && stderr.contains("carla"), "the same user again: {stdout}{stderr}");
    let (ok, ..) = run(&["admin", "token", "create", "--username", "nobody", "--name", "cli", "--scopes", "all"]);
    assert!(!ok, "a token for nobody");
    let (ok, stdout, stderr) = run(&["audit", "verify"]);
    assert!(ok, "{stdout}{stderr}");
    forge.finish();
}

#[test]
fn the_binary_names_itself() {
    let output = binary(&["--version"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains(env!("CARGO_PKG_VERSION")), "{BINARY}: {text}");
    let help = binary(&["serve", "--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for flag in ["--data-dir", "--http", "--ssh"] {
        assert!(help.contains(flag), "{help}");
    }
}

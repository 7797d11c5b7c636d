//! A server in this process: life, probes, metrics, refusals, what middleware adds.

use super::testing::{ADMIN_PASSWORD, TestServer};
use super::*;

use crate::telemetry::catalogue::METRICS;

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!(
        "authorization: Basic {}\r\n",
        base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
    )
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)))
        .map(|pair| pair.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_answer_and_metrics_name_everything() {
    let server = TestServer::start().await;
    assert!(server.get("/livez", "").await.starts_with("HTTP/1.1 200"));
    let ready = server.get("/readyz", "").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.ends_with("ready\n"), "{ready}");
    let health = server.get("/api/healthz", "").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("\"status\":\"pass\""), "{health}");
    let metrics = server.get("/metrics", "").await;
    for metric in METRICS {
        assert!(metrics.contains(&format!("# TYPE {} ", metric.name)), "{} is missing in\n{metrics}", metric.name);
    }
    assert!(
        metrics.contains("atomicqms_http_requests_total{method=\"GET\",route=\"/livez\",status=\"200\"}"),
        "{metrics}"
    );
    assert!(metrics.contains("atomicqms_writer_commit_seconds_bucket{le=\""), "{metrics}");
    assert!(metrics.contains("atomicqms_build_info{version=\""), "{metrics}");
    server.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_id_and_protective_headers_and_errors_have_the_shape_of_their_group() {
    let server = TestServer::start().await;
    let home = server.get("/", "x-request-id: chosen-by-stranger\r\n").await;
    assert!(home.starts_with("HTTP/1.1 200") && home.contains("<h1>AtomicQMS</h1>"), "{home}");
    let id = header(&home, "x-request-id").unwrap();
    assert_eq!(id.len(), 26, "a ULID, not what a stranger sent: {id}");
    assert_eq!(header(&home, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&home, "x-frame-options"), Some("DENY"));
    assert!(header(&home, "content-security-policy").unwrap().contains("default-src 'none'"));

    let missing = server.get("/no/such/place/at/all", "").await;
    assert!(missing.starts_with("HTTP/1.1 404") && missing.ends_with("404 page not found\n"), "{missing}");
    let version = server.get("//api/v1///version/", "").await;
    assert!(version.starts_with("HTTP/1.1 200"), "{version}");
    let hidden = server.get("/api/v1/repos/nobody/nothing", "").await;
    assert!(hidden.starts_with("HTTP/1.1 404"), "{hidden}");
    let url = format!("\"url\":\"http://{}/api/swagger\"", server.address);
    assert!(hidden.contains("\"message\":\"") && hidden.contains(&url), "{hidden}");
    let refused = server.get("/api/v1/version", &basic("admin", "wrong")).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(header(&refused, "www-authenticate").unwrap().contains("Basic realm=\"AtomicQMS\""));
    let git = server.get("/nobody/nothing.git/info/refs?service=git-upload-pack", "").await;
    assert!(git.starts_with("HTTP/1.1 401"), "git must be asked for a password: {git}");
    let git =
        server.get("/nobody/nothing.git/info/refs?service=git-upload-pack", &basic("admin", ADMIN_PASSWORD)).await;
    assert!(git.starts_with("HTTP/1.1 404"), "{git}");
    let head = server.raw("HEAD /api/v1/version HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    let wrong_method = server.raw("DELETE /livez HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert!(wrong_method.starts_with("HTTP/1.1 405"), "{wrong_method}");
    server.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_body_over_the_limit_is_413_and_another_type_422() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(dir.path());
    config.server.max_json_bytes = 1024;
    config.admin_password = Some(crate::config::Secret::new(ADMIN_PASSWORD.to_owned()));
    let server = TestServer::start_with(config).await.unwrap();
    let post = |kind: &str, body: String| {
        let length = body.len();
        let login = basic("admin", ADMIN_PASSWORD);
        format!(
            "POST /api/v1/user/repos HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{login}content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let big = format!("{{\"name\":\"{}\"}}", "a".repeat(2000));
    let answer = server.raw(&post("application/json", big)).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("1024"), "{answer}");
    let answer = server.raw(&post("text/plain", "{\"name\":\"a\"}".to_owned())).await;
    assert!(answer.starts_with("HTTP/1.1 422") && answer.contains("application/json"), "{answer}");
    let answer = server.raw(&post("application/json", "{\"name\":".to_owned())).await;
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    server.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_may_ask_for_a_token() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(dir.path());
    config.metrics.token = crate::config::Secret::new("scrape-me".to_owned());
    let server = TestServer::start_with(config).await.unwrap();
    assert!(server.get("/metrics", "").await.starts_with("HTTP/1.1 401"));
    assert!(server.get("/metrics", "authorization: Bearer scrape-m\r\n").await.starts_with("HTTP/1.1 401"));
    assert!(server.get("/metrics", "authorization: Bearer scrape-me\r\n").await.starts_with("HTTP/1.1 200"));
    server.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_directory_is_refused_until_the_first_ends() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::for_tests(dir.path());
    let first = TestServer::start_with(config.clone()).await.unwrap();
    let published = std::fs::read_to_string(config.run_dir().join("http.addr")).unwrap();
    assert_eq!(published.trim(), first.address.to_string());

    let failure = TestServer::start_with(config.clone()).await.err().expect("two servers share a directory");
    assert_eq!(failure.exit_code(), 2);
    assert!(failure.line().contains("in use by another atomicqms server"), "{}", failure.line());

    first.finish().await.unwrap();
    assert!(!config.run_dir().join("http.addr").exists());
    let again = TestServer::start_with(config).await.unwrap();
    again.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::for_tests(dir.path());
    TestServer::start_with(config.clone()).await.unwrap().finish().await.unwrap();
    // The version is a big-endian number at offset 60 of the file's header (SQLite file format, section 1.3).
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(config.database_path()).unwrap();
    file.write_all_at(&999_u32.to_be_bytes(), 60).unwrap();

    let failure = TestServer::start_with(config).await.err().expect("a newer database is used");
    assert_eq!(failure.exit_code(), 2);
    assert!(failure.line().contains("999") && failure.line().contains("newer"), "{}", failure.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_directory_is_closed_to_strangers_and_the_key_stays() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("deep").join("data");
    let config = Config { data_dir: data_dir.clone(), ..Config::for_tests(dir.path()) };
    let key = config.keys_dir().join("server.key");
    TestServer::start_with(config.clone()).await.unwrap().finish().await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data_dir), 0o700);
    assert_eq!(mode(&key), 0o600);
    let first = std::fs::read(&key).unwrap();
    assert_eq!(first.len(), 65);
    TestServer::start_with(config).await.unwrap().finish().await.unwrap();
    assert_eq!(std::fs::read(&key).unwrap(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_private_also_in_a_directory_that_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = Config { data_dir: dir.path().to_owned(), ..Config::for_tests(dir.path()) };
    // As an older version may have left it.
    std::fs::write(config.database_path(), b"").unwrap();
    std::fs::set_permissions(config.database_path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let server = TestServer::start_with(config).await.unwrap();
    for name in ["atomicqms.db", "atomicqms.db-wal", "atomicqms.db-shm"] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    server.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_proxies_may_name_the_request() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(dir.path());
    config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let server = TestServer::start_with(config).await.unwrap();
    let answer = server.get("/livez", "x-request-id: from-proxy.1\r\n").await;
    assert_eq!(header(&answer, "x-request-id"), Some("from-proxy.1"));
    for bad in ["with space", "{curly}", &"x".repeat(65)] {
        let answer = server.get("/livez", &format!("x-request-id: {bad}\r\n")).await;
        assert_eq!(header(&answer, "x-request-id").unwrap().len(), 26, "{bad}");
    }
    server.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_for_a_stalled_request_no_longer_than_the_grace_period() {
    use tokio::io::AsyncWriteExt;
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(dir.path());
    config.server.shutdown_grace_seconds = 1;
    config.admin_password = Some(crate::config::Secret::new(ADMIN_PASSWORD.to_owned()));
    let server = TestServer::start_with(config).await.unwrap();
    let mut stalled = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let login = basic("admin", ADMIN_PASSWORD);
    let head = format!(
        "POST /api/v1/user/repos HTTP/1.1\r\nhost: h\r\n{login}content-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: 100\r\n\r\n"
    );
    stalled.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 12];
    // The interim answer proves that the handler waits for the body.
    tokio::io::AsyncReadExt::read_exact(&mut stalled, &mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");
    let begun = std::time::Instant::now();
    tokio::time::timeout(Duration::from_secs(15), server.finish()).await.expect("the server never stops").unwrap();
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "a running request was not waited for: {:?}",
        begun.elapsed()
    );
}

#[test]
fn root_urls_end_with_a_slash_and_can_be_reached() {
    let table = [
        ("", "127.0.0.1:3001", "http://127.0.0.1:3001/"),
        ("", "0.0.0.0:80", "http://127.0.0.1:80/"),
        ("", "[::]:80", "http://[::1]:80/"),
        ("https://qms.example.org", "0.0.0.0:80", "https://qms.example.org/"),
        ("https://example.org/qms/", "0.0.0.0:80", "https://example.org/qms/"),
    ];
    for (given, address, expected) in table {
        assert_eq!(root_url(given, address.parse().unwrap()), expected);
    }
}

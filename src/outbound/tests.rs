//! Requests of a server in the test's process: where they go, where they do not, and how long they last.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tokio_rustls::rustls::{self, ServerConnection, StreamOwned};

use super::*;

/// Answers each connection with what a function makes of its head, and keeps the heads.
struct Peer {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    certificate: Option<tempfile::NamedTempFile>,
}

type Answers = fn(&str, u16) -> Vec<u8>;

impl Peer {
    fn start(answers: Answers) -> Self {
        Self::listen(answers, None)
    }

    fn start_tls(answers: Answers) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(made.cert.pem().as_bytes()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { certificate: Some(file), ..Self::listen(answers, Some(Arc::new(config))) }
    }

    fn listen(answers: Answers, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, tls) = (Arc::clone(&kept), tls.clone());
                std::thread::spawn(move || match tls {
                    Some(tls) => {
                        serve(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream), &kept, answers, port)
                    }
                    None => serve::<TcpStream>(stream, &kept, answers, port),
                });
            }
        });
        Self { port, heads, certificate: None }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn client(&self, change: impl FnOnce(&mut Settings)) -> Outbound {
        let mut settings = Settings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            allows_http: true,
            ca_file: self.certificate.as_ref().map(|file| file.path().to_owned()),
            idle_timeout: Duration::from_millis(300),
            ..Settings::default()
        };
        change(&mut settings);
        Outbound::new(settings)
    }
}

fn serve<S: Read + Write>(mut stream: S, heads: &Mutex<Vec<String>>, answers: Answers, port: u16) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    heads.lock().unwrap().push(head.clone());
    let answer = answers(&head, port);
    if answer.is_empty() {
        // Silent, but there.
        drop(stream.read(&mut byte));
    }
    drop(stream.write_all(&answer));
    drop(stream.flush());
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn to(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        url: parse_url(url).unwrap(),
        headers: vec![("git-protocol", HeaderValue::from_static("version=2"))],
        authorization: Some(HeaderValue::from_static("Basic c2VjcmV0")),
        body: Bytes::new(),
        max_bytes: 1000,
    }
}

async fn ask(client: &Outbound, url: &str) -> Result<(u16, Vec<u8>), FaultKind> {
    let mut answer = client.send(get(url)).await.map_err(|fault| fault.kind)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|fault| fault.kind)? {
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status.as_u16(), body))
}

#[test]
fn addresses_that_say_one_thing_and_mean_another_are_none() {
    for good in [
        "https://example.org/a/b.git",
        "http://example.org:3000/a",
        "https://[2606:4700::1111]/a",
        "https://EXAMPLE.org",
    ] {
        parse_url(good).unwrap();
    }
    let bad = [
        "",
        "example.org/a",
        "/etc/passwd",
        "file:///etc/passwd",
        "ssh://git@example.org/a",
        "git://example.org/a",
        "git@example.org:a/b",
        "ext::sh -c x",
        "--upload-pack=/bin/sh",
        "https://user@example.org/a",
        "https://user:word@example.org/a",
        "https://:word@example.org/",
        "https://@@example.org/",
        "https://example.org/a#b",
        "https://example.org/a b",
        "https://exa\nmple.org/",
        "https://example.org\\@other.org/",
        "https:///a",
        "https:example.org/a",
        "https:/example.org/a",
        "https://",
        "gopher://example.org/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "https://example.org/\u{0}",
        "https://exam%00ple.org/",
        "https://[::1",
        "https://example.org:99999/",
    ];
    for text in bad.iter().map(|text| (*text).to_owned()).chain([format!("https://example.org/{}", "a".repeat(3000))]) {
        assert!(parse_url(&text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn nothing_inside_is_reached_by_any_name() {
    let peer = Peer::start(|_, _| ok("inside"));
    let client = peer.client(|settings| settings.allowed_networks.clear());
    // Names, addresses, and forms that parsers of addresses understand.
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
    ] {
        let said = ask(&client, &format!("http://{host}:{}/", peer.port)).await;
        assert_eq!(said, Err(FaultKind::Refused), "{host}");
    }
    for host in [
        "169.254.169.254",
        "10.0.0.1",
        "168.63.129.16",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        assert_eq!(ask(&client, &format!("http://{host}/")).await, Err(FaultKind::Refused), "{host}");
    }
    assert!(peer.heads().is_empty());
    // What is allowed is: this machine by its IPv4 addresses, and no other form of them.
    let client = peer.client(|_| {});
    assert_eq!(ask(&client, &format!("http://localhost:{}/", peer.port)).await, Ok((200, b"inside".to_vec())));
    assert_eq!(ask(&client, &format!("http://[::1]:{}/", peer.port)).await, Err(FaultKind::Refused));
    assert_eq!(ask(&client, "http://10.0.0.1/").await, Err(FaultKind::Refused));
    let strict = peer.client(|settings| settings.allows_http = false);
    assert!(strict.check_scheme(&parse_url("http://a.b/").unwrap()).is_err());
    assert_eq!(ask(&strict, &format!("http://localhost:{}/", peer.port)).await, Err(FaultKind::Refused));
    assert_eq!(peer.heads().len(), 1);
}

#[tokio::test]
async fn each_redirection_is_looked_at_like_the_first_request() {
    let peer = Peer::start(|head, port| match head.split(' ').nth(1).unwrap_or_default() {
        "/metadata" => to("http://169.254.169.254/latest/"),
        "/file" => to("file:///etc/passwd"),
        "/user" => to(&format!("http://a:b@127.0.0.1:{port}/end")),
        "/other" => to(&format!("http://localhost:{port}/end")),
        "/same" => to("/end?x=1"),
        "/round" => to("/round"),
        "/nowhere" => b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        _ => ok("end"),
    });
    let client = peer.client(|_| {});
    let base = format!("http://127.0.0.1:{}", peer.port);
    assert_eq!(ask(&client, &format!("{base}/metadata")).await, Err(FaultKind::Refused));
    for path in ["/file", "/user", "/round", "/nowhere"] {
        assert_eq!(ask(&client, &format!("{base}{path}")).await, Err(FaultKind::Redirected), "{path}");
    }
    assert_eq!(peer.heads().iter().filter(|head| head.starts_with("GET /round ")).count(), 4, "three are followed");
    for (path, keeps) in [("/same", true), ("/other", false)] {
        assert_eq!(ask(&client, &format!("{base}{path}")).await, Ok((200, b"end".to_vec())));
        let heads = peer.heads();
        let [.., first, last] = heads.as_slice() else { panic!("{heads:?}") };
        assert!(first.contains("authorization: Basic") && last.contains("git-protocol: version=2"), "{first}");
        assert_eq!(last.contains("authorization:"), keeps, "{path}: credentials are for whom they were given");
    }
    // What sends something is not sent on.
    let post = Request { method: Method::POST, ..get(&format!("{base}/same")) };
    assert_eq!(client.send(post).await.err().map(|fault| fault.kind), Some(FaultKind::Redirected));
}

#[tokio::test]
async fn tls_proves_the_name_and_nothing_leads_away_from_it() {
    let peer = Peer::start_tls(|head, port| match head.split(' ').nth(1).unwrap_or_default() {
        "/down" => to(&format!("http://localhost:{port}/")),
        _ => ok("safe"),
    });
    let base = format!("https://localhost:{}", peer.port);
    let client = peer.client(|_| {});
    assert_eq!(ask(&client, &base).await, Ok((200, b"safe".to_vec())));
    assert_eq!(ask(&client, &format!("{base}/down")).await, Err(FaultKind::Redirected));
    assert_eq!(
        ask(&client, &format!("https://127.0.0.1:{}/", peer.port)).await,
        Err(FaultKind::Insecure),
        "another name"
    );
    let stranger = peer.client(|settings| settings.ca_file = None);
    assert_eq!(ask(&stranger, &base).await, Err(FaultKind::Insecure), "nobody vouches for it");
    // It waits for more of what it takes for a request.
    let plain = Peer::start(|_, _| ok("plain"));
    let hasty = plain.client(|settings| settings.connect_timeout = Duration::from_millis(300));
    assert_eq!(ask(&hasty, &format!("https://localhost:{}/", plain.port)).await, Err(FaultKind::Late));
}

#[tokio::test]
async fn what_never_ends_ends() {
    let peer = Peer::start(|head, _| match head.split(' ').nth(1).unwrap_or_default() {
        "/silent" => Vec::new(),
        "/stops" => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec(),
        "/large" => [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 100_000]].concat(),
        "/head" => [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; 1_000_000]].concat(),
        _ => b"\x00\x01\x02 no HTTP\r\n\r\n".to_vec(),
    });
    let client = peer.client(|_| {});
    let table = [
        ("silent", FaultKind::Late),
        ("stops", FaultKind::Broken),
        ("large", FaultKind::TooLarge),
        ("head", FaultKind::Broken),
        ("other", FaultKind::Broken),
    ];
    for (path, expected) in table {
        assert_eq!(ask(&client, &format!("http://127.0.0.1:{}/{path}", peer.port)).await, Err(expected), "{path}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(ask(&client, &format!("http://{closed}/")).await, Err(FaultKind::Unreachable));
    assert_eq!(ask(&client, "http://no-such-host.invalid/").await, Err(FaultKind::Unknown));
}

/// Shorter than the longest silence.
#[expect(clippy::disallowed_methods, reason = "a peer that takes its time, on a thread of its own")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

#[tokio::test]
async fn what_trickles_is_given_up_and_what_pauses_is_not() {
    // Bursts of so many bytes, with pauses that are shorter than the longest silence.
    let peer = |burst: usize| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.extend(byte);
                }
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 800\r\n\r\n"));
                for _ in 0..800 / burst {
                    pause();
                    if stream.write_all(&vec![b'x'; burst]).is_err() {
                        break;
                    }
                }
            }
        });
        format!("http://127.0.0.1:{port}/")
    };
    let client = |bytes_a_second, window| {
        Outbound::new(Settings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            allows_http: true,
            idle_timeout: Duration::from_secs(5),
            low_speed: LowSpeed { bytes_a_second, window: Duration::from_millis(window) },
            ..Settings::default()
        })
    };
    let (slow, fast) = (peer(1), peer(80));
    let began = Instant::now();
    assert_eq!(ask(&client(1000, 300), &slow).await, Err(FaultKind::Late), "20 bytes a second");
    assert!(began.elapsed() < Duration::from_secs(4), "it was given up after {:?}", began.elapsed());
    assert_eq!(ask(&client(100, 300), &fast).await.map(|(_, body)| body.len()), Ok(800), "1600 bytes a second");
    assert_eq!(ask(&client(0, 20), &fast).await.map(|(_, body)| body.len()), Ok(800), "any speed will do");
}

#[tokio::test]
async fn names_of_the_inside_are_answered_like_those_that_nobody_has() {
    let inside = Outbound::new(Settings { allows_http: true, ..Settings::default() });
    let mut told = Vec::new();
    for url in ["http://localhost:9/", "http://127.0.0.1:9/", "http://[::1]:9/", "http://no-such-host.invalid/"] {
        let fault = inside.send(get(url)).await.err().unwrap();
        told.push((fault.to_string(), fault.kind));
        assert!(!fault.detail.is_empty(), "the log has the rest");
    }
    assert!(told.iter().all(|(text, _)| *text == told[0].0), "{told:?}");
    assert_eq!([told[0].1, told[3].1], [FaultKind::Refused, FaultKind::Unknown], "the log tells them apart");
}

//! The accept loop against clients that are slow, greedy, silent or many; on real sockets, with short limits.

use super::*;

use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use tokio::sync::{Notify, oneshot};

/// Longest any step of a test may take before it counts as hanging.
const HANG: Duration = Duration::from_secs(20);

fn limits() -> Limits {
    Limits {
        max_connections: 2_000,
        max_connections_per_address: 2_000,
        header_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(600),
        stall_timeout: Duration::from_millis(400),
        crowded_stall_timeout: Duration::from_millis(150),
        max_header_bytes: 8192,
    }
}

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

/// Lets a test know that the handler of `/slow` runs, and lets it go on.
#[derive(Default)]
struct Gate {
    entered: Notify,
    leave: Notify,
}

/// Serves `/`, `/big` (an answer without end), `/echo` (counts the body), `/slow` (waits for the gate).
async fn serve_with(limits: Limits) -> (Served, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let endless = || async { Body::new(Endless(bytes::Bytes::from(vec![b'x'; 256 * 1024]))) };
    let echo = |body: Body| async move {
        match body.collect().await {
            Ok(collected) => (axum::http::StatusCode::OK, collected.to_bytes().len().to_string()),
            Err(error) => (axum::http::StatusCode::BAD_REQUEST, error.to_string()),
        }
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/big", get(endless))
        .route("/echo", post(echo))
        .route("/refuse", post(|| async { axum::http::StatusCode::PAYLOAD_TOO_LARGE }))
        .route(
            "/slow",
            get(|State(gate): State<Arc<Gate>>| async move {
                gate.entered.notify_one();
                gate.leave.notified().await;
                "done"
            }),
        )
        .with_state(Arc::clone(&gate));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve(listener, router, limits, &[], async {
        let _ = stopped.await;
    }));
    (Served { address, stop, ended }, gate)
}

/// A body that never ends.
struct Endless(bytes::Bytes);

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Infallible>>> {
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(self.0.clone()))))
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Sends bytes and reads until the server closes.
async fn talk(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address).await;
    stream.write_all(request).await.unwrap();
    rest(&mut stream).await
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match tokio::time::timeout(HANG, stream.read(&mut chunk)).await.expect("the server keeps the connection") {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
        }
    }
}

#[tokio::test]
async fn a_request_is_answered_and_the_connection_kept() {
    let (served, _) = serve_with(limits()).await;
    let two = b"GET / HTTP/1.1\r\nhost: h\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    let answer = talk(served.address, two).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_later_than_a_slow_head() {
    let (served, _) = serve_with(limits()).await;
    let begun = Instant::now();
    let answer = talk(served.address, b"GET / HTTP/1.1\r\nhost: h\r\nx-half: ").await;
    assert!(!answer.contains("200 OK"), "{answer}");
    let slow_head = begun.elapsed();
    assert!(slow_head < limits().idle_timeout, "{slow_head:?}");

    let begun = Instant::now();
    let answer = talk(served.address, b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(answer.contains("200 OK"), "{answer}");
    let idle = begun.elapsed();
    assert!(idle >= limits().idle_timeout, "the idle clock, not the head clock, must rule between requests: {idle:?}");
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_off_by_its_total_time() {
    let (served, _) = serve_with(limits()).await;
    let mut stream = connect(served.address).await;
    let mut period = tokio::time::interval(Duration::from_millis(50));
    let begun = Instant::now();
    // Every byte is progress, but the head as a whole has a deadline.
    for byte in b"GET / HTTP/1.1\r\nhost: h\r\nx-long: ".iter().chain(std::iter::repeat_n(&b'a', 400)) {
        period.tick().await;
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "the server accepted {:?} of trickle", begun.elapsed());
}

#[tokio::test]
async fn a_head_over_the_limit_is_answered_431() {
    let (served, _) = serve_with(limits()).await;
    let mut request = b"GET / HTTP/1.1\r\nhost: h\r\nx-big: ".to_vec();
    request.extend(std::iter::repeat_n(b'a', 20_000));
    request.extend_from_slice(b"\r\n\r\n");
    let answer = talk(served.address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let nonsense = talk(served.address, b"\x16\x03\x01 what\r\n\r\n").await;
    assert!(nonsense.starts_with("HTTP/1.1 400"), "{nonsense}");
}

#[tokio::test]
async fn a_stalled_body_fails_and_a_slow_but_moving_one_does_not() {
    let (served, _) = serve_with(limits()).await;
    let answer =
        talk(served.address, b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\nconnection: close\r\n\r\n12345")
            .await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("stalled"), "{answer}");

    let mut stream = connect(served.address).await;
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut period = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..10 {
        period.tick().await;
        stream.write_all(b"x").await.unwrap();
    }
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("10"), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let (served, _) = serve_with(limits()).await;
    let mut stream = connect(served.address).await;
    stream.write_all(b"GET /big HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut some = [0; 8];
    stream.read_exact(&mut some).await.unwrap();
    let begun = Instant::now();
    // The answer has no end, so the server stops only because nobody reads: then the connection count falls to zero.
    served.stop.send(()).unwrap();
    tokio::time::timeout(HANG, served.ended).await.expect("the stalled reader is never dropped").unwrap();
    assert!(begun.elapsed() >= limits().stall_timeout);
    drop(stream);
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let (served, _) = serve_with(limits()).await;
    let mut stream = connect(served.address).await;
    stream.write_all(b"POST /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 50000000\r\n\r\n").await.unwrap();
    let body = vec![b'x'; 1_000_000];
    for _ in 0..20 {
        if stream.write_all(&body).await.is_err() {
            break;
        }
    }
    stream.shutdown().await.ok();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer:?}");
}

#[tokio::test]
async fn a_thousand_stalled_connections_do_not_stop_a_request() {
    crate::telemetry::process::raise_open_files_limit();
    let relaxed = Limits { header_timeout: HANG, idle_timeout: HANG, ..limits() };
    let (served, _) = serve_with(relaxed).await;
    let mut stalled = Vec::new();
    for number in 0..1_000 {
        let mut stream = connect(served.address).await;
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nx-half: ").await.unwrap();
        }
        stalled.push(stream);
    }
    let begun = Instant::now();
    let answer = talk(served.address, b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("200 OK"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_connection_over_the_limit_is_told_so() {
    let (served, _) = serve_with(Limits { max_connections: 1, idle_timeout: HANG, ..limits() }).await;
    let mut first = connect(served.address).await;
    first.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut some = [0; 8];
    first.read_exact(&mut some).await.unwrap();
    let answer = talk(served.address, b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
    let length = answer.split_once("\r\n\r\n").unwrap().1.len();
    assert!(answer.contains(&format!("content-length: {length}\r\n")), "{answer}");
}

#[tokio::test]
async fn stopping_finishes_running_requests_and_closes_idle_connections() {
    let relaxed = Limits { header_timeout: HANG, idle_timeout: HANG, ..limits() };
    let (served, gate) = serve_with(relaxed).await;
    let mut idle = connect(served.address).await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut half = connect(served.address).await;
    half.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();
    let mut running = connect(served.address).await;
    running.write_all(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut some = [0; 8];
    idle.read_exact(&mut some).await.unwrap();
    gate.entered.notified().await;

    served.stop.send(()).unwrap();
    assert!(rest(&mut idle).await.ends_with("hello"));
    rest(&mut half).await;
    assert!(!served.ended.is_finished(), "a running request must be waited for");
    gate.leave.notify_one();
    let answer = rest(&mut running).await;
    assert!(answer.ends_with("done"), "{answer}");
    tokio::time::timeout(HANG, served.ended).await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err(), "nobody may listen any more");
}

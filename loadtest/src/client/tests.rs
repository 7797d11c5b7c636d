//! The client against a server that sends exactly the given bytes.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::Client;
use crate::target::{Call, Credentials, Target};

/// Serves `answers`, one per request; a connection ends after an answer whose flag says so. Gives how many
/// connections there were once all answers are sent.
async fn serve(answers: Vec<(&'static [u8], bool)>) -> (Client, Call, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = Arc::new(Target::parse(&url, &Credentials::None).unwrap());
    let call = target.get("/x", "*/*", false).unwrap();
    let server = tokio::spawn(async move {
        let mut answers = answers.into_iter();
        let mut connections = 0;
        while answers.len() > 0 {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections += 1;
            loop {
                let mut request = [0; 4096];
                if stream.read(&mut request).await.unwrap() == 0 {
                    break;
                }
                let Some((answer, ends)) = answers.next() else { break };
                // In two pieces, so that cuts are seen; the pause lets the first one go out alone.
                let (first, second) = answer.split_at(answer.len() / 2);
                stream.write_all(first).await.unwrap();
                tokio::task::yield_now().await;
                stream.write_all(second).await.unwrap();
                if ends {
                    break;
                }
            }
        }
        connections
    });
    (Client::new(Arc::clone(&target)), call, server)
}

const LENGTH: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
const CLOSING: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
const UNTIL_CLOSE: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nhello";

#[tokio::test]
async fn one_connection_serves_many_requests_until_the_server_ends_it() {
    let answers = vec![(LENGTH, false), (CHUNKED, false), (CLOSING, true), (LENGTH, true), (UNTIL_CLOSE, true)];
    let (mut client, call, server) = serve(answers).await;
    for n in 0..5 {
        let collected = client.fetch(&call).await.unwrap_or_else(|text| panic!("request {n}: {text}"));
        assert_eq!((collected.body, collected.bytes), (&b"hello"[..], 5), "request {n}");
        if n == 3 {
            // The server closes without having said so: wait until that is seen.
            while client.link.as_ref().is_some_and(super::Link::is_usable) {
                tokio::task::yield_now().await;
            }
        }
    }
    assert_eq!(server.await.unwrap(), 3);
}

#[tokio::test]
async fn answers_that_break_off_or_refuse_are_errors() {
    for (answer, text) in [
        (&LENGTH[..LENGTH.len() - 1], "the body broke off"),
        (&CHUNKED[..CHUNKED.len() - 2], "the body broke off"),
        (&LENGTH[..20], "the connection was closed before the answer"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nnothing", "status 404: nothing"),
    ] {
        let (mut client, call, server) = serve(vec![(answer, true)]).await;
        assert_eq!(client.fetch(&call).await.map(|c| c.body.to_vec()), Err(text.to_owned()));
        server.await.unwrap();
    }
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_end_the_connection() {
    // The first is the longer one, so that its end and the whole second one are in one piece.
    const TWICE: &[u8] =
        b"HTTP/1.1 200 OK\r\nServer: one that says much of itself\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny";
    let (mut client, call, server) = serve(vec![(TWICE, false), (LENGTH, true)]).await;
    assert_eq!(client.fetch(&call).await.unwrap().body, b"x");
    assert_eq!(client.fetch(&call).await.unwrap().body, b"hello", "the second answer was taken for the next request's");
    assert_eq!(server.await.unwrap(), 2);
}

#[tokio::test]
async fn a_known_body_is_compared_and_another_one_collected_whole() {
    for (known, is_known) in
        [(&b"hello"[..], true), (b"", false), (b"help!", false), (b"hel", false), (b"hello, you", false)]
    {
        for answer in [LENGTH, CHUNKED] {
            let (mut client, call, server) = serve(vec![(answer, true)]).await;
            let (found, collected) = client.send(&call).await.unwrap().collect_unless(known).await.unwrap();
            assert_eq!(found, is_known, "{known:?}");
            assert_eq!((collected.body, collected.bytes), (if is_known { &b""[..] } else { b"hello" }, 5), "{known:?}");
            server.await.unwrap();
        }
    }
}

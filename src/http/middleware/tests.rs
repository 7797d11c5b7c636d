//! Facts of the request context, and the net under handlers.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::Request;

use super::context::RequestContext;
use super::panic;
use crate::config::Network;
use crate::error::Kind;
use crate::http::connection::Peer;

fn client_ip(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> IpAddr {
    let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
    let mut request = Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(format!("{peer}:9").parse().unwrap()));
    RequestContext::new(&request, &trusted).client_ip()
}

#[test]
fn forwarded_addresses_are_believed_as_far_as_trust_reaches() {
    // (peer, trusted, headers, expected)
    type Case = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)], &'static str);
    let cases: &[Case] = &[
        ("9.9.9.9", &[], &[("x-forwarded-for", "1.1.1.1")], "9.9.9.9"),
        ("9.9.9.9", &["10.0.0.0/8"], &[("x-real-ip", "1.1.1.1")], "9.9.9.9"),
        ("10.0.0.1", &["10.0.0.0/8"], &[("x-forwarded-for", "1.1.1.1")], "1.1.1.1"),
        ("10.0.0.1", &["10.0.0.0/8"], &[("x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.0.0.2")], "1.1.1.1"),
        ("10.0.0.1", &["10.0.0.0/8"], &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1")], "1.1.1.1"),
        ("10.0.0.1", &["10.0.0.0/8"], &[("x-forwarded-for", "6.6.6.6, garbage")], "10.0.0.1"),
        ("10.0.0.1", &["10.0.0.0/8"], &[("x-real-ip", "1.1.1.1")], "1.1.1.1"),
        ("10.0.0.1", &["10.0.0.0/8"], &[], "10.0.0.1"),
    ];
    for (peer, trusted, headers, expected) in cases {
        assert_eq!(client_ip(peer, trusted, headers), expected.parse::<IpAddr>().unwrap(), "{headers:?}");
    }
}

#[tokio::test]
async fn a_panic_is_caught_and_its_words_stay_in_the_log() {
    let caught = panic::catch(async { assert!(std::hint::black_box(false), "secret words") }).await.unwrap_err();
    assert_eq!(caught.kind(), Kind::Internal);
    assert!(!caught.public().contains("secret") && caught.log_line().contains("secret words"));
    assert_eq!(panic::catch(async { 7 }).await.unwrap(), 7);
}

//! The few answers for people that exist before the web pages do: the home page and "404 page not found"; and the frame of others.
//!
//! Owns their text. Server-rendered, no scripts, nothing fetched from elsewhere.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use sha2::{Digest, Sha256};

use super::App;
use crate::forge::registrations;

/// Tells a browser what runs here and where to go on.
pub async fn home(State(app): State<App>) -> Response {
    let root = escape(&app.root_url);
    let version = env!("CARGO_PKG_VERSION");
    let sign_up = if registrations::is_open(&app.forge) {
        format!("<p><a href=\"{root}user/sign_up\">Make an account</a></p>\n")
    } else {
        String::new()
    };
    Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>AtomicQMS</title>\n</head>\n\
         <body>\n<main>\n<h1>AtomicQMS</h1>\n\
         <p>Quality management whose documents live in git. Version {version}.</p>\n{sign_up}\
         <h2>Use it with git</h2>\n<pre>git clone {root}OWNER/NAME.git</pre>\n\
         <h2>Use it with programs</h2>\n<ul>\n\
         <li>REST API, shaped as Gitea's: <a href=\"{root}api/swagger\">its operations</a>, below {root}api/v1</li>\n\
         <li>Health: <a href=\"{root}livez\">livez</a>, <a href=\"{root}readyz\">readyz</a>, \
         <a href=\"{root}api/healthz\">healthz</a></li>\n</ul>\n</main>\n</body>\n</html>\n"
    ))
    .into_response()
}

/// The look of pages with forms: one column, readable on a telephone, light or dark as the reader likes it.
const STYLE: &str = "
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; padding: 1.5rem; }
main { max-width: 30rem; margin: 0 auto; }
h1 { font-size: 1.5rem; line-height: 1.25; }
p, li { overflow-wrap: anywhere; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin-top: .25rem; border: 1px solid; border-radius: .25rem; }
small { display: block; }
button { font: inherit; margin-top: 1.5rem; padding: .5rem 1.25rem; border: 1px solid; border-radius: .25rem; cursor: pointer; }
.refusal { border-left: .25rem solid #c0392b; padding: .25rem .75rem; }
";

/// Nothing but this very style and forms to this server.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).ok()
});

/// A whole page with a title and a body of HTML that the caller has escaped.
///
/// Shape: it is not kept by anybody, and tells its address to this server only, so that a form on it says where it came from.
pub fn document(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escape(title);
    let mut response = Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} - AtomicQMS</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    ))
    .into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(policy) = POLICY.clone() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Answers a path nobody registered, in Gitea's words.
pub async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "404 page not found\n")
        .into_response()
}

/// Text as it may stand in HTML, also inside of a quoted attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

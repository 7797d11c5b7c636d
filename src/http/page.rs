//! The few answers for people that exist before the web pages do: the home page and "404 page not found".
//!
//! Owns their text. Server-rendered, no scripts, nothing fetched from elsewhere.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::App;

/// Tells a browser what runs here and where to go on.
pub async fn home(State(app): State<App>) -> Response {
    let root = escape(&app.root_url);
    let version = env!("CARGO_PKG_VERSION");
    Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>AtomicQMS</title>\n</head>\n\
         <body>\n<main>\n<h1>AtomicQMS</h1>\n\
         <p>Quality management whose documents live in git. Version {version}.</p>\n\
         <h2>Use it with git</h2>\n<pre>git clone {root}OWNER/NAME.git</pre>\n\
         <h2>Use it with programs</h2>\n<ul>\n\
         <li>REST API, shaped as Gitea's: <a href=\"{root}api/swagger\">its operations</a>, below {root}api/v1</li>\n\
         <li>Health: <a href=\"{root}livez\">livez</a>, <a href=\"{root}readyz\">readyz</a>, \
         <a href=\"{root}api/healthz\">healthz</a></li>\n</ul>\n</main>\n</body>\n</html>\n"
    ))
    .into_response()
}

/// Answers a path nobody registered, in Gitea's words.
pub async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "404 page not found\n")
        .into_response()
}

/// Writes a text so that it stays a text in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

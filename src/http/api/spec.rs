//! What the API says of itself: its specification, as a document for programs (`/swagger.v1.json`) and as a page for people (`/api/swagger`).
//!
//! Owns both. They are made from the table of routes: what a handler takes and answers from its types (`told.rs`), the rest from the words of its row (`declared.rs`).
//! The tests hold every answer they get against the document (`api/tests/declared.rs`). Entered through the router's table.

pub mod declared;
pub mod document;
mod page;
pub mod schema;
pub mod told;

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use bytes::Bytes;
use sha2::{Digest, Sha256};

pub use declared::{Form, Operation, Queries, Query};
pub use told::Described;

use crate::error::{Error, Result};
use crate::http::App;
use crate::http::ranges;
use crate::http::router::{Group, Route};

/// How long a copy may be used unasked. It is the same until the server is replaced by a newer one.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Rows of the router's table.
pub fn routes() -> Vec<Route> {
    vec![
        Route::new(Group::Page, Method::GET, "/swagger.v1.json", "specification", specification),
        Route::new(Group::Page, Method::GET, "/api/swagger", "specificationPage", specification_page),
    ]
}

/// Both forms, made at the first request for one of them.
#[derive(Debug, Default)]
pub struct Specification(OnceLock<Forms>);

#[derive(Debug)]
struct Forms {
    json: Content,
    page: Content,
}

/// Bytes with their name.
#[derive(Debug, Clone)]
struct Content {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Content {
    fn new(bytes: Vec<u8>) -> Result<Self> {
        let name = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(&bytes));
        let etag = HeaderValue::try_from(format!("\"{name}\"")).map_err(Error::internal)?;
        Ok(Self { bytes: bytes.into(), etag })
    }
}

impl Forms {
    fn make(root_url: &str) -> Result<Self> {
        let document = document::write(&super::routes(), &base_path(root_url));
        let page = page::write(&document, root_url);
        let json = serde_json::to_vec(&document).map_err(Error::internal)?;
        Ok(Self { json: Content::new(json)?, page: Content::new(page.into_bytes())? })
    }
}

/// Where clients find the API on their host: the server may be reached below a path.
pub(super) fn base_path(root_url: &str) -> String {
    let after_host = root_url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    format!("/{after_host}api/v1")
}

async fn forms(app: &App) -> Result<&Forms> {
    if let Some(made) = app.specification.0.get() {
        return Ok(made);
    }
    let root_url = app.root_url.clone();
    let made = tokio::task::spawn_blocking(move || Forms::make(&root_url)).await.map_err(Error::internal)??;
    Ok(app.specification.0.get_or_init(|| made))
}

/// `specification`.
async fn specification(State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    Ok(answer(&forms(&app).await?.json, &headers, "application/json"))
}

/// `specificationPage`.
async fn specification_page(State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    let mut response = answer(&forms(&app).await?.page, &headers, "text/html; charset=utf-8");
    let policy = HeaderValue::try_from(page::policy()).map_err(Error::internal)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

fn answer(content: &Content, asked: &HeaderMap, content_type: &'static str) -> Response {
    let is_known = content.etag.to_str().is_ok_and(|etag| ranges::is_known(asked, etag));
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, content_type)], content.bytes.clone()).into_response(),
    };
    response.headers_mut().insert(header::ETAG, content.etag.clone());
    response.headers_mut().insert(header::CACHE_CONTROL, CACHE_CONTROL);
    response
}

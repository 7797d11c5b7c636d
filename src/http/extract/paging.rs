//! Pages of lists: `page` and `limit` in, `X-Total-Count` and `Link` out, as Gitea writes them.
//!
//! Owns the headers. Defaults and clamps are in `model::page`.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::Response;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::http::App;
use crate::http::api::rendered::{Listed, Rendered};
use crate::model::{Page, Paged};

/// The page a caller asks for, and where it asked.
#[derive(Debug, Clone)]
pub struct Paging {
    /// Number and size.
    pub page: Page,
    uri: Uri,
}

impl FromRequestParts<App> for Paging {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let number =
            |name: &str| raw_pairs(&parts.uri).find(|pair| pair.0 == name).and_then(|pair| pair.1.parse().ok());
        Ok(Self { page: Page::from_query(number("page"), number("limit")), uri: parts.uri.clone() })
    }
}

impl Paging {
    /// Renders one page as a JSON array with its headers.
    pub fn respond<T: Serialize>(&self, app: &App, paged: Paged<T>) -> Listed<T> {
        self.wrap(app, paged.total_count, Json(paged.rows))
    }

    /// Renders an answer that holds one page, with its headers.
    pub fn wrap<T: Serialize>(&self, app: &App, total_count: u64, answer: Json<T>) -> Rendered<T> {
        Rendered::from(answer).with(|response| self.write_headers(app, total_count, response))
    }

    /// Adds `X-Total-Count`, `Link` and their exposure to an answer whose body is not a plain array.
    pub fn write_headers(&self, app: &App, total_count: u64, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("x-total-count"), HeaderValue::from(total_count));
        let link = links(&app.root_url, &self.uri, self.page, total_count);
        let mut exposed = "X-Total-Count";
        if !link.is_empty()
            && let Ok(value) = HeaderValue::from_str(&link)
        {
            headers.insert(header::LINK, value);
            exposed = "X-Total-Count, Link";
        }
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

fn raw_pairs(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    let query = uri.query().unwrap_or_default();
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Writes next, last, first, prev, joined by a comma without a space; nothing on a single page.
fn links(root_url: &str, uri: &Uri, page: Page, total_count: u64) -> String {
    let last = total_count.div_ceil(page.limit.max(1)).max(1);
    let current = page.number.min(last);
    let mut links = Vec::new();
    let mut add = |number: u64, rel: &str| {
        let mut query: Vec<String> = raw_pairs(uri)
            .filter(|(name, _)| *name != "page")
            .map(|(name, value)| if value.is_empty() { name.to_owned() } else { format!("{name}={value}") })
            .collect();
        query.push(format!("page={number}"));
        links.push(format!("<{root_url}{}?{}>; rel=\"{rel}\"", uri.path().trim_start_matches('/'), query.join("&")));
    };
    if current < last {
        add(current + 1, "next");
        add(last, "last");
    }
    if current > 1 {
        add(1, "first");
        add(current - 1, "prev");
    }
    links.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(uri: &str, number: u64, total: u64) -> String {
        links("http://h/", &uri.parse().unwrap(), Page { number, limit: 10 }, total)
    }

    #[test]
    fn a_single_page_has_no_links() {
        assert_eq!(link("/api/v1/x", 1, 10), "");
        assert_eq!(link("/api/v1/x", 1, 0), "");
        assert_eq!(link("/api/v1/x", 5, 0), "");
    }

    #[test]
    fn links_keep_the_query_and_their_order() {
        assert_eq!(
            link("/api/v1/x?q=a%26b&page=2&limit=10", 2, 35),
            "<http://h/api/v1/x?q=a%26b&limit=10&page=3>; rel=\"next\",\
             <http://h/api/v1/x?q=a%26b&limit=10&page=4>; rel=\"last\",\
             <http://h/api/v1/x?q=a%26b&limit=10&page=1>; rel=\"first\",\
             <http://h/api/v1/x?q=a%26b&limit=10&page=1>; rel=\"prev\""
        );
        assert_eq!(link("/x", 4, 35).matches("rel=").count(), 2);
        assert_eq!(link("/x", 9, 35), link("/x", 4, 35));
    }
}

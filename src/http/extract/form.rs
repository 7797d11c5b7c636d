//! A form of a page, sent by a browser, of bounded size.
//!
//! Owns the size limit, decoding and the look at where a form comes from: only pages of this server may send one. It is read only for a caller who has
//! passed the gate.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};

use super::body::collect;
use crate::access::{Action, Client, Permit};
use crate::error::{Error, Kind, Result};
use crate::http::App;

/// Longest form. Units: bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Most fields.
const MAX_FIELDS: usize = 32;

/// A form that is not read yet.
#[derive(Debug)]
pub struct Form {
    body: axum::body::Body,
    is_form: bool,
}

impl FromRequest<App> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        if is_foreign(request.headers(), &app.root_url) {
            return Err(Error::forbidden("another site's page may not send this form"));
        }
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        let is_form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        Ok(Self { body: request.into_body(), is_form })
    }
}

impl Form {
    /// Reads the form of a request that was let through.
    ///
    /// Errors: `Malformed` for another kind of body, or one that broke off or came too slowly; `TooLarge`; `Overloaded`.
    pub async fn read<A: Action>(self, app: &App, permit: &Permit<A>) -> Result<Fields> {
        if !self.is_form {
            return Err(Error::new(Kind::Malformed, "a form must be application/x-www-form-urlencoded"));
        }
        let lease = app.body_memory.lease(Client::of(permit.caller()));
        let reading = collect(self.body, MAX_BYTES, lease);
        let (bytes, _lease) =
            tokio::time::timeout(Duration::from_secs(app.config.server.body_timeout_seconds), reading)
                .await
                .map_err(|_| Error::new(Kind::Malformed, "request body came too slowly"))??;
        Ok(Fields::parse(&bytes))
    }
}

/// What was filled in.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(bytes: &[u8]) -> Self {
        Self(
            form_urlencoded::parse(bytes)
                .take(MAX_FIELDS)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// What stands in a field, as it was typed; empty when it is absent.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }
}

/// Whether a browser says that a page of another site sends this. Browsers of today send `Sec-Fetch-Site` over https and to this machine, all send `Origin`
/// with a form; who sends neither is no browser, and has no user to deceive.
fn is_foreign(headers: &HeaderMap, root_url: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => !is_origin(origin, root_url) && !is_host(origin, text("host")),
        (None, None) => false,
    }
}

/// Whether a URL is on an origin.
fn is_origin(origin: &str, url: &str) -> bool {
    let rest = url.get(..origin.len()).filter(|start| start.eq_ignore_ascii_case(origin)).and(url.get(origin.len()..));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether an origin is the host that the browser asked, whatever the settings call it.
fn is_host(origin: &str, host: Option<&str>) -> bool {
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    named.is_some_and(|named| host.is_some_and(|host| host.eq_ignore_ascii_case(named)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    #[test]
    fn fields_are_decoded() {
        let fields =
            Fields::parse(b"user_name=ada+l&email=a%40example.org&note=%C3%BC%zz%4&empty=&alone&=x&email=second");
        assert_eq!(fields.text("user_name"), "ada l");
        assert_eq!(fields.text("email"), "a@example.org", "the first counts");
        assert_eq!(fields.text("note"), "\u{fc}%zz%4");
        assert_eq!((fields.text("empty"), fields.text("alone"), fields.text("absent")), ("", "", ""));
        assert_eq!(Fields::parse(b"x=%ff%00").text("x"), "\u{fffd}\0");
        assert_eq!(Fields::parse(&b"a=b&".repeat(10_000)).0.len(), MAX_FIELDS);
    }

    #[test]
    fn forms_of_other_sites_are_known() {
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://qms.example.org")], true),
            (&[("origin", "https://qms.example.org")], false),
            (&[("origin", "HTTPS://qms.example.org")], false),
            (&[("origin", "https://qms.example.org.evil.example")], true),
            (&[("origin", "https://qms.example.or")], true),
            (&[("origin", "https://qms.example.org:8443")], true),
            (&[("origin", "null")], true),
            (&[("origin", "https://evil.example"), ("host", "qms.example.org")], true),
            (&[("origin", "http://127.0.0.1:3001"), ("host", "127.0.0.1:3001")], false),
            (&[("origin", "http://evil.example:3001"), ("host", "127.0.0.1:3001")], true),
        ];
        for (given, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in *given {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(is_foreign(&headers, "https://qms.example.org/git/"), *expected, "{given:?}");
        }
    }
}

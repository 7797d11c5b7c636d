//! A JSON request body of bounded size.
//!
//! Owns the size limit, the content type and the words of refusals, which follow Gitea's: `[Field]: reason`. A body is read
//! only for a caller who has passed the gate: what strangers send costs no memory. Names of fields count in any case (`field_names.rs`).

use std::marker::PhantomData;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::field_names::AnyCase;
use crate::access::{Action, Client, Permit};
use crate::error::{Error, Kind, Result};
use crate::http::App;
use crate::http::body_memory::Lease;

/// Longest name of a field, and longest reason, in a refusal. Units: characters.
const FIELD_MAX: usize = 200;
const REASON_MAX: usize = 500;
/// What may stand around the picture in a body. Units: bytes.
const IMAGE_FRAME_BYTES: usize = 1024;

/// A body that should be JSON and fit `T`, not read yet.
#[derive(Debug)]
pub struct Body<T> {
    body: axum::body::Body,
    is_json: bool,
    value: PhantomData<T>,
}

impl<T> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &App) -> Result<Self> {
        let is_json = has_json_type(request.headers());
        Ok(Self { body: request.into_body(), is_json, value: PhantomData })
    }
}

impl<T: DeserializeOwned> Body<T> {
    /// Reads the body of a request that was let through. An absent body counts as `{}`, as in Gitea.
    ///
    /// Errors: `TooLarge`, `Malformed` (it broke off or came too slowly), `Overloaded` (too many large bodies at once),
    /// `Invalid` (not JSON, or not of this form).
    pub async fn read<A: Action>(self, app: &App, permit: &Permit<A>) -> Result<T> {
        let limit = app.config.server.max_json_bytes;
        self.read_up_to(limit, app, permit).await
    }

    /// The same for a body that carries the content of files, which has a limit of its own.
    ///
    /// Errors: as [`Body::read`].
    pub async fn read_content<A: Action>(self, app: &App, permit: &Permit<A>) -> Result<T> {
        let settings = &app.config.server;
        // Base64 makes four bytes of three; the rest of the body may be as large as any other.
        let content = settings.max_content_bytes.div_ceil(3).saturating_mul(4);
        self.read_up_to(content.saturating_add(settings.max_json_bytes), app, permit).await
    }

    /// The same for a body that carries a picture, which has a limit of its own.
    ///
    /// Errors: as [`Body::read`].
    pub async fn read_image<A: Action>(self, app: &App, permit: &Permit<A>) -> Result<T> {
        let content = app.config.avatars.max_bytes.div_ceil(3).saturating_mul(4);
        self.read_up_to(content.saturating_add(IMAGE_FRAME_BYTES), app, permit).await
    }

    async fn read_up_to<A: Action>(self, limit: usize, app: &App, permit: &Permit<A>) -> Result<T> {
        let settings = &app.config.server;
        let lease = app.body_memory.lease(Client::of(permit.caller()));
        let reading = collect(self.body, limit, lease);
        let (bytes, _lease) = tokio::time::timeout(Duration::from_secs(settings.body_timeout_seconds), reading)
            .await
            .map_err(|_| Error::new(Kind::Malformed, "request body came too slowly"))??;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return parse(b"{}");
        }
        // Other types would let a foreign web page send a form with the browser's remembered password.
        if !self.is_json {
            return Err(Error::new(Kind::Invalid, "[]: Content-Type must be application/json"));
        }
        parse(&bytes)
    }
}

/// A body that is taken as text whatever its type, not read yet.
#[derive(Debug)]
pub struct TextBody(axum::body::Body);

impl FromRequest<App> for TextBody {
    type Rejection = Error;

    async fn from_request(request: Request, _: &App) -> Result<Self> {
        Ok(Self(request.into_body()))
    }
}

impl TextBody {
    /// Reads the body of a request that was let through; what is no UTF-8 in it becomes replacement characters. Units: `limit` in bytes.
    ///
    /// Errors: as [`Body::read`].
    pub async fn read<A: Action>(self, app: &App, permit: &Permit<A>, limit: usize) -> Result<String> {
        let settings = &app.config.server;
        let lease = app.body_memory.lease(Client::of(permit.caller()));
        let reading = collect(self.0, limit.min(settings.max_json_bytes), lease);
        let (bytes, _lease) = tokio::time::timeout(Duration::from_secs(settings.body_timeout_seconds), reading)
            .await
            .map_err(|_| Error::new(Kind::Malformed, "request body came too slowly"))??;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn has_json_type(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

pub(super) async fn collect(mut body: axum::body::Body, limit: usize, mut lease: Lease) -> Result<(Bytes, Lease)> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| Error::new(Kind::Malformed, "request body did not arrive whole").with_source(error))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(Error::new(Kind::TooLarge, format!("request body is larger than {limit} bytes")));
        }
        lease.grow_to(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.freeze(), lease))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = T::deserialize(AnyCase::body(&mut json)).and_then(|value| json.end().map(|()| value));
    read.map_err(|error| {
        let field = if error.is_data() { find_field::<T>(bytes) } else { String::new() };
        // It may quote what was sent.
        let reason: String = error.to_string().chars().take(REASON_MAX).collect();
        Error::new(Kind::Invalid, format!("[{field}]: {reason}"))
    })
}

/// Which field of a body cannot be read, by its Go name: the body is read once more, which only refused ones are worth.
fn find_field<T: DeserializeOwned>(bytes: &[u8]) -> String {
    let read =
        serde_path_to_error::deserialize::<_, T>(AnyCase::body(&mut serde_json::Deserializer::from_slice(bytes)));
    let Err(error) = read else { return String::new() };
    let mut field = String::new();
    for part in error.path() {
        match part {
            Segment::Seq { index } => field.push_str(&format!("[{index}]")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                if !field.is_empty() {
                    field.push('.');
                }
                field.push_str(&go_name(key));
            }
            Segment::Unknown => break,
        }
    }
    field.chars().take(FIELD_MAX).collect()
}

/// `author_url` is `AuthorURL` in Go.
fn go_name(name: &str) -> String {
    const WHOLE: [&str; 9] = ["api", "gpg", "html", "id", "lfs", "sha", "ssh", "uid", "url"];
    let word = |word: &str| match word {
        word if WHOLE.contains(&word) => word.to_ascii_uppercase(),
        word => {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    };
    name.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_json_types_count() {
        let table = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("application/x-www-form-urlencoded", false),
            ("text/plain; x=application/json", false),
            ("multipart/form-data", false),
        ];
        for (text, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(text));
            assert_eq!(has_json_type(&headers), expected, "{text}");
        }
        assert!(!has_json_type(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_too_large() {
        let collect = |text: &'static str| {
            let memory = crate::http::body_memory::BodyMemory::new(1 << 20);
            collect(axum::body::Body::from(text), 4, memory.lease(Client::Unknown))
        };
        assert_eq!(collect("12345").await.unwrap_err().kind(), Kind::TooLarge);
        assert_eq!(&collect("1234").await.unwrap().0[..], b"1234");
    }

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(default)]
    struct File {
        sha: Option<String>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only whether they can be read is asked for")]
    struct Named {
        name: String,
        clone_url: Option<String>,
        files: Option<Vec<File>>,
        units_map: Option<std::collections::BTreeMap<String, String>>,
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        let table = [
            (r#"{"name": 3}"#, "[Name]: invalid type: integer `3`, expected a string at line 1 column 10"),
            (r#"{"NAME": 3}"#, "[Name]: invalid type"),
            (r#"{"name": "", "clone_url": []}"#, "[CloneURL]: invalid type"),
            (r#"{"name": "", "files": [{}, {"sha": true}]}"#, "[Files[1].SHA]: invalid type"),
            (r#"{"name": "", "units_map": {"repo.code": 1}}"#, "[UnitsMap.Repo.code]: invalid type"),
            (r#"{"name": "", "name": ""}"#, "[]: duplicate field `name`"),
            ("{}", "[]: missing field `name`"),
            ("[]", "[]: invalid length 0"),
            (r#"{"name": "x" "#, "[]: EOF while parsing"),
            (r#"{"name": }"#, "[]: expected value"),
            (r#"{"name": "x"} x"#, "[]: trailing characters"),
        ];
        for (text, expected) in table {
            let error = parse::<Named>(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), Kind::Invalid);
            assert!(error.public().starts_with(expected), "{text}: {}", error.public());
        }
        // What was sent is quoted, and not all of it.
        let long = "x".repeat(100_000);
        for text in [
            format!(r#"{{"name": "", "files": "{long}"}}"#),
            format!(r#"{{"name": "", "units_map": {{"{long}": 1}}}}"#),
        ] {
            let error = parse::<Named>(text.as_bytes()).unwrap_err();
            assert!(error.public().chars().count() < 1000, "{}", error.public());
        }
    }
}

//! A JSON request body of bounded size.
//!
//! Owns the size limit, the content type and the words of refusals, which follow Gitea's: `[Field]: reason`.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};
use crate::http::App;

/// A body that was JSON and fits `T`. An absent body counts as `{}`, as in Gitea.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let limit = app.config.server.max_json_bytes;
        let is_json = has_json_type(request.headers());
        let bytes = read(request.into_body(), limit).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return parse(b"{}").map(Self);
        }
        // Other types would let a foreign web page send a form with the browser's remembered password.
        if !is_json {
            return Err(Error::new(Kind::Invalid, "[]: Content-Type must be application/json"));
        }
        parse(&bytes).map(Self)
    }
}

fn has_json_type(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read(body: axum::body::Body, limit: usize) -> Result<bytes::Bytes> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(Error::new(Kind::TooLarge, format!("request body is larger than {limit} bytes")))
        }
        Err(error) => Err(Error::new(Kind::Malformed, "request body did not arrive whole").with_source(error)),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::new(Kind::Invalid, format!("[]: {error}")))
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
        assert_eq!(read(axum::body::Body::from("12345"), 4).await.unwrap_err().kind(), Kind::TooLarge);
        assert_eq!(&read(axum::body::Body::from("1234"), 4).await.unwrap()[..], b"1234");
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        #[derive(Debug, serde::Deserialize)]
        struct Named {
            #[expect(dead_code, reason = "only its presence is asked for")]
            name: String,
        }
        let error = parse::<Named>(b"{\"name\": 3}").unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.public().starts_with("[]: invalid type"), "{}", error.public());
    }
}

//! The server under load: where it is, how the generator identifies itself, and requests to it as bytes.
//!
//! Owns URL parsing, the `Authorization` value and the head of every request, which is built once and sent many times.
//! Opens no connection (see `client`). Called by `main` and scenarios.

use std::fmt::Write as _;

use base64::Engine as _;
use bytes::Bytes;

use crate::http::encoding;

/// Who the generator says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// No `Authorization` header.
    None,
    /// `Authorization: Basic`.
    Basic {
        /// Login name.
        user: String,
        /// Password or token.
        secret: String,
    },
    /// `Authorization: token`, as Gitea and its clients write it.
    Token(String),
}

/// A server's address, split once.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// What `TcpStream::connect` takes.
    pub(crate) address: String,
    /// Put before every path; no slash at its end.
    pub(crate) prefix: String,
    /// Header lines that every request carries.
    headers: String,
}

/// A request, ready to be sent any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Head and body.
    pub(crate) bytes: Bytes,
    /// Length of the body.
    pub(crate) body_bytes: u64,
}

impl Target {
    /// Splits an `http://` URL.
    ///
    /// Errors: another scheme, user info inside the URL, an empty host, a bad port.
    pub(crate) fn parse(url: &str, credentials: &Credentials) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            format!("`{url}`: only http:// URLs; put a TLS server's plain port here, TLS would measure the cipher")
        })?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.is_empty() || authority.contains('@') {
            return Err(format!("`{url}`: want http://host[:port][/path], credentials go into --user and --password"));
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let address = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        let authorization = match credentials {
            Credentials::None => None,
            Credentials::Token(token) => Some(format!("token {token}")),
            Credentials::Basic { user, secret } => {
                let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}"));
                Some(format!("Basic {pair}"))
            }
        };
        let mut headers = format!(
            "Host: {}\r\nUser-Agent: atomicqms-loadtest/{}\r\n",
            header_value(authority)?,
            env!("CARGO_PKG_VERSION")
        );
        if let Some(value) = &authorization {
            let _ = write!(headers, "Authorization: {}\r\n", header_value(value)?);
        }
        Ok(Self { address, prefix: path.trim_end_matches('/').to_owned(), headers })
    }

    /// From now on every request says that its answer may be encoded.
    pub(crate) fn accept_encoded(&mut self) {
        let _ = write!(self.headers, "Accept-Encoding: {}\r\n", encoding::ACCEPTED);
    }

    /// A GET of `path` (path and query, the prefix included) that accepts `media`.
    ///
    /// Errors: a path that no request line can hold.
    pub(crate) fn get(&self, path: &str, media: &str, protocol_v2: bool) -> Result<Call, String> {
        let head = self.head("GET", path, &format!("Accept: {media}\r\n"), protocol_v2)?;
        Ok(Call { bytes: head.into(), body_bytes: 0 })
    }

    /// A POST of `body`.
    ///
    /// Errors: as `get`.
    pub(crate) fn post(&self, path: &str, media: &str, protocol_v2: bool, body: &[u8]) -> Result<Call, String> {
        let about = format!("Content-Type: {media}\r\nContent-Length: {}\r\n", body.len());
        let mut bytes = self.head("POST", path, &about, protocol_v2)?;
        bytes.extend_from_slice(body);
        Ok(Call { bytes: bytes.into(), body_bytes: body.len() as u64 })
    }

    fn head(&self, method: &str, path: &str, about: &str, protocol_v2: bool) -> Result<Vec<u8>, String> {
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("`{path}` is no request path"));
        }
        let protocol = if protocol_v2 { "Git-Protocol: version=2\r\n" } else { "" };
        Ok(format!("{method} {path} HTTP/1.1\r\n{}{about}{protocol}\r\n", self.headers).into_bytes())
    }

    /// The path of a repository for connection `n`, without `.git` added.
    ///
    /// Errors: no repository was given.
    pub(crate) fn repository_path(&self, repo: &str, n: usize) -> Result<String, String> {
        let repo = repo.trim_matches('/');
        if repo.is_empty() {
            return Err("this scenario needs --repo owner/name".into());
        }
        Ok(format!("{}/{}", self.prefix, repo.replace("{n}", &n.to_string())))
    }
}

/// Refuses what would end the header, or the request.
fn header_value(text: &str) -> Result<&str, String> {
    let fits = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if fits { Ok(text) } else { Err(format!("a header cannot hold {text:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_host_port_and_path() {
        let target = Target::parse("http://127.0.0.1:3001/forge/", &Credentials::None).unwrap();
        assert_eq!((target.address.as_str(), target.prefix.as_str()), ("127.0.0.1:3001", "/forge"));
        assert_eq!(target.repository_path("a/r{n}", 3).unwrap(), "/forge/a/r3");
        assert_eq!(Target::parse("http://[::1]", &Credentials::None).unwrap().address, "[::1]:80");
    }

    #[test]
    fn refuses_what_it_cannot_reach() {
        for url in ["https://host", "host:80", "http://", "http://user:pw@host"] {
            assert!(Target::parse(url, &Credentials::None).is_err(), "{url} was accepted");
        }
    }

    #[test]
    fn basic_is_base64_of_the_pair() {
        let credentials = Credentials::Basic { user: "Aladdin".into(), secret: "open sesame".into() };
        let target = Target::parse("http://h", &credentials).unwrap();
        // RFC 7617, section 2.
        assert!(target.headers.ends_with("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{target:?}");
    }

    #[test]
    fn requests_are_complete_and_take_nothing_that_would_split_them() {
        let mut target = Target::parse("http://h:1/p", &Credentials::Token("t".into())).unwrap();
        target.accept_encoded();
        let call = target.post("/p/x?y=z", "text/plain", true, b"body").unwrap();
        let agent = concat!("atomicqms-loadtest/", env!("CARGO_PKG_VERSION"));
        let expected = format!(
            "POST /p/x?y=z HTTP/1.1\r\nHost: h:1\r\nUser-Agent: {agent}\r\nAuthorization: token t\r\n\
             Accept-Encoding: deflate, gzip\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\
             Git-Protocol: version=2\r\n\r\nbody"
        );
        assert_eq!(String::from_utf8_lossy(&call.bytes), expected);
        for path in ["x", "/a b", "/a\r\nX: y", "/\u{e4}"] {
            assert!(target.get(path, "*/*", false).is_err(), "{path:?} was accepted");
        }
        assert!(Target::parse("http://h", &Credentials::Token("t\r\nX: y".into())).is_err());
    }
}

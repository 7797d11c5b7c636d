//! The server under load: where it is and how the generator identifies itself.
//!
//! Owns URL parsing and the `Authorization` value. Opens no connection (see `client`). Called by `main` and scenarios.

use base64::Engine as _;
use hyper::header::HeaderValue;

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
    /// What goes into `Host`.
    pub(crate) authority: HeaderValue,
    /// What `TcpStream::connect` takes.
    pub(crate) address: String,
    /// Put before every path; no slash at its end.
    pub(crate) prefix: String,
    /// The `Authorization` header, if any.
    pub(crate) authorization: Option<HeaderValue>,
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
        Ok(Self {
            authority: header_value(authority)?,
            address,
            prefix: path.trim_end_matches('/').to_owned(),
            authorization: authorization.as_deref().map(header_value).transpose()?,
        })
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

fn header_value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| format!("a header cannot hold {text:?}"))
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
        assert_eq!(target.authorization.unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}

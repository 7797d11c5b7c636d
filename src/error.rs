//! The server's one error type and the one table from kinds of failure to HTTP status and log level.
//!
//! Owns [`Error`], [`Kind`] and the conversions from the lower crates. Refuses to own bodies: what a client reads is
//! rendered in `http/error.rs`, `http/git` and the command line from [`Error::public`]; nothing else is ever shown.
//! Called by every layer of the server.

use std::borrow::Cow;
use std::fmt;

use atomicqms_actors::{self as actors, sql};
use atomicqms_git as git;
use axum::http::StatusCode;

/// Short form used across the server.
pub type Result<T> = std::result::Result<T, Error>;

/// Any cause an error may carry.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// What sort of failure this is: the only thing that decides status and log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be parsed.
    Malformed,
    /// The request is well formed and breaks a rule; [`Error::field`] names the field.
    Invalid,
    /// No credentials where some are needed, or bad ones.
    Unauthenticated,
    /// The caller is known and may not do this (and may know that the thing exists).
    Forbidden,
    /// Absent, or hidden from this caller.
    NotFound,
    /// The thing exists, and this cannot be done with things of its kind.
    NotAllowed,
    /// The state is not the one the caller expected, or a name is taken.
    Conflict,
    /// The thing is archived or locked.
    Locked,
    /// The request passes a configured size.
    TooLarge,
    /// Too many attempts; [`Error::retry_after_seconds`] says when to come back.
    RateLimited,
    /// A bounded queue is full or an answer came too late.
    Overloaded,
    /// A part the request needs is not running or storage is full.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// Every kind, for sweeps and documentation.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::NotAllowed,
        Self::Conflict,
        Self::Locked,
        Self::TooLarge,
        Self::RateLimited,
        Self::Overloaded,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The HTTP status of this kind; the only place in the server that knows it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Locked => StatusCode::LOCKED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// How loudly a failure of this kind is logged; error means somebody should act.
    pub const fn level(self) -> tracing::Level {
        match self {
            Self::Malformed | Self::Invalid | Self::NotFound | Self::NotAllowed | Self::Conflict | Self::Locked => {
                tracing::Level::DEBUG
            }
            Self::Unauthenticated | Self::Forbidden | Self::TooLarge | Self::RateLimited => tracing::Level::INFO,
            Self::Overloaded | Self::Unavailable => tracing::Level::WARN,
            Self::Internal => tracing::Level::ERROR,
        }
    }

    /// A stable short name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::NotAllowed => "not_allowed",
            Self::Conflict => "conflict",
            Self::Locked => "locked",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

/// A failure on its way to a client and to the log.
///
/// Shape: `public` may be shown to the caller; `detail` and the source are for the log only, so `Display` prints
/// `public` alone and nothing internal can leak by accident.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    public: Cow<'static, str>,
    detail: Option<String>,
    field: Option<&'static str>,
    retry_after_seconds: Option<u64>,
    may_challenge: bool,
    body_field: Option<(&'static str, serde_json::Value)>,
    source: Option<Source>,
}

impl Error {
    /// Makes an error of a kind with the text the caller may read.
    pub fn new(kind: Kind, public: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            public: public.into(),
            detail: None,
            field: None,
            retry_after_seconds: None,
            may_challenge: false,
            body_field: None,
            source: None,
        }))
    }

    /// A fault of ours: constant public text, the cause only in the log.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::new(Kind::Internal, "internal server error").with_source(source)
    }

    /// A broken invariant described in words for the log.
    pub fn broken(detail: impl Into<String>) -> Self {
        Self::new(Kind::Internal, "internal server error").with_detail(detail)
    }

    /// A field that breaks a rule; `field` is the name as the client sent it.
    pub fn invalid(field: &'static str, public: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(Kind::Invalid, public);
        error.0.field = Some(field);
        error
    }

    /// Absent or hidden.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "not found")
    }

    /// Something that cannot be done with things of this kind.
    pub fn not_allowed(public: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::NotAllowed, public)
    }

    /// Known caller without the right.
    pub fn forbidden(public: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Forbidden, public)
    }

    /// A name is taken or the state is not the expected one.
    pub fn conflict(public: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conflict, public)
    }

    /// Credentials are missing or wrong.
    pub fn unauthenticated(public: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unauthenticated, public)
    }

    /// Adds text for the log; it has no way into an answer.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Tells the client when to come back. Units: seconds.
    #[must_use]
    pub fn with_retry_after_seconds(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// Marks an answer that valid credentials could turn into a success, so a git client should be asked for them.
    #[must_use]
    pub fn with_challenge(mut self) -> Self {
        self.0.may_challenge = true;
        self
    }

    /// Adds a field to the body an API client reads, where Gitea has one beside the message.
    #[must_use]
    pub fn with_body_field(mut self, name: &'static str, value: serde_json::Value) -> Self {
        self.0.body_field = Some((name, value));
        self
    }

    /// The field an API client reads beside the message.
    pub fn body_field(&self) -> Option<(&'static str, &serde_json::Value)> {
        self.0.body_field.as_ref().map(|(name, value)| (*name, value))
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The text the caller may read.
    pub fn public(&self) -> &str {
        &self.0.public
    }

    /// The field that breaks a rule, as the client named it.
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }

    /// Seconds until a retry makes sense, for `Retry-After`.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match (self.0.retry_after_seconds, self.0.kind) {
            (Some(seconds), _) => Some(seconds),
            (None, Kind::Overloaded | Kind::Unavailable | Kind::RateLimited) => Some(1),
            (None, _) => None,
        }
    }

    /// Whether an anonymous caller may be challenged for credentials instead of told `public`.
    ///
    /// True for a 401, and for a 404 answered to an anonymous caller, whether or not the thing exists.
    pub fn may_challenge(&self) -> bool {
        self.0.may_challenge || self.0.kind == Kind::Unauthenticated
    }

    /// Everything known, on one line, for the log: kind, public text, detail and the chain of causes.
    pub fn log_line(&self) -> String {
        let mut line = format!("{}: {}", self.0.kind.name(), self.0.public);
        if let Some(detail) = &self.0.detail {
            line.push_str(" | ");
            line.push_str(detail);
        }
        let mut next: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(self);
        while let Some(cause) = next {
            line.push_str(" <- ");
            line.push_str(&cause.to_string());
            next = cause.source();
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.public)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.log_line())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<sql::Error> for Error {
    fn from(error: sql::Error) -> Self {
        match error {
            sql::Error::Full => Self::new(Kind::Unavailable, "the server's storage is full").with_source(error),
            // Rules that callers may break are checked before the statement runs; a constraint that fires anyway is ours.
            sql::Error::Constraint { .. } | sql::Error::Column { .. } | sql::Error::Database(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<actors::Error> for Error {
    fn from(error: actors::Error) -> Self {
        match error {
            actors::Error::Rejected(refusal) => match refusal.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::internal(other),
            },
            actors::Error::Database(inner) => inner.into(),
            actors::Error::Git(inner) => inner.into(),
            other => Self::new(kind_of(&other), text_of(kind_of(&other))).with_source(other),
        }
    }
}

/// Kinds of actor failures, also of those that several waiters share.
fn kind_of(error: &actors::Error) -> Kind {
    match error {
        actors::Error::Overloaded { .. } | actors::Error::Expired { .. } | actors::Error::TimedOut { .. } => {
            Kind::Overloaded
        }
        actors::Error::Stopped { .. }
        | actors::Error::Lost { .. }
        | actors::Error::Spawn { .. }
        | actors::Error::Connect { .. } => Kind::Unavailable,
        actors::Error::NotFound { .. } => Kind::NotFound,
        actors::Error::Start { source, .. } => kind_of(source),
        actors::Error::Transaction { source } if matches!(**source, sql::Error::Full) => Kind::Unavailable,
        actors::Error::Database(sql::Error::Full) | actors::Error::Git(git::Error::DiskFull { .. }) => {
            Kind::Unavailable
        }
        actors::Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => Kind::Unavailable,
        actors::Error::Transaction { .. }
        | actors::Error::Database(_)
        | actors::Error::Git(_)
        | actors::Error::Io { .. }
        | actors::Error::Panicked { .. }
        | actors::Error::Rejected(_)
        | actors::Error::Contract { .. } => Kind::Internal,
    }
}

const fn text_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Overloaded => "the server is busy, try again",
        Kind::Unavailable => "the server cannot do this at the moment, try again",
        Kind::NotFound => "not found",
        _ => "internal server error",
    }
}

impl From<git::Error> for Error {
    fn from(error: git::Error) -> Self {
        let kind = match &error {
            git::Error::TooLarge { .. } => Kind::TooLarge,
            git::Error::RefConflict(_) => Kind::Conflict,
            git::Error::BadRequest { .. } | git::Error::PeerGone(_) => Kind::Malformed,
            git::Error::Interrupted => return Self::new(Kind::Overloaded, "interrupted, try again").with_source(error),
            git::Error::DiskFull { .. } => {
                return Self::new(Kind::Unavailable, "the server's storage is full").with_source(error);
            }
            other if other.is_peer_fault() => Kind::Invalid,
            _ => return Self::internal(error),
        };
        // What a peer sent may be described to it.
        Self::new(kind, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_style_guide() {
        let table: Vec<u16> = Kind::ALL.iter().map(|kind| kind.status().as_u16()).collect();
        assert_eq!(table, [400, 422, 401, 403, 404, 405, 409, 423, 413, 429, 503, 503, 500]);
    }

    #[test]
    fn detail_and_source_never_reach_the_public_text() {
        let error =
            Error::internal(sql::Error::Constraint { detail: "UNIQUE users.login".into() }).with_detail("secret");
        assert_eq!(error.to_string(), "internal server error");
        let line = error.log_line();
        assert!(line.contains("secret") && line.contains("UNIQUE users.login"), "{line}");
    }

    #[test]
    fn only_retriable_kinds_carry_retry_after() {
        assert_eq!(Error::new(Kind::Overloaded, "busy").retry_after_seconds(), Some(1));
        assert_eq!(Error::new(Kind::RateLimited, "slow").with_retry_after_seconds(30).retry_after_seconds(), Some(30));
        assert_eq!(Error::not_found().retry_after_seconds(), None);
    }
}

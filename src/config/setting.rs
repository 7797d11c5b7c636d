//! One setting: its kind, its limits, and how text becomes a checked value.
//!
//! Owns the rules of each kind and the words of a refusal. Does not know which settings exist (`config.rs`) nor
//! where their text comes from (`load.rs`).

use std::fmt;
use std::net::SocketAddr;

use serde::Deserialize;
use toml::Value;

use super::network::Network;

/// One documented setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Dotted key, `section.name`.
    pub key: &'static str,
    /// Default, as it would be written in an environment variable.
    pub default: &'static str,
    /// Unit or form of the value, for people.
    pub unit: &'static str,
    /// What values are allowed.
    pub kind: Kind,
    /// What the setting does.
    pub doc: &'static str,
}

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `address:port`.
    Address,
    /// `address:port` or `off`.
    AddressOrOff,
    /// An `http://` or `https://` URL, or nothing.
    Url,
    /// A whole number between two limits, both allowed.
    Integer {
        /// Least allowed value.
        min: i64,
        /// Greatest allowed value.
        max: i64,
    },
    /// A branch name.
    Branch,
    /// `true` or `false`.
    Flag,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Addresses or networks (`10.0.0.0/8`); in the environment separated by commas.
    Networks,
    /// Names of fsck rules that may be ignored; in the environment separated by commas.
    FsckRules,
    /// Endings (`.png`) and media types (`image/*`); in the environment separated by commas.
    FileTypes,
    /// A log filter of the tracing ecosystem.
    LogFilter,
    /// A host or user name of letters, digits, dots, dashes, underscores and colons, or nothing.
    Name,
    /// Any text without control characters.
    Text,
    /// A mail address, with or without a name, or nothing.
    Mailbox,
    /// Domain names, `*.` before one for what is below it; in the environment separated by commas.
    Domains,
    /// Text that is never printed.
    Secret,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The settings file.
    File(String),
    /// An environment variable, by name.
    Environment(String),
    /// A command line flag, by key.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// Text that is never printed or logged; read it with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Hands out the text; the caller answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Tells whether nothing was set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Secret(unset)" } else { "Secret(***)" })
    }
}

/// An address to listen on, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Listen(pub Option<SocketAddr>);

impl TryFrom<String> for Listen {
    type Error = std::net::AddrParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "off" { Ok(Self(None)) } else { Ok(Self(Some(text.parse()?))) }
    }
}

impl Setting {
    /// Turns the text of an environment variable or flag into a checked value.
    ///
    /// Errors: what is allowed, in words.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            Kind::Integer { .. } => match text.trim().parse::<i64>() {
                Ok(number) => Value::Integer(number),
                Err(_) => return Err(self.allowed()),
            },
            Kind::Flag => match text.trim() {
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                _ => return Err(self.allowed()),
            },
            Kind::Networks | Kind::FsckRules | Kind::FileTypes | Kind::Domains => Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Value::String(item.to_owned()))
                    .collect(),
            ),
            _ => Value::String(text.to_owned()),
        };
        self.check(value)
    }

    /// Checks a value of the settings file, or one made by [`Setting::parse`].
    ///
    /// Errors: what is allowed, in words.
    pub fn check(&self, value: Value) -> Result<Value, String> {
        let allowed = match (self.kind, &value) {
            (Kind::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(number),
            (Kind::Address, Value::String(text)) => text.parse::<SocketAddr>().is_ok(),
            (Kind::AddressOrOff, Value::String(text)) => text == "off" || text.parse::<SocketAddr>().is_ok(),
            (Kind::Url, Value::String(text)) => text.is_empty() || is_root_url(text),
            (Kind::Branch, Value::String(text)) => is_branch(text),
            (Kind::Flag, Value::Boolean(_)) => true,
            (Kind::Choice(words), Value::String(text)) => words.contains(&text.as_str()),
            (Kind::Networks, Value::Array(items)) => {
                items.iter().all(|item| item.as_str().is_some_and(|text| text.parse::<Network>().is_ok()))
            }
            (Kind::FsckRules, Value::Array(items)) => {
                let may_ignore =
                    |name| atomicqms_git::fsck::Rule::from_msg_id(name).is_some_and(|rule| rule.may_be_ignored());
                items.iter().all(|item| item.as_str().is_some_and(may_ignore))
            }
            (Kind::FileTypes, Value::Array(items)) => items.iter().all(|item| item.as_str().is_some_and(is_file_type)),
            (Kind::LogFilter, Value::String(text)) => {
                !text.is_empty() && tracing_subscriber::EnvFilter::try_new(text).is_ok()
            }
            (Kind::Name, Value::String(text)) => {
                text.len() <= 253
                    && !text.starts_with('-')
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte))
            }
            (Kind::Mailbox, Value::String(text)) => text.is_empty() || crate::mail::is_mailbox(text),
            (Kind::Domains, Value::Array(items)) => items.iter().all(|item| item.as_str().is_some_and(is_domain)),
            (Kind::Secret | Kind::Text, Value::String(text)) => !text.contains(|c: char| c.is_control()),
            _ => false,
        };
        if allowed { Ok(value) } else { Err(self.allowed()) }
    }

    /// Says in words what values are allowed.
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Address => "an IP address and port such as 127.0.0.1:3001 or [::1]:3001".to_owned(),
            Kind::AddressOrOff => "an IP address and port such as 127.0.0.1:2222, or off".to_owned(),
            Kind::Url => "an http:// or https:// URL without query, or empty".to_owned(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Branch => "a branch name such as main".to_owned(),
            Kind::Flag => "true or false".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Networks => "IP addresses or networks such as 10.0.0.0/8".to_owned(),
            Kind::FsckRules => {
                "names that git fsck prints and that guard nobody, such as zeroPaddedFilemode, badTimezone or missingSpaceBeforeDate"
                    .to_owned()
            }
            Kind::FileTypes => "endings such as .png and media types such as image/*".to_owned(),
            Kind::LogFilter => "error, warn, info, debug, trace, or a filter such as info,atomicqms=debug".to_owned(),
            Kind::Name => "letters, digits and . - _ : or empty".to_owned(),
            Kind::Mailbox => "an address such as qms@example.org or AtomicQMS <qms@example.org>, or empty".to_owned(),
            Kind::Domains => "domains such as example.org or *.example.org".to_owned(),
            Kind::Secret | Kind::Text => "text without control characters".to_owned(),
        }
    }

    /// Tells whether the value must be masked wherever it is shown.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }
}

/// As strict as the rule for branches that people name, or the server would start and then refuse its own setting.
fn is_branch(text: &str) -> bool {
    crate::forge::repositories::check_branch_name(text).is_ok()
}

/// `.ending`, `type/subtype`, `type/*` or `*/*`, in lower case.
fn is_file_type(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"-+._".contains(&byte))
    };
    match (text.strip_prefix('.'), text.split_once('/')) {
        (Some(ending), _) => is_word(ending),
        (None, Some((kind, subtype))) => text == "*/*" || (is_word(kind) && (subtype == "*" || is_word(subtype))),
        (None, None) => false,
    }
}

/// A domain of an address, in lower case, or `*.` and one.
fn is_domain(text: &str) -> bool {
    let domain = text.strip_prefix("*.").unwrap_or(text);
    !domain.bytes().any(|byte| byte.is_ascii_uppercase()) && crate::model::Email::new(&format!("x@{domain}")).is_ok()
}

fn is_root_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<axum::http::Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && uri.query().is_none()
        && !uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
}

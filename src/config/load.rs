//! Merges default, file, environment and flags into one checked [`Config`].
//!
//! Owns the order of sources and every refusal: an unknown key, an unknown `ATOMICQMS__` variable or a bad value
//! names the key, the source and what is allowed. Reads no environment by itself: the caller passes it in.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::Config;
use super::setting::{Secret, Setting, Source};

/// Prefix of the variables that can set anything: `ATOMICQMS__section__key`.
const LONG_PREFIX: &str = "ATOMICQMS__";
/// Short names for the settings people change first.
pub(super) const SHORT_NAMES: &[(&str, &str)] = &[
    ("ATOMICQMS_HTTP_ADDR", "server.http_addr"),
    ("ATOMICQMS_SSH_ADDR", "server.ssh_addr"),
    ("ATOMICQMS_ROOT_URL", "server.root_url"),
];

/// Everything [`load`] reads besides the settings file.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--data-dir`, if given.
    pub data_dir: Option<PathBuf>,
    /// The process environment; variables without our prefix are ignored.
    pub environment: Vec<(String, String)>,
    /// Flags that set a setting, as (key, text).
    pub flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// Takes the environment of this process.
    pub fn from_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .filter(|(name, _)| name.starts_with("ATOMICQMS_"))
            .collect();
        Self { environment, ..Self::default() }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Why the settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody knows this key.
    #[error("unknown setting `{key}` in {origin}{}", suggestion(.key))]
    UnknownKey {
        /// The key as written.
        key: String,
        /// Where it was written.
        origin: Source,
    },
    /// The value is not allowed.
    #[error("bad value {value} for setting `{key}` in {origin}: allowed is {allowed}")]
    BadValue {
        /// Which setting.
        key: &'static str,
        /// The value, masked for secrets.
        value: String,
        /// Where it was written.
        origin: Source,
        /// What is allowed.
        allowed: String,
    },
    /// Two variables set the same key to different values.
    #[error("setting `{key}` is set twice, differently, by {first} and {second}: remove one")]
    SetTwice {
        /// Which setting.
        key: &'static str,
        /// One variable.
        first: String,
        /// The other.
        second: String,
    },
    /// The settings file is not TOML.
    #[error("settings file {path} is not valid TOML: {detail}")]
    Syntax {
        /// The file.
        path: String,
        /// What the parser says.
        detail: String,
    },
    /// The settings file cannot be read.
    #[error("cannot read settings file {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Two settings do not go together.
    #[error("setting `{key}`: {problem}")]
    Together {
        /// The setting to look at first.
        key: &'static str,
        /// What is missing or too much, in words.
        problem: &'static str,
    },
    /// Our own table of settings and the typed structs disagree.
    #[error("settings do not fit together: {0}")]
    Inconsistent(String),
}

fn suggestion(key: &str) -> String {
    let section = key.split('.').next().unwrap_or_default();
    let known: Vec<_> = Config::settings()
        .map(|setting| setting.key)
        .filter(|known| known.split('.').next() == Some(section))
        .filter_map(|known| known.split('.').nth(1))
        .collect();
    if known.is_empty() {
        let mut sections: Vec<_> = Config::settings().filter_map(|setting| setting.key.split('.').next()).collect();
        sections.dedup();
        format!(": sections are {}", sections.join(", "))
    } else {
        format!(": [{section}] knows {}", known.join(", "))
    }
}

struct Merged {
    entries: Vec<(&'static Setting, Value, Source)>,
}

impl Merged {
    fn defaults() -> Result<Self, Error> {
        let mut entries = Vec::new();
        for setting in Config::settings() {
            let value = setting
                .parse(setting.default)
                .map_err(|allowed| bad(setting, &Source::Default, setting.default, allowed))?;
            entries.push((setting, value, Source::Default));
        }
        Ok(Self { entries })
    }

    fn set(&mut self, setting: &'static Setting, value: Value, origin: Source) {
        if let Some(entry) = self.entries.iter_mut().find(|(found, ..)| found.key == setting.key) {
            entry.1 = value;
            entry.2 = origin;
        }
    }
}

fn find(key: &str) -> Option<&'static Setting> {
    Config::settings().find(|setting| setting.key == key)
}

fn bad(setting: &'static Setting, origin: &Source, shown: &str, allowed: String) -> Error {
    let value = if setting.is_secret() { "***".to_owned() } else { format!("{shown:?}") };
    Error::BadValue { key: setting.key, value, origin: origin.clone(), allowed }
}

/// Loads the settings of one server.
///
/// Errors: the first unknown key, bad value or unreadable file, with its source and what is allowed.
pub fn load(sources: Sources) -> Result<Config, Error> {
    let data_dir = sources
        .data_dir
        .clone()
        .or_else(|| sources.variable("ATOMICQMS_DATA_DIR").filter(|text| !text.is_empty()).map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("data"));
    let mut merged = Merged::defaults()?;
    from_file(&mut merged, &Config::file_path(&data_dir))?;
    from_environment(&mut merged, &sources)?;
    for (key, text) in &sources.flags {
        let setting = find(key).ok_or_else(|| Error::UnknownKey { key: (*key).to_owned(), origin: Source::Flag })?;
        let value = setting.parse(text).map_err(|allowed| bad(setting, &Source::Flag, text, allowed))?;
        merged.set(setting, value, Source::Flag);
    }
    let mut config = build(merged)?;
    config.data_dir = data_dir;
    config.admin_password = sources
        .variable("ATOMICQMS_ADMIN_PASSWORD")
        .filter(|text| !text.is_empty())
        .map(|text| Secret::new(text.to_owned()));
    config.check()?;
    Ok(config)
}

fn from_file(merged: &mut Merged, path: &Path) -> Result<(), Error> {
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::Unreadable { path: shown, source }),
    };
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| Error::Syntax { path: shown.clone(), detail: error.to_string() })?;
    let origin = Source::File(shown);
    for (section, content) in table {
        let Value::Table(content) = content else {
            return Err(Error::UnknownKey { key: section, origin });
        };
        if content.is_empty() && !Config::settings().any(|setting| setting.key.split('.').next() == Some(&section)) {
            return Err(Error::UnknownKey { key: section, origin });
        }
        for (name, value) in content {
            let key = format!("{section}.{name}");
            let Some(setting) = find(&key) else { return Err(Error::UnknownKey { key, origin }) };
            let shown = match &value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let value = setting.check(value).map_err(|allowed| bad(setting, &origin, &shown, allowed))?;
            merged.set(setting, value, origin.clone());
        }
    }
    Ok(())
}

fn from_environment(merged: &mut Merged, sources: &Sources) -> Result<(), Error> {
    let mut seen: Vec<(&'static str, &str, &str)> = Vec::new();
    for (name, text) in &sources.environment {
        let origin = Source::Environment(name.clone());
        let key = if let Some(rest) = name.strip_prefix(LONG_PREFIX) {
            rest.replace("__", ".").to_ascii_lowercase()
        } else if let Some((_, key)) = SHORT_NAMES.iter().find(|(short, _)| short == name) {
            (*key).to_owned()
        } else {
            continue;
        };
        let Some(setting) = find(&key) else { return Err(Error::UnknownKey { key, origin }) };
        if let Some((_, first, other)) = seen.iter().find(|(key, ..)| *key == setting.key)
            && other != text
        {
            return Err(Error::SetTwice { key: setting.key, first: (*first).to_owned(), second: name.clone() });
        }
        seen.push((setting.key, name, text));
        let value = setting.parse(text).map_err(|allowed| bad(setting, &origin, text, allowed))?;
        merged.set(setting, value, origin);
    }
    Ok(())
}

fn build(merged: Merged) -> Result<Config, Error> {
    let mut root = Table::new();
    let mut provenance = Vec::new();
    for (setting, value, origin) in merged.entries {
        let (section, name) = setting.key.split_once('.').unwrap_or((setting.key, ""));
        let shown = match &value {
            _ if setting.is_secret() => {
                if value.as_str() == Some("") {
                    "\"\"".to_owned()
                } else {
                    "\"***\"".to_owned()
                }
            }
            other => other.to_string(),
        };
        provenance.push((setting, shown, origin));
        // An integer out of the field's type cannot happen: limits are narrower than the types.
        let table = root.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = table {
            table.insert(name.to_owned(), value);
        }
    }
    let mut config = Config::deserialize(Value::Table(root)).map_err(|error| Error::Inconsistent(error.to_string()))?;
    config.provenance = provenance;
    Ok(config)
}

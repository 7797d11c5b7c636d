//! Writes the settings for people: the effective values and the reference table of `docs/configuration.md`.
//!
//! Owns only the words; the facts come from the declarations in `config.rs`.

use std::fmt::Write as _;

use super::{Config, Source};

/// Prints the effective settings as a settings file, each with its source; secrets are masked.
pub fn effective(config: &Config) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# data directory: {}", config.data_dir.display());
    let mut section = "";
    for (setting, value, origin) in &config.provenance {
        let (this, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if this != section {
            let _ = writeln!(text, "\n[{this}]");
            section = this;
        }
        let from = if *origin == Source::Default { String::new() } else { format!("   # {origin}") };
        let _ = writeln!(text, "{name} = {value}{from}");
    }
    text
}

/// Writes the reference table: one heading a section, one row a setting.
pub fn reference() -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in Config::settings() {
        let (this, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if this != section {
            let _ = write!(text, "{}## `[{this}]`\n\n", if section.is_empty() { "" } else { "\n" });
            text.push_str("| key | default | unit | allowed | what it does |\n|---|---|---|---|---|\n");
            section = this;
        }
        let default = if setting.default.is_empty() { "empty".to_owned() } else { format!("`{}`", setting.default) };
        let doc = setting.doc.trim().replace('|', "\\|");
        let _ = writeln!(text, "| `{name}` | {default} | {} | {} | {doc} |", setting.unit, setting.allowed());
    }
    text
}

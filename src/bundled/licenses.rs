//! Texts of licences, as their authors publish them; keys and names are those of SPDX.

/// One licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct License {
    /// SPDX identifier.
    pub key: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// The text; `{year}` and `{owner}` stand where a licence leaves them open.
    pub body: &'static str,
}

/// Those that are offered, by key.
pub const LICENSES: &[License] = &[
    License { key: "0BSD", name: "BSD Zero Clause License", body: include_str!("../../assets/licenses/0BSD.txt") },
    License {
        key: "AGPL-3.0-only",
        name: "GNU Affero General Public License v3.0 only",
        body: include_str!("../../assets/licenses/AGPL-3.0-only.txt"),
    },
    License {
        key: "Apache-2.0",
        name: "Apache License 2.0",
        body: include_str!("../../assets/licenses/Apache-2.0.txt"),
    },
    License {
        key: "BSD-2-Clause",
        name: r#"BSD 2-Clause "Simplified" License"#,
        body: include_str!("../../assets/licenses/BSD-2-Clause.txt"),
    },
    License {
        key: "BSD-3-Clause",
        name: r#"BSD 3-Clause "New" or "Revised" License"#,
        body: include_str!("../../assets/licenses/BSD-3-Clause.txt"),
    },
    License {
        key: "BSL-1.0",
        name: "Boost Software License 1.0",
        body: include_str!("../../assets/licenses/BSL-1.0.txt"),
    },
    License {
        key: "CC-BY-4.0",
        name: "Creative Commons Attribution 4.0 International",
        body: include_str!("../../assets/licenses/CC-BY-4.0.txt"),
    },
    License {
        key: "CC-BY-SA-4.0",
        name: "Creative Commons Attribution Share Alike 4.0 International",
        body: include_str!("../../assets/licenses/CC-BY-SA-4.0.txt"),
    },
    License {
        key: "CC0-1.0",
        name: "Creative Commons Zero v1.0 Universal",
        body: include_str!("../../assets/licenses/CC0-1.0.txt"),
    },
    License {
        key: "CERN-OHL-P-2.0",
        name: "CERN Open Hardware Licence Version 2 - Permissive",
        body: include_str!("../../assets/licenses/CERN-OHL-P-2.0.txt"),
    },
    License {
        key: "EUPL-1.2",
        name: "European Union Public License 1.2",
        body: include_str!("../../assets/licenses/EUPL-1.2.txt"),
    },
    License {
        key: "GPL-2.0-only",
        name: "GNU General Public License v2.0 only",
        body: include_str!("../../assets/licenses/GPL-2.0-only.txt"),
    },
    License {
        key: "GPL-3.0-only",
        name: "GNU General Public License v3.0 only",
        body: include_str!("../../assets/licenses/GPL-3.0-only.txt"),
    },
    License { key: "ISC", name: "ISC License", body: include_str!("../../assets/licenses/ISC.txt") },
    License {
        key: "LGPL-2.1-only",
        name: "GNU Lesser General Public License v2.1 only",
        body: include_str!("../../assets/licenses/LGPL-2.1-only.txt"),
    },
    License {
        key: "LGPL-3.0-only",
        name: "GNU Lesser General Public License v3.0 only",
        body: include_str!("../../assets/licenses/LGPL-3.0-only.txt"),
    },
    License { key: "MIT", name: "MIT License", body: include_str!("../../assets/licenses/MIT.txt") },
    License {
        key: "MPL-2.0",
        name: "Mozilla Public License 2.0",
        body: include_str!("../../assets/licenses/MPL-2.0.txt"),
    },
    License { key: "Unlicense", name: "The Unlicense", body: include_str!("../../assets/licenses/Unlicense.txt") },
];

impl License {
    /// Finds one by its key, without regard to case.
    pub fn find(key: &str) -> Option<&'static Self> {
        LICENSES.iter().find(|license| license.key.eq_ignore_ascii_case(key))
    }

    /// The text for the file of a repository.
    pub fn text(&self, year: i16, owner: &str) -> String {
        // The owner last: nothing in it is a placeholder.
        self.body.replace("{year}", &year.to_string()).replace("{owner}", owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_whole_and_placeholders_are_filled() {
        assert!(LICENSES.is_sorted_by_key(|license| license.key));
        for license in LICENSES {
            assert!(license.body.len() > 600 && license.body.ends_with('\n'), "{}", license.key);
        }
        let text = License::find("mit").unwrap().text(2026, "Ada {year}");
        assert!(text.contains("Copyright (c) 2026 Ada {year}\n"), "{text}");
        assert!(License::find("Proprietary").is_none());
    }
}

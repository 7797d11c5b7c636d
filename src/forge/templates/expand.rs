//! Names that a template's files are filled in with: `$REPO_NAME`, `${TEMPLATE_OWNER}`, `$REPO_NAME_SNAKE` and the like.
//!
//! Owns the names, their other spellings (`_SNAKE`, `_KEBAB`, `_CAMEL`, `_PASCAL`, `_LOWER`, `_UPPER`, `_TITLE`) and what of a value may stand in a path.
//! A name that is none of these stays as it is, so that shell scripts survive. Plain text in, plain text out.

use heck::{ToKebabCase, ToLowerCamelCase, ToSnakeCase, ToTitleCase, ToUpperCamelCase};

/// What is known of one of the two repositories.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) description: String,
    pub(super) link: String,
    pub(super) https_url: String,
    pub(super) ssh_url: String,
}

/// The day, in digits.
#[derive(Debug, Clone, Default)]
pub(super) struct Date {
    pub(super) year: String,
    pub(super) month: String,
    pub(super) day: String,
}

/// Everything that can be filled in.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) repository: Side,
    pub(super) template: Side,
    pub(super) date: Date,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Another spelling of a name.
type Spell = fn(&str) -> String;

/// Spellings of names that are identifiers; descriptions and addresses have none.
const SPELLINGS: [(&str, Spell); 7] = [
    ("_SNAKE", |text| text.to_snake_case()),
    ("_KEBAB", |text| text.to_kebab_case()),
    ("_CAMEL", |text| text.to_lower_camel_case()),
    ("_PASCAL", |text| text.to_upper_camel_case()),
    ("_LOWER", |text| text.to_lowercase()),
    ("_UPPER", |text| text.to_uppercase()),
    ("_TITLE", |text| text.to_title_case()),
];

impl Facts {
    /// The value of a name; none: it is no name of ours.
    fn value(&self, name: &str) -> Option<String> {
        let plain = match name {
            "YEAR" => Some(self.date.year.clone()),
            "MONTH" => Some(self.date.month.clone()),
            "DAY" => Some(self.date.day.clone()),
            "MONTH_ENGLISH" => {
                let number = self.date.month.parse::<usize>().ok()?.checked_sub(1)?;
                Some((*MONTHS.get(number)?).to_owned())
            }
            _ => None,
        };
        plain
            .or_else(|| self.of_side(name, "REPO_", &self.repository))
            .or_else(|| self.of_side(name, "TEMPLATE_", &self.template))
    }

    fn of_side(&self, name: &str, prefix: &str, side: &Side) -> Option<String> {
        let rest = name.strip_prefix(prefix)?;
        match rest {
            "DESCRIPTION" => return Some(side.description.clone()),
            "LINK" => return Some(side.link.clone()),
            "HTTPS_URL" => return Some(side.https_url.clone()),
            "SSH_URL" => return Some(side.ssh_url.clone()),
            _ => {}
        }
        for (field, value) in [("NAME", &side.name), ("OWNER", &side.owner)] {
            match rest.strip_prefix(field) {
                Some("") => return Some(value.clone()),
                Some(spelling) => {
                    let (_, spell) = SPELLINGS.iter().find(|(ending, _)| *ending == spelling)?;
                    return Some(spell(value));
                }
                None => {}
            }
        }
        None
    }

    /// Fills in a file's content. Bytes that are no text pass through as they are.
    pub(super) fn fill_in(&self, content: &[u8]) -> Vec<u8> {
        self.replace(content, |value| value)
    }

    /// Fills in a path, with values that cannot add a directory or anything that file systems refuse.
    pub(super) fn fill_in_path(&self, path: &[u8]) -> Vec<u8> {
        self.replace(path, |value| {
            let is_kept = |character: char| !character.is_control() && !r#"\/:*?"<>|"#.contains(character);
            value.chars().map(|character| if is_kept(character) { character } else { '_' }).collect()
        })
    }

    fn replace(&self, text: &[u8], clean: impl Fn(String) -> String) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
            let (before, tail) = rest.split_at(at);
            out.extend_from_slice(before);
            let (length, name) = name_at(tail);
            match name.and_then(|name| std::str::from_utf8(name).ok()).and_then(|name| self.value(name)) {
                Some(value) => out.extend_from_slice(clean(value).as_bytes()),
                None => out.extend_from_slice(tail.get(..length).unwrap_or_default()),
            }
            rest = tail.get(length..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        out
    }
}

/// The name that begins at a dollar sign, and how many bytes it takes with the sign and its braces; a sign alone takes one.
fn name_at(text: &[u8]) -> (usize, Option<&[u8]>) {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let after = text.get(1..).unwrap_or_default();
    if after.first() == Some(&b'{') {
        let inner = after.get(1..).unwrap_or_default();
        let length = inner.iter().take_while(|byte| is_name(byte)).count();
        return match inner.get(length) {
            Some(b'}') if length > 0 => (length + 3, inner.get(..length)),
            _ => (1, None),
        };
    }
    let length = after.iter().take_while(|byte| is_name(byte)).count();
    (length + 1, after.get(..length).filter(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let side = |name: &str, owner: &str| Side {
            name: name.to_owned(),
            owner: owner.to_owned(),
            description: "All of our/SOPs".to_owned(),
            link: format!("https://h/{owner}/{name}"),
            https_url: format!("https://h/{owner}/{name}.git"),
            ssh_url: String::new(),
        };
        Facts {
            repository: side("my-newSop", "ada"),
            template: side("qms", "Acme"),
            date: Date { year: "2026".into(), month: "02".into(), day: "09".into() },
        }
    }

    #[test]
    fn names_by_table() {
        let table = [
            ("$REPO_NAME of ${TEMPLATE_OWNER}/$TEMPLATE_NAME", "my-newSop of Acme/qms"),
            ("$REPO_NAME_SNAKE $REPO_NAME_KEBAB", "my_new_sop my-new-sop"),
            ("$REPO_NAME_CAMEL $REPO_NAME_PASCAL $REPO_NAME_TITLE", "myNewSop MyNewSop My New Sop"),
            ("${REPO_OWNER_UPPER}${TEMPLATE_OWNER_LOWER}", "ADAacme"),
            ("$YEAR-$MONTH-$DAY $MONTH_ENGLISH", "2026-02-09 February"),
            ("$REPO_LINK $REPO_HTTPS_URL [$REPO_SSH_URL]", "https://h/ada/my-newSop https://h/ada/my-newSop.git []"),
            ("$HOME $1 $ ${} ${REPO_NAME $$ $REPO_NAMES ${X}", "$HOME $1 $ ${} ${REPO_NAME $$ $REPO_NAMES ${X}"),
            ("$REPO_DESCRIPTION_SNAKE", "$REPO_DESCRIPTION_SNAKE"),
            ("100$", "100$"),
        ];
        for (given, expected) in table {
            assert_eq!(String::from_utf8(facts().fill_in(given.as_bytes())).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_pass_through() {
        let given = b"\xff$REPO_OWNER\xfe\x00$\xff";
        assert_eq!(facts().fill_in(given), b"\xffada\xfe\x00$\xff");
    }

    #[test]
    fn a_value_adds_no_directory_to_a_path() {
        let filled = facts().fill_in_path(b"docs/$REPO_DESCRIPTION/$REPO_NAME.md");
        assert_eq!(String::from_utf8(filled).unwrap(), "docs/All of our_SOPs/my-newSop.md");
        assert_eq!(facts().fill_in_path(b"$REPO_LINK"), b"https___h_ada_my-newSop");
    }
}

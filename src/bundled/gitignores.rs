//! Templates of `.gitignore`, written for this project.

use std::collections::BTreeSet;

/// Name and text of each, by name.
const TEMPLATES: &[(&str, &str)] = &[
    ("C", include_str!("../../assets/gitignores/C.gitignore")),
    ("C++", include_str!("../../assets/gitignores/C++.gitignore")),
    ("Go", include_str!("../../assets/gitignores/Go.gitignore")),
    ("Java", include_str!("../../assets/gitignores/Java.gitignore")),
    ("Julia", include_str!("../../assets/gitignores/Julia.gitignore")),
    ("JupyterNotebooks", include_str!("../../assets/gitignores/JupyterNotebooks.gitignore")),
    ("LabVIEW", include_str!("../../assets/gitignores/LabVIEW.gitignore")),
    ("Linux", include_str!("../../assets/gitignores/Linux.gitignore")),
    ("macOS", include_str!("../../assets/gitignores/macOS.gitignore")),
    ("MATLAB", include_str!("../../assets/gitignores/MATLAB.gitignore")),
    ("Node", include_str!("../../assets/gitignores/Node.gitignore")),
    ("Office", include_str!("../../assets/gitignores/Office.gitignore")),
    ("Python", include_str!("../../assets/gitignores/Python.gitignore")),
    ("R", include_str!("../../assets/gitignores/R.gitignore")),
    ("Ruby", include_str!("../../assets/gitignores/Ruby.gitignore")),
    ("Rust", include_str!("../../assets/gitignores/Rust.gitignore")),
    ("Swift", include_str!("../../assets/gitignores/Swift.gitignore")),
    ("TeX", include_str!("../../assets/gitignores/TeX.gitignore")),
    ("VisualStudio", include_str!("../../assets/gitignores/VisualStudio.gitignore")),
    ("VisualStudioCode", include_str!("../../assets/gitignores/VisualStudioCode.gitignore")),
    ("Windows", include_str!("../../assets/gitignores/Windows.gitignore")),
];

/// The names, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(name, _)| *name)
}

/// Finds a template by its name.
pub fn find(name: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|(found, _)| *found == name).map(|(_, text)| *text)
}

/// Joins templates named in a list with commas, each once and under a line that names it; an empty list gives an empty text.
///
/// Errors: the name that is none.
pub fn join(list: &str) -> Result<String, String> {
    let (mut joined, mut seen) = (String::new(), BTreeSet::new());
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let text = find(name).ok_or_else(|| name.to_owned())?;
        if !seen.insert(name) {
            continue;
        }
        if !joined.is_empty() {
            joined.push('\n');
        }
        joined.push_str(&format!("# ---> {name}\n{text}"));
    }
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_in_order_and_join_under_their_names() {
        let all: Vec<&str> = names().collect();
        let mut sorted = all.clone();
        sorted.sort_by_key(|name| name.to_ascii_lowercase());
        assert_eq!(all, sorted);
        let joined = join("Rust, Python").unwrap();
        assert!(joined.starts_with("# ---> Rust\n") && joined.contains("\n\n# ---> Python\n"), "{joined}");
        assert_eq!(
            join(&"Rust,Python,".repeat(10_000)).unwrap(),
            joined,
            "a text cannot be made long by saying it often"
        );
        assert_eq!(join("Rust,Cobol").unwrap_err(), "Cobol");
        assert_eq!(join("").unwrap(), "");
    }
}

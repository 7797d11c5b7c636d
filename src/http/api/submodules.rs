//! Where a submodule is fetched from, as `.gitmodules` of the same commit says.
//!
//! Owns reading that file, leniently. Nothing is ever fetched from there. Source: gitmodules(5), git-config(1).

use atomicqms_git::{self as git, ObjectId, View};

use super::directories::item_at;

/// A larger file is not read. Units: bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// The address of the submodule at a path, if the commit names one.
pub(super) fn url_of(view: &View, commit: ObjectId, path: &str) -> git::Result<Option<String>> {
    let file = item_at(view, commit, b".gitmodules")?;
    let Some(file) = file.filter(|file| file.entry.is_file() && file.size <= MAX_BYTES) else { return Ok(None) };
    Ok(find(&String::from_utf8_lossy(&view.odb.read(&file.entry.id)?.data), path))
}

fn find(text: &str, path: &str) -> Option<String> {
    let (mut is_here, mut url, mut is_in_submodule) = (false, None, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            if is_here && url.is_some() {
                return url;
            }
            (is_here, url, is_in_submodule) = (false, None, line.starts_with("[submodule"));
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_in_submodule) {
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "path" => is_here = value == path,
                "url" => url = Some(value.to_owned()).filter(|url| !url.is_empty()),
                _ => {}
            }
        }
    }
    url.filter(|_| is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_stands_beside_the_path() {
        let text = "[core]\n path = x\n url = no\n[submodule \"a\"]\n\tpath = lib/a\n\turl = https://h/a.git\n[submodule \"b\"]\n url = \"../b\"\n path = b\n";
        assert_eq!(find(text, "lib/a").as_deref(), Some("https://h/a.git"));
        assert_eq!(find(text, "b").as_deref(), Some("../b"));
        assert_eq!(
            (find(text, "x"), find(text, "lib"), find("", "a"), find("[submodule \"a\"]\npath=a\nurl=\n", "a")),
            (None, None, None, None)
        );
    }
}

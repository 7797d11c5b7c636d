//! Owns restricting a walk over trees to some files and directories, and to so many of them. Refuses patterns: paths are compared byte by
//! byte. Used by diffs and archives.

use crate::error::{Error, Result};

/// So many bytes of a path count as one more path. A few trees can spell out millions of long paths.
const BYTES_OF_ONE: usize = 256;

/// How many paths a walk may still list.
#[derive(Debug)]
pub(crate) struct PathBudget {
    what: &'static str,
    limit: usize,
    taken: usize,
}

impl PathBudget {
    pub(crate) fn new(what: &'static str, limit: usize) -> Self {
        PathBudget { what, limit, taken: 0 }
    }

    /// Counts a path.
    ///
    /// Errors: `TooLarge`.
    pub(crate) fn take(&mut self, path: &[u8]) -> Result<()> {
        self.taken = self.taken.saturating_add(1 + path.len() / BYTES_OF_ONE);
        if self.taken > self.limit {
            return Err(Error::TooLarge { what: self.what, limit: self.limit as u64 });
        }
        Ok(())
    }
}

/// Whether a file or directory is one of the paths or lies below one; all are when there is no path.
pub(crate) fn is_selected(paths: &[Vec<u8>], path: &[u8]) -> bool {
    paths.is_empty() || paths.iter().any(|wanted| is_at_or_below(path, wanted))
}

/// Whether a directory is selected or holds something that is.
pub(crate) fn leads_to_selected(paths: &[Vec<u8>], path: &[u8]) -> bool {
    is_selected(paths, path) || paths.iter().any(|wanted| is_at_or_below(wanted, path))
}

fn is_at_or_below(path: &[u8], root: &[u8]) -> bool {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    root.is_empty() || path.strip_prefix(root).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_whole_names() {
        let paths = [b"src/http".to_vec(), b"docs/".to_vec()];
        for (path, selected, leads) in [
            ("src/http", true, true),
            ("src/http/api.rs", true, true),
            ("src/https", false, false),
            ("src", false, true),
            ("docs", true, true),
            ("docs/a", true, true),
            ("other", false, false),
        ] {
            assert_eq!(is_selected(&paths, path.as_bytes()), selected, "{path}");
            assert_eq!(leads_to_selected(&paths, path.as_bytes()), leads, "{path}");
        }
        assert!(is_selected(&[], b"any"));
    }
}

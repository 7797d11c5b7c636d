//! Makes one path out of its spellings, as Gitea does: repeated slashes count once, a trailing one not at all.
//!
//! Owns only the rewriting. Percent-encoded slashes are data and stay.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Rewrites the path of `uri` in place; leaves it alone if it is normal already.
pub fn normalize(uri: &mut Uri) {
    let Some(normal) = normal_path(uri.path()) else { return };
    let text = match uri.query() {
        Some(query) => format!("{normal}?{query}"),
        None => normal,
    };
    let mut parts = uri.clone().into_parts();
    let Ok(path_and_query) = text.parse::<PathAndQuery>() else { return };
    parts.path_and_query = Some(path_and_query);
    if let Ok(rewritten) = Uri::from_parts(parts) {
        *uri = rewritten;
    }
}

fn normal_path(path: &str) -> Option<String> {
    let is_normal = !path.starts_with('/') || path == "/" || !(path.ends_with('/') || path.contains("//"));
    if is_normal {
        return None;
    }
    let mut normal = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        normal.push('/');
        normal.push_str(segment);
    }
    if normal.is_empty() {
        normal.push('/');
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_become_one() {
        let table = [
            ("/", "/"),
            ("//", "/"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("//a///b//?x=//&y=/", "/a/b?x=//&y=/"),
            ("/a%2F%2Fb/", "/a%2F%2Fb"),
            ("http://host:1//a/?q", "http://host:1/a?q"),
            ("*", "*"),
        ];
        for (from, to) in table {
            let mut uri: Uri = from.parse().unwrap();
            normalize(&mut uri);
            assert_eq!(uri.to_string(), to, "{from}");
        }
    }
}

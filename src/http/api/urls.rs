//! Addresses that the API puts into its answers, all absolute on the configured root URL.
//!
//! Owns their shapes and escaping. Called by `api/render.rs` and the handlers.

use std::fmt::Write as _;

use crate::model::BlobId;

/// The root URL, ready to build on.
#[derive(Debug, Clone, Copy)]
pub struct Urls<'a> {
    root: &'a str,
}

impl<'a> Urls<'a> {
    /// Takes the root URL, with or without its last slash.
    pub fn new(root: &'a str) -> Self {
        Self { root: root.trim_end_matches('/') }
    }

    /// A user's page.
    pub fn user(self, login: &str) -> String {
        format!("{}/{login}", self.root)
    }

    /// A picture that an account or an organization set, or the pattern of one that set none.
    pub fn avatar(self, id: i64, set: Option<BlobId>) -> String {
        match set {
            Some(hash) => format!("{}/avatars/{hash}", self.root),
            None => format!("{}/avatars/default/{id}", self.root),
        }
    }

    /// The picture of a repository.
    pub fn repository_avatar(self, hash: BlobId) -> String {
        format!("{}/repo-avatars/{hash}", self.root)
    }

    /// A repository's page.
    pub fn repository(self, full_name: &str) -> String {
        format!("{}/{full_name}", self.root)
    }

    /// Where git clones a repository from.
    pub fn clone_http(self, full_name: &str) -> String {
        format!("{}/{full_name}.git", self.root)
    }

    /// A repository in the API.
    pub fn api_repository(self, full_name: &str) -> String {
        format!("{}/api/v1/repos/{full_name}", self.root)
    }

    /// An organization in the API.
    pub fn api_organization(self, name: &str) -> String {
        format!("{}/api/v1/orgs/{name}", self.root)
    }

    /// A licence that comes with the server, in the API.
    pub fn api_license(self, key: &str) -> String {
        format!("{}/api/v1/licenses/{key}", self.root)
    }

    /// One of the caller's own keys in the API.
    pub fn api_key(self, id: i64) -> String {
        format!("{}/api/v1/user/keys/{id}", self.root)
    }

    /// A deploy key in the API.
    pub fn api_deploy_key(self, full_name: &str, id: i64) -> String {
        format!("{}/keys/{id}", self.api_repository(full_name))
    }

    /// A commit's page.
    pub fn commit(self, full_name: &str, id: &str) -> String {
        format!("{}/{full_name}/commit/{id}", self.root)
    }

    /// A git object in the API; `kind` is `commit`, `tag`, `tree` or `blob`.
    pub fn api_object(self, full_name: &str, kind: &str, id: &str) -> String {
        format!("{}/git/{kind}s/{id}", self.api_repository(full_name))
    }

    /// A ref in the API; `name` is a full ref name.
    pub fn api_ref(self, full_name: &str, name: &str) -> String {
        format!("{}/git/{}", self.api_repository(full_name), escape_path(name))
    }

    /// An archive of a tag; `ending` is `zip` or `tar.gz`.
    pub fn archive(self, full_name: &str, tag: &str, ending: &str) -> String {
        format!("{}/{full_name}/archive/{}.{ending}", self.root, escape_segment(tag))
    }

    /// A release in the API.
    pub fn api_release(self, full_name: &str, id: i64) -> String {
        format!("{}/releases/{id}", self.api_repository(full_name))
    }

    /// The page of a release.
    pub fn release(self, full_name: &str, tag: &str) -> String {
        format!("{}/{full_name}/releases/tag/{}", self.root, escape_path(tag))
    }

    /// A file of a release.
    pub fn release_download(self, full_name: &str, tag: &str, name: &str) -> String {
        format!("{}/{full_name}/releases/download/{}/{}", self.root, escape_path(tag), escape_segment(name))
    }

    /// A file or directory in the API, at the ref the client named.
    pub fn api_contents(self, full_name: &str, path: &str, asked_ref: &str) -> String {
        let slash = if path.is_empty() { "" } else { "/" };
        let (path, asked_ref) = (escape_path(path), escape_query(asked_ref));
        format!("{}/contents{slash}{path}?ref={asked_ref}", self.api_repository(full_name))
    }

    /// A page or a download of a file; `view` is `src` or `raw`, `place` like `branch/main`.
    pub fn file(self, full_name: &str, view: &str, place: &str, path: &str) -> String {
        format!("{}/{full_name}/{view}/{}/{}", self.root, escape_path(place), escape_path(path))
    }

    /// An archive of a commit in the API.
    pub fn api_archive(self, full_name: &str, id: &str, ending: &str) -> String {
        format!("{}/archive/{id}.{ending}", self.api_repository(full_name))
    }

    /// The address shown instead of a user's own to those who may not see it.
    pub fn placeholder_email(self, login: &str) -> String {
        format!("{}@{}", login.to_ascii_lowercase(), self.placeholder_domain())
    }

    /// Where such addresses are.
    pub fn placeholder_domain(self) -> String {
        format!("noreply.{}", self.host())
    }

    /// The host name of the root URL, without port.
    pub fn host(self) -> &'a str {
        let after_scheme = self.root.split_once("://").map_or(self.root, |(_, rest)| rest);
        let authority = after_scheme.split('/').next().unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => authority.split(':').next().unwrap_or_default(),
        }
    }
}

/// Escapes one path segment, slashes included.
pub fn escape_segment(text: &str) -> String {
    escape(text, false)
}

/// Escapes a path, keeping its slashes.
pub fn escape_path(text: &str) -> String {
    escape(text, true)
}

/// Escapes a value of a query.
pub fn escape_query(text: &str) -> String {
    escape(text, false).replace('&', "%26").replace('+', "%2B").replace('=', "%3D").replace('$', "%24")
}

fn escape(text: &str, keeps_slash: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~$&+=:@".contains(&byte) || (keeps_slash && byte == b'/');
        if is_plain {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_on_the_root() {
        for root in ["https://qms.example.org/git/", "https://qms.example.org/git"] {
            let urls = Urls::new(root);
            assert_eq!(urls.clone_http("ada/sops"), "https://qms.example.org/git/ada/sops.git");
            assert_eq!(urls.api_repository("ada/sops"), "https://qms.example.org/git/api/v1/repos/ada/sops");
            assert_eq!(urls.placeholder_email("Ada"), "ada@noreply.qms.example.org");
        }
    }

    #[test]
    fn host_has_no_port_and_no_credentials() {
        assert_eq!(Urls::new("http://127.0.0.1:3001/").host(), "127.0.0.1");
        assert_eq!(Urls::new("http://u:p@h:1/x/").host(), "h");
        assert_eq!(Urls::new("http://[::1]:3001/").host(), "::1");
    }

    #[test]
    fn names_are_escaped() {
        let urls = Urls::new("http://h/");
        assert_eq!(
            urls.api_contents("a/b", "d/ü?", "f/a&b"),
            "http://h/api/v1/repos/a/b/contents/d/%C3%BC%3F?ref=f%2Fa%26b"
        );
        assert_eq!(urls.file("a/b", "raw", "branch/f/x#", "d/y z"), "http://h/a/b/raw/branch/f/x%23/d/y%20z");
        assert_eq!(urls.archive("a/b", "v/1 #?", "zip"), "http://h/a/b/archive/v%2F1%20%23%3F.zip");
        assert_eq!(urls.api_ref("a/b", "refs/heads/ü"), "http://h/api/v1/repos/a/b/git/refs/heads/%C3%BC");
    }
}

//! The query string of an API request, read as leniently as Gitea reads it: a number that is none counts as absent, a
//! switch that is neither true nor false counts as false.
//!
//! Owns decoding and these rules; what a parameter means is the handler's. Called by list handlers.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use crate::error::Error;
use crate::http::App;

/// Decoded query parameters, the first of each name wins.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl FromRequestParts<App> for Params {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        Ok(Query::try_from_uri(&parts.uri).map_or_else(|_| Self::default(), |Query(pairs)| Self(pairs)))
    }
}

impl Params {
    /// A parameter's text without blanks around it; empty when absent.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.trim())
    }

    /// A parameter's text as it was given; empty when absent.
    pub fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// A whole number greater than zero.
    pub fn id(&self, name: &str) -> Option<i64> {
        self.text(name).parse().ok().filter(|id| *id > 0)
    }

    /// A switch; none when absent or empty.
    pub fn switch(&self, name: &str) -> Option<bool> {
        match self.text(name) {
            "" => None,
            text => Some(matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let uri = format!("/x?{query}").parse().unwrap();
        Query::try_from_uri(&uri).map(|Query(pairs)| Params(pairs)).unwrap_or_default()
    }

    #[test]
    fn parameters_are_decoded_and_lenient() {
        let given = params("q=a+b%2Fc&uid=7&bad=x&neg=-1&on=true&off=0&odd=maybe&empty=");
        assert_eq!(given.text("q"), "a b/c");
        assert_eq!((given.id("uid"), given.id("bad"), given.id("neg"), given.id("none")), (Some(7), None, None, None));
        assert_eq!(
            (given.switch("on"), given.switch("off"), given.switch("odd")),
            (Some(true), Some(false), Some(false))
        );
        assert_eq!((given.switch("empty"), given.switch("none")), (None, None));
    }

    #[test]
    fn first_of_a_name_wins_and_broken_escapes_do_not_fail() {
        assert_eq!(params("q=1&q=2").text("q"), "1");
        assert_eq!(params("q=%zz&x=1").id("x"), Some(1));
    }
}

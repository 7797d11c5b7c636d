//! The query string of an API request, read as leniently as Gitea reads it: a number that is none counts as absent, a
//! switch that is neither true nor false counts as false.
//!
//! Owns decoding and these rules; what a parameter means is the handler's. Called by list handlers.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use super::spec::{Form, Query as Declared};
use crate::error::Error;
use crate::http::App;
use crate::http::middleware::context::RequestContext;
use crate::http::router::RouteInfo;

/// Decoded query parameters, the first of each name wins. Only what the route declares may be read: debug builds see to it, so that the
/// specification is complete.
#[derive(Debug, Clone, Default)]
pub struct Params {
    pairs: Vec<(String, String)>,
    route: Option<RouteInfo>,
}

impl FromRequestParts<App> for Params {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        let pairs = Query::try_from_uri(&parts.uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs);
        Ok(Self { pairs, route: RequestContext::of(&parts.extensions).and_then(|context| context.route().copied()) })
    }
}

impl Params {
    /// A parameter's text without blanks around it; empty when absent.
    pub fn text(&self, name: &str) -> &str {
        self.read(name, &[Form::Text, Form::Date])
    }

    /// A whole number greater than zero.
    pub fn id(&self, name: &str) -> Option<i64> {
        self.read(name, &[Form::Number]).parse().ok().filter(|id| *id > 0)
    }

    /// A switch; none when absent or empty.
    pub fn switch(&self, name: &str) -> Option<bool> {
        match self.read(name, &[Form::Switch]) {
            "" => None,
            text => Some(matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")),
        }
    }

    /// Texts of a parameter that may be given many times; empty ones do not count.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.check(name, &[Form::Texts]);
        self.pairs
            .iter()
            .filter(|(found, value)| found == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
            .collect()
    }

    fn read(&self, name: &str, forms: &[Form]) -> &str {
        self.check(name, forms);
        self.pairs.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.trim())
    }

    /// Fails in debug builds for a parameter that the route does not declare in one of these forms.
    fn check(&self, name: &str, forms: &[Form]) {
        if cfg!(debug_assertions)
            && let Some(route) = self.route
        {
            let is_declared = |query: &&Declared| query.name == name && forms.contains(&query.form);
            let found = route.queries.iter().copied().flatten().find(is_declared);
            assert!(
                found.is_some(),
                "{} reads {name:?}, which its row in the table of routes does not declare",
                route.operation
            );
            #[cfg(test)]
            reads::note(route.operation, name);
        }
    }
}

/// Which parameters were read so far, by operation: what is declared and never read is found by a test.
#[cfg(test)]
pub(super) mod reads {
    use std::collections::HashSet;
    use std::sync::{LazyLock, Mutex};

    static READS: LazyLock<Mutex<HashSet<(&'static str, String)>>> = LazyLock::new(Mutex::default);

    pub(super) fn note(operation: &'static str, name: &str) {
        READS.lock().unwrap().insert((operation, name.to_owned()));
    }

    pub(in crate::http::api) fn contains(operation: &'static str, name: &str) -> bool {
        READS.lock().unwrap().contains(&(operation, name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let uri = format!("/x?{query}").parse().unwrap();
        let pairs = Query::try_from_uri(&uri).map(|Query(pairs)| pairs).unwrap_or_default();
        Params { pairs, route: None }
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

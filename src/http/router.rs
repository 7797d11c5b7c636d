//! Every route of the server in one flat table.
//!
//! Owns the table and turns it into axum's router. A test lists it and sweeps permissions over it, so a route that
//! is not here does not exist. Holds no handler.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::api::spec::{self, Described, Operation, Queries};
use super::middleware::context::RequestContext;
use super::{App, account_pages, api, avatars, downloads, files, git, health, metrics, page};

/// Which shape answers and errors of a route have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Gitea-shaped JSON.
    Api,
    /// Git's smart HTTP: plain text errors, challenges instead of a flat 404 for anonymous callers.
    Git,
    /// Probes and metrics, for machines that watch.
    Health,
    /// HTML for people.
    Page,
}

/// What is known about a route before any request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteInfo {
    /// Path pattern, as metrics and logs show it.
    pub path: &'static str,
    /// Stable name of the operation, unique in the table.
    pub operation: &'static str,
    /// Shape of its answers.
    pub group: Group,
    /// Parameters that its handler may read from the query string.
    pub queries: Queries,
}

/// One row of the table.
pub struct Route {
    /// Method; GET also answers HEAD.
    pub method: Method,
    /// Pattern and name.
    pub info: RouteInfo,
    /// What is declared of an operation of the API; none outside of it.
    pub operation: Option<Operation>,
    install: Box<dyn FnOnce(MethodFilter, RouteInfo) -> MethodRouter<App>>,
}

impl Route {
    /// Makes a row of the REST API: what the specification says of it follows from the types of its handler and from the words after it
    /// (`api/spec/declared.rs`).
    pub fn api<H, T>(method: Method, path: &'static str, operation: &'static str, handler: H) -> Self
    where
        H: Handler<T, App> + Described<T>,
        T: 'static,
    {
        Self { operation: Some(Operation::of::<H, T>()), ..Self::new(Group::Api, method, path, operation, handler) }
    }

    /// Makes a row of the git transport.
    pub fn git<H, T>(method: Method, path: &'static str, operation: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self::new(Group::Git, method, path, operation, handler)
    }

    /// Makes a row of any group.
    pub fn new<H, T>(group: Group, method: Method, path: &'static str, operation: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let info = RouteInfo { path, operation, group, queries: &[] };
        let install = Box::new(move |filter, info| on(filter, Noting { info, handler }));
        Self { method, info, operation: None, install }
    }
}

/// Lists every route of the server.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new(Group::Page, Method::GET, "/", "home", page::home),
        Route::new(Group::Health, Method::GET, "/livez", "livez", health::livez),
        Route::new(Group::Health, Method::GET, "/readyz", "readyz", health::readyz),
        Route::new(Group::Health, Method::GET, "/api/healthz", "healthz", health::healthz),
        Route::new(Group::Health, Method::GET, "/metrics", "metrics", metrics::metrics),
    ];
    routes.extend(account_pages::routes());
    routes.extend(api::routes());
    routes.extend(avatars::routes());
    routes.extend(spec::routes());
    routes.extend(downloads::routes());
    routes.extend(files::routes());
    routes.extend(git::routes());
    routes
}

/// Builds the router of the whole table.
pub fn build(app: App) -> Router {
    let mut router = Router::new();
    for route in routes() {
        let filter = MethodFilter::try_from(route.method).expect("the table names standard methods only");
        let mut handler = (route.install)(filter, route.info);
        if api::renames::is_about_an_account(route.info.path) {
            handler = handler.layer(from_fn_with_state((app.clone(), route.info), api::renames::follow));
        }
        router = router.route(route.info.path, handler);
    }
    router.fallback(page::not_found).with_state(app)
}

/// A handler that first tells the request's context which route it took, for logs, metrics and the shape of errors.
#[derive(Clone)]
struct Noting<H> {
    info: RouteInfo,
    handler: H,
}

impl<H, T> Handler<T, App> for Noting<H>
where
    H: Handler<T, App>,
{
    type Future = H::Future;

    fn call(self, request: Request, app: App) -> Self::Future {
        if let Some(context) = RequestContext::of(request.extensions()) {
            context.set_route(self.info);
        }
        self.handler.call(request, app)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_method_and_path_and_no_operation_appears_twice() {
        let mut places = HashSet::new();
        let mut operations = HashSet::new();
        for route in routes() {
            assert!(places.insert((route.method.clone(), route.info.path)), "{} {}", route.method, route.info.path);
            assert!(operations.insert(route.info.operation), "{}", route.info.operation);
        }
        assert!(places.len() > 5);
    }
}

//! What happens to every request before and after its handler.
//!
//! Owns the order: context and span, path, panic net, router, error bodies, headers, access line and metrics. One
//! plain function, so that the order can be read. Called by the connections through [`service`].

pub mod access_log;
pub mod context;
pub mod headers;
pub mod panic;
pub mod path;
mod tally;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, Version, header};
use tower::{Service, ServiceExt};
use tracing::Instrument;

use self::access_log::AccessLogBody;
use self::context::RequestContext;
use super::{App, error, router};
use crate::error::{Error, Kind};

/// Builds the service that answers everything.
pub fn service(
    app: App,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
    let router = router::build(app.clone());
    // Boxed: as a value it would be copied from layer to layer of the connection, some kilobytes each time.
    tower::service_fn(move |request| Box::pin(enter(app.clone(), router.clone(), request)))
}

/// Takes one request through the server.
async fn enter(app: App, router: Router, mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let context = Arc::new(RequestContext::new(&request, &app.config.server.trusted_proxies));
    // Error level, so that the id survives whatever filter is set.
    let span = tracing::error_span!("request", request.id = %context.id());
    let method = request.method().clone();
    path::normalize(request.uri_mut());
    request.extensions_mut().insert(Arc::clone(&context));

    let is_addressed = has_one_host(&request);
    let answer = async {
        if !is_addressed {
            let error = Error::new(Kind::Malformed, "an HTTP/1.1 request names its host exactly once");
            return error::render(&error, &context, &app.root_url);
        }
        let routed = async {
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        };
        match panic::catch(routed).await {
            Ok(response) => error::complete(response, &context, &app.root_url),
            Err(error) => error::render(&error, &context, &app.root_url),
        }
    };
    let mut response = answer.instrument(span.clone()).await;
    headers::add(response.headers_mut(), &context);
    let status = response.status();
    Ok(response.map(|body| Body::new(AccessLogBody::new(body, context, method, status, span))))
}

/// Two hosts, or none, could mean one thing to a proxy on the way and another to this server.
/// Source: RFC 9112, section 3.2.
fn has_one_host(request: &Request<Body>) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11)
}

#[cfg(test)]
mod tests;

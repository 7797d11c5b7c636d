//! Finds the repository a request names, for one action, and sends callers who use a former name to the present one.
//!
//! Owns the redirect. The decision is the gate's. Called by every handler of a repository.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use atomicqms_git::View;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::objects;
use super::rendered::Rendered;
use crate::access::action::{Action, RepoPath, RepositoryAccess};
use crate::access::{Caller, Client, Permit};
use crate::error::Error;
use crate::forge::intake::Place;
use crate::http::App;
use crate::http::held::HeldBody;
use crate::model::Repository;

/// Why a handler does not go on.
#[derive(Debug)]
pub enum Stop {
    /// The request failed.
    Failed(Error),
    /// The repository has another name now; the same request belongs at this address.
    Moved(HeaderValue),
}

/// What a handler of a repository answers.
pub type Answer<T> = Result<T, Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Failed(error) => error.into_response(),
            // Temporary, so that a client repeats method and body and a name that is taken again later is honoured.
            Self::Moved(address) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, address)]).into_response(),
        }
    }
}

/// Lets the caller do `action` in the repository at `path`.
///
/// Errors: as [`crate::access::authorize()`]; `Moved` when the caller may do it but used a former name.
pub async fn repository<A>(app: &App, caller: &Caller, action: A, path: &RepoPath, uri: &Uri) -> Answer<Permit<A>>
where
    A: Action<Resource = RepoPath, Subject = RepositoryAccess>,
{
    let permit = app.forge.authorize(caller, action, path).await?;
    if permit.subject().is_redirected {
        let present = permit.subject().repository.full_name();
        return Err(Stop::Moved(present_address(&app.root_url, uri, &present)?));
    }
    Ok(permit)
}

/// Runs a read of a repository's objects whose answer is made whole, in one of the places for such; the answer of the handler keeps the
/// place with [`Listing::hold`].
///
/// Errors: `Overloaded`, and those of `read`.
pub async fn listing<T, F>(app: &App, caller: &Caller, repository: &Repository, read: F) -> Result<(T, Listing), Error>
where
    T: Send + 'static,
    F: FnOnce(&View) -> atomicqms_git::Result<T> + Send + 'static,
{
    let place = app.intake.listing(Client::of(caller)).await?;
    let view = app.forge.open(repository).await?.view();
    Ok((objects::on_view(view, read).await?, Listing(place)))
}

/// Runs a read that may take long, in the same places: it is told to end when the client leaves or the time for an operation has passed.
///
/// Errors: `Overloaded`, and those of `read`.
pub async fn reading<T, F>(app: &App, caller: &Caller, repository: &Repository, read: F) -> Result<(T, Listing), Error>
where
    T: Send + 'static,
    F: FnOnce(&View, &AtomicBool) -> Result<T, Error> + Send + 'static,
{
    let place = app.intake.listing(Client::of(caller)).await?;
    reading_in(app, place, repository, read).await
}

/// The same in a place that was taken before, by whoever has to look for more than the repository.
///
/// Errors: those of `read`.
pub async fn reading_in<T, F>(app: &App, place: Place, repository: &Repository, read: F) -> Result<(T, Listing), Error>
where
    T: Send + 'static,
    F: FnOnce(&View, &AtomicBool) -> Result<T, Error> + Send + 'static,
{
    let view = app.forge.open(repository).await?.view();
    let leaving = Leaving(Arc::new(AtomicBool::new(false)));
    let _alarm = app.intake.interrupt_after_timeout(&leaving.0);
    let (interrupt, span) = (Arc::clone(&leaving.0), tracing::Span::current());
    // The place stays with the work, which may go on for a moment after the client has left.
    let work = tokio::task::spawn_blocking(move || (span.in_scope(|| read(&view, &interrupt)), place));
    let (answer, place) = work.await.map_err(Error::internal)?;
    Ok((answer?, Listing(place)))
}

/// Raises the flag when dropped: nobody waits for the answer any more.
struct Leaving(Arc<AtomicBool>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A place that belongs to an answer until it is sent.
pub struct Listing(Place);

impl Listing {
    /// Keeps the place as long as the body lives.
    pub fn hold<T>(self, answer: impl Into<Rendered<T>>) -> Rendered<T> {
        Rendered::of_response(self.hold_bytes(answer.into().into_response()))
    }

    /// The same for an answer that is no JSON.
    pub fn hold_bytes(self, answer: Response) -> Response {
        answer.map(|body| axum::body::Body::new(HeldBody { inner: body, _place: self.0 }))
    }
}

/// The address of the same request under the present name, absolute on the root URL.
fn present_address(root_url: &str, uri: &Uri, present: &str) -> Result<HeaderValue, Error> {
    const IN_API: &str = "/api/v1/repos/";
    // Outside of the API an address begins with the name.
    let (before_name, rest) = match uri.path().strip_prefix(IN_API) {
        Some(rest) => (IN_API, rest),
        None => ("/", uri.path().trim_start_matches('/')),
    };
    let after_name = rest.splitn(3, '/').nth(2).map_or_else(String::new, |rest| format!("/{rest}"));
    moved_address(root_url, &format!("{before_name}{present}{after_name}"), uri.query())
}

/// An address that a caller is sent to, absolute on the root URL.
pub(super) fn moved_address(root_url: &str, path: &str, query: Option<&str>) -> Result<HeaderValue, Error> {
    // A token in the query is not repeated: addresses end up in logs.
    let is_secret = |pair: &&str| ["token=", "access_token="].iter().any(|name| pair.starts_with(name));
    let kept: Vec<&str> = query.unwrap_or_default().split('&').filter(|pair| !is_secret(pair)).collect();
    let query = kept.join("&");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let root = root_url.trim_end_matches('/');
    HeaderValue::try_from(format!("{root}{path}{query}")).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_the_address_is_kept() {
        let table = [
            ("/api/v1/repos/ada/old", "http://h/x/api/v1/repos/ada/new"),
            ("/api/v1/repos/ada/old/branches/a/b%20c?q=1", "http://h/x/api/v1/repos/ada/new/branches/a/b%20c?q=1"),
            ("/ada/old.git/raw/branch/main/a%20b?q=1", "http://h/x/ada/new/raw/branch/main/a%20b?q=1"),
            ("/ada/old/archive/main.zip?token=secret", "http://h/x/ada/new/archive/main.zip"),
            ("/api/v1/repos/ada/old?token=secret", "http://h/x/api/v1/repos/ada/new"),
            ("/api/v1/repos/ada/old?a=1&access_token=secret&b=2", "http://h/x/api/v1/repos/ada/new?a=1&b=2"),
        ];
        for (asked, expected) in table {
            let uri: Uri = asked.parse().unwrap();
            assert_eq!(present_address("http://h/x/", &uri, "ada/new").unwrap(), expected);
        }
    }
}

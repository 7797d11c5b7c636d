//! The connection a request came by. Owns telling it who waits for what the answer holds.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::forge::intake::Crowd;
use crate::http::App;
use crate::http::connection::Activity;

/// The connection, if the request came by one and not from a test.
pub struct OwnConnection(Option<Arc<Activity>>);

impl FromRequestParts<App> for OwnConnection {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

impl OwnConnection {
    /// A client that does not read is dropped sooner while others wait for what its answer holds.
    pub fn note_crowd(&self, crowd: Crowd) {
        if let Some(activity) = &self.0 {
            activity.note_crowd(move || crowd.is_waiting());
        }
    }
}

//! Answers that are rendered before they are returned, with a type that still says what is in them.
//!
//! Owns [`Rendered`], for what is written off the async runtime or gets headers, and [`File`]. Called by handlers; the specification
//! (`spec/told.rs`) reads the types.

use std::marker::PhantomData;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer whose body is a `T` in JSON.
#[derive(Debug)]
pub struct Rendered<T> {
    response: Response,
    shape: PhantomData<fn() -> T>,
}

impl<T> Rendered<T> {
    /// Takes JSON that was written elsewhere, from a `T`.
    pub fn of_json(json: Vec<u8>) -> Self {
        Self::of_response(([(header::CONTENT_TYPE, "application/json")], json).into_response())
    }

    /// Takes an answer that is no JSON at all, where the caller asked for another form.
    pub fn of_response(response: Response) -> Self {
        Self { response, shape: PhantomData }
    }

    /// Changes headers.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Response)) -> Self {
        change(&mut self.response);
        self
    }
}

impl<T: Serialize> From<Json<T>> for Rendered<T> {
    fn from(json: Json<T>) -> Self {
        Self::of_response(json.into_response())
    }
}

impl<T> IntoResponse for Rendered<T> {
    fn into_response(self) -> Response {
        self.response
    }
}

/// An answer whose body is a list in JSON.
pub type Listed<T> = Rendered<Vec<T>>;

/// An answer whose body is the bytes of a file.
#[derive(Debug)]
pub struct File(pub Response);

impl IntoResponse for File {
    fn into_response(self) -> Response {
        self.0
    }
}

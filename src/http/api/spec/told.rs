//! What the types of a handler say of an operation: what it takes from the request, what it answers.
//!
//! Owns the traits [`Input`] and [`Output`], their implementations for every extractor and answer of the API, and [`Described`], which reads a
//! handler's signature. What types cannot say stands in the row of the route (`spec/declared.rs`).

use std::collections::BTreeSet;
use std::future::Future;

use axum::Json;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, Response};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::schema::Schemas;
use crate::access::{Caller, RepoPath};
use crate::error::Error;
use crate::http::App;
use crate::http::api::lookup::Stop;
use crate::http::api::query::Params;
use crate::http::api::rendered::{File, Rendered};
use crate::http::extract::{Body, OrgPath, Paging, PathParam, TeamPath, TextBody, UserPath};

/// What is known of an operation from the types of its handler.
#[derive(Debug, Default)]
pub struct Told {
    /// Schema of the body and its media types; none: there is no body.
    pub body: Option<(Value, &'static [&'static str])>,
    /// The body is a stream that the handler reads itself: a form or bytes.
    pub is_upload: bool,
    /// It is a list in pages.
    pub is_paged: bool,
    /// Statuses of a success.
    pub successes: Vec<u16>,
    /// Schema of a success; none: it has no body.
    pub answer: Option<Value>,
    /// Media types of a success.
    pub media: &'static [&'static str],
    /// Statuses of failures that any operation of this kind may have.
    pub failures: BTreeSet<u16>,
}

/// Media type of all that is JSON.
pub const JSON: &[&str] = &["application/json"];

/// Something that a handler takes from the request.
#[diagnostic::on_unimplemented(
    message = "the specification of the API does not know what `{Self}` takes from a request",
    note = "see spec/told.rs"
)]
pub trait Input {
    /// Adds what follows from it.
    fn tell(told: &mut Told, schemas: &mut Schemas);
}

/// Something that a handler answers.
#[diagnostic::on_unimplemented(
    message = "the specification of the API does not know what `{Self}` answers",
    note = "see spec/told.rs; types in JSON derive JsonSchema"
)]
pub trait Output {
    /// Adds what follows from it.
    fn tell(told: &mut Told, schemas: &mut Schemas);
}

/// A failure that a handler answers.
pub trait Failing {
    /// Its statuses beside those that follow from the inputs.
    const STATUSES: &'static [u16];
}

/// A handler whose types say what it takes and answers; `T` is as in axum's `Handler`.
pub trait Described<T> {
    /// Adds all that they say.
    fn tell(told: &mut Told, schemas: &mut Schemas);
}

macro_rules! inputs {
    ($($type:ty: $statuses:expr,)+) => {
        $(impl Input for $type {
            fn tell(told: &mut Told, _: &mut Schemas) {
                let statuses: &[u16] = &$statuses;
                told.failures.extend(statuses);
            }
        })+
    };
}

inputs! {
    State<App>: [],
    Uri: [],
    HeaderMap: [],
    Params: [],
    // Bad credentials; a token, an account or an address that may not.
    Caller: [401, 403],
    RawPathParams: [404],
    PathParam: [404],
    RepoPath: [404],
    UserPath: [404],
    OrgPath: [404],
    TeamPath: [404],
}

impl Input for Paging {
    fn tell(told: &mut Told, _: &mut Schemas) {
        told.is_paged = true;
    }
}

impl<T: JsonSchema> Input for Body<T> {
    fn tell(told: &mut Told, schemas: &mut Schemas) {
        told.body = Some((schemas.of_body::<T>(), JSON));
        // It breaks off, is too long, or is not of this form.
        told.failures.extend([400, 413, 422]);
    }
}

impl Input for TextBody {
    fn tell(told: &mut Told, _: &mut Schemas) {
        told.body = Some((json!({ "type": "string" }), &["text/plain"]));
        told.failures.extend([400, 413]);
    }
}

impl Input for Request {
    fn tell(told: &mut Told, _: &mut Schemas) {
        told.is_upload = true;
        told.failures.extend([400, 413]);
    }
}

impl<T: Output, E: Failing> Output for Result<T, E> {
    fn tell(told: &mut Told, schemas: &mut Schemas) {
        T::tell(told, schemas);
        told.failures.extend(E::STATUSES);
    }
}

impl Failing for Error {
    const STATUSES: &'static [u16] = &[];
}

impl Failing for Stop {
    const STATUSES: &'static [u16] = &[307];
}

impl<T: JsonSchema> Output for Json<T> {
    fn tell(told: &mut Told, schemas: &mut Schemas) {
        told.successes = vec![200];
        told.answer = Some(schemas.of_answer::<T>());
        told.media = JSON;
    }
}

impl<T: JsonSchema> Output for Rendered<T> {
    fn tell(told: &mut Told, schemas: &mut Schemas) {
        <Json<T> as Output>::tell(told, schemas);
    }
}

/// A status of its own is that of something made; other ones are named by the route.
impl<T: JsonSchema> Output for (StatusCode, Json<T>) {
    fn tell(told: &mut Told, schemas: &mut Schemas) {
        <Json<T> as Output>::tell(told, schemas);
        told.successes = vec![201];
    }
}

/// A status without a body is that of something done.
impl Output for StatusCode {
    fn tell(told: &mut Told, _: &mut Schemas) {
        told.successes = vec![204];
    }
}

impl Output for Html<String> {
    fn tell(told: &mut Told, _: &mut Schemas) {
        told.successes = vec![200];
        told.answer = Some(json!({ "type": "string" }));
        told.media = &["text/html"];
    }
}

/// A text that is no JSON.
impl Output for String {
    fn tell(told: &mut Told, _: &mut Schemas) {
        told.successes = vec![200];
        told.answer = Some(json!({ "type": "string" }));
        told.media = &["text/plain"];
    }
}

impl Output for File {
    fn tell(told: &mut Told, _: &mut Schemas) {
        told.successes = vec![200];
        told.answer = Some(json!({ "type": "file" }));
        told.media = &["application/octet-stream"];
    }
}

/// Nothing is known of it but what the route names.
impl Output for Response {
    fn tell(_: &mut Told, _: &mut Schemas) {}
}

impl<F, R> Described<((),)> for F
where
    F: FnOnce() -> R,
    R: Future,
    R::Output: Output,
{
    fn tell(told: &mut Told, schemas: &mut Schemas) {
        R::Output::tell(told, schemas);
    }
}

macro_rules! described {
    ($($input:ident)+) => {
        impl<F, R, M, $($input),+> Described<(M, $($input,)+)> for F
        where
            F: FnOnce($($input),+) -> R,
            R: Future,
            R::Output: Output,
            $($input: Input,)+
        {
            fn tell(told: &mut Told, schemas: &mut Schemas) {
                $($input::tell(told, schemas);)+
                R::Output::tell(told, schemas);
            }
        }
    };
}

described!(A);
described!(A B);
described!(A B C);
described!(A B C D);
described!(A B C D E);
described!(A B C D E G);
described!(A B C D E G H);
described!(A B C D E G H I);

//! Pages for people without an account, or with an address to confirm: signing up, and what links in mails open, invitations among them.
//!
//! Owns forms and words. Opening a page changes nothing, so that programs that follow the links in mails confirm nothing; a button does. Works without scripts.
//! Entered through the router's table.

mod confirm;
mod invitation;
mod sign_up;
#[cfg(test)]
mod tests;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::page;
use super::router::{Group, Route};
use crate::error::{Error, Kind, Result};

/// Rows of the router's table.
pub fn routes() -> Vec<Route> {
    vec![
        Route::new(Group::Page, Method::GET, "/user/sign_up", "signUpForm", sign_up::form),
        Route::new(Group::Page, Method::POST, "/user/sign_up", "signUp", sign_up::sign_up),
        Route::new(Group::Page, Method::GET, "/user/activate", "activateForm", confirm::account_form),
        Route::new(Group::Page, Method::POST, "/user/activate", "activate", confirm::account),
        Route::new(Group::Page, Method::GET, "/user/activate_email", "activateEmailForm", confirm::email_form),
        Route::new(Group::Page, Method::POST, "/user/activate_email", "activateEmail", confirm::email),
        Route::new(Group::Page, Method::GET, "/org/invite", "invitationForm", invitation::form),
        Route::new(Group::Page, Method::POST, "/org/invite", "acceptInvitation", invitation::accept),
        Route::new(Group::Page, Method::POST, "/org/invite_register", "registerInvited", invitation::register),
        Route::new(Group::Page, Method::POST, "/org/invite_decline", "declineInvitation", invitation::decline),
    ]
}

/// A page, or a page that says what was refused; faults and what asks a client to come back later are answered as everywhere.
fn shown(answer: Result<Response>) -> Response {
    match answer {
        Ok(page) => page,
        Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound | Kind::Conflict) => {
            let words = page::escape(error.public());
            page::document(error.kind().status(), "This cannot be done", &format!("<p>{words}</p>"))
        }
        Err(error) => Error::into_response(error),
    }
}

/// A page that says that all is well.
fn done(title: &str, body: &str) -> Response {
    page::document(StatusCode::OK, title, body)
}

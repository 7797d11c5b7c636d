//! What links in mails open: a page that says what will happen, with a button that does it.

use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::{done, shown};
use crate::access::action;
use crate::error::Kind;
use crate::forge::{email_addresses, registrations};
use crate::http::App;
use crate::http::extract::{Form, Visitor};
use crate::http::page::{self, escape};
use crate::model::Registration;

/// `activateForm`.
pub(super) async fn account_form(State(app): State<App>, Visitor(caller): Visitor, uri: Uri) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::ActivateAccount, &()).await?;
        let code = code_of(&uri);
        let found = registrations::find_registration(&app.forge, &permit, &code).await?;
        Ok(account_question(&found, &code, None))
    };
    shown(answer.await)
}

/// The password shows that who opened the link is who asked for the account, and not somebody whose address was given for it.
fn account_question(found: &Registration, code: &str, refusal: Option<&str>) -> Response {
    let status = if refusal.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let refusal = refusal
        .map_or_else(String::new, |words| format!("<p class=\"refusal\" role=\"alert\">{}</p>\n", escape(words)));
    let (name, email, code) = (escape(found.name.as_str()), escape(found.email.as_str()), escape(code));
    let body = format!(
        "{refusal}<p>This makes the account <strong>{name}</strong> with the address <strong>{email}</strong>.</p>\n\
         <p>If you did not ask for it, close this page: somebody else gave your address, and chose the password.</p>\n\
         <form method=\"post\" action=\"activate\">\n<input type=\"hidden\" name=\"code\" value=\"{code}\">\n\
         <label for=\"password\">The password you chose when you asked for the account</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" required autocomplete=\"current-password\">\n\
         <button>Make the account</button>\n</form>"
    );
    page::document(status, "Make this account?", &body)
}

/// `activate`.
pub(super) async fn account(State(app): State<App>, Visitor(caller): Visitor, form: Form) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::ActivateAccount, &()).await?;
        let fields = form.read(&app, &permit).await?;
        let code = fields.text("code");
        let found = registrations::find_registration(&app.forge, &permit, code).await?;
        match registrations::activate(&app.forge, permit, code, fields.text("password")).await {
            Ok(user) => {
                let body = format!(
                    "<p>The account <strong>{}</strong> is ready. Sign in with its name and the password you chose.</p>",
                    escape(user.name.as_str())
                );
                Ok(done("Welcome", &body))
            }
            Err(error) if error.kind() == Kind::Invalid => Ok(account_question(&found, code, Some(error.public()))),
            Err(error) => Err(error),
        }
    };
    shown(answer.await)
}

/// `activateEmailForm`.
pub(super) async fn email_form(State(app): State<App>, Visitor(caller): Visitor, uri: Uri) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::ConfirmEmail, &()).await?;
        let code = code_of(&uri);
        let (user, address) = email_addresses::find_claim(&app.forge, &permit, &code).await?;
        let words = format!(
            "<p>The account <strong>{}</strong> says that <strong>{}</strong> is an address of its own.</p>\n\
             <p>Confirm this only if that account is yours.</p>",
            escape(user.name.as_str()),
            escape(address.email.as_str())
        );
        Ok(button("Confirm this address?", &words, "activate_email", &code, "Confirm the address"))
    };
    shown(answer.await)
}

/// `activateEmail`.
pub(super) async fn email(State(app): State<App>, Visitor(caller): Visitor, form: Form) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::ConfirmEmail, &()).await?;
        let fields = form.read(&app, &permit).await?;
        let (user, address) = email_addresses::confirm_email(&app.forge, permit, fields.text("code")).await?;
        let body = format!(
            "<p><strong>{}</strong> is now a confirmed address of the account <strong>{}</strong>.</p>",
            escape(address.email.as_str()),
            escape(user.name.as_str())
        );
        Ok(done("Confirmed", &body))
    };
    shown(answer.await)
}

/// The code in the address of the page; empty when there is none.
pub(super) fn code_of(uri: &Uri) -> String {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|query| query.0).unwrap_or_default();
    pairs.into_iter().find(|(name, _)| name == "code").map(|(_, value)| value).unwrap_or_default()
}

/// The address of the form stands beside that of the page, so that it is right behind every proxy.
fn button(title: &str, words: &str, action: &str, code: &str, label: &str) -> Response {
    let code = escape(code);
    let body = format!(
        "{words}\n<form method=\"post\" action=\"{action}\">\n<input type=\"hidden\" name=\"code\" value=\"{code}\">\n\
         <button>{label}</button>\n</form>"
    );
    page::document(StatusCode::OK, title, &body)
}

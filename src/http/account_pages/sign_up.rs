//! Asking for an account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{done, shown};
use crate::access::{Permit, action};
use crate::error::{Error, Kind, Result};
use crate::forge::registrations;
use crate::http::App;
use crate::http::extract::form::Fields;
use crate::http::extract::{Form, Visitor};
use crate::http::page::{self, escape};
use crate::model::{Email, NewRegistration, UserName};

/// Longest part of an answer that repeats what was typed. Units: characters.
const MAX_REPEATED: usize = 254;

/// `signUpForm`.
pub(super) async fn form(State(app): State<App>, Visitor(caller): Visitor) -> Response {
    let answer = async {
        app.forge.authorize(&caller, action::Register, &()).await?;
        check_open(&app)?;
        Ok(empty_form(&app, StatusCode::OK, None, &Fields::default()))
    };
    shown(answer.await)
}

/// `signUp`.
pub(super) async fn sign_up(State(app): State<App>, Visitor(caller): Visitor, form: Form) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::Register, &()).await?;
        check_open(&app)?;
        let fields = form.read(&app, &permit).await?;
        match register(&app, permit, &fields).await {
            Ok(email) => Ok(look_into_your_mail(&app, &email)),
            Err(error) if error.kind() == Kind::Invalid => {
                Ok(empty_form(&app, error.kind().status(), Some(&error), &fields))
            }
            Err(error) => Err(error),
        }
    };
    shown(answer.await)
}

fn check_open(app: &App) -> Result<()> {
    let closed = || Error::forbidden("Registration is closed: ask an administrator for an account.");
    if registrations::is_open(&app.forge) { Ok(()) } else { Err(closed()) }
}

async fn register(app: &App, permit: Permit<action::Register>, fields: &Fields) -> Result<Email> {
    let name = UserName::new(fields.text("user_name").trim())?;
    let email = Email::new(fields.text("email").trim())?;
    let password = fields.text("password");
    if password != fields.text("retype") {
        return Err(Error::invalid("retype", "The two passwords are not the same."));
    }
    let new = NewRegistration { name, email: email.clone(), password: password.to_owned() };
    registrations::register(&app.forge, permit, new).await?;
    Ok(email)
}

fn empty_form(app: &App, status: StatusCode, refusal: Option<&Error>, fields: &Fields) -> Response {
    let refusal = refusal.map_or_else(String::new, |error| {
        format!("<p class=\"refusal\" role=\"alert\">{}</p>\n", escape(error.public()))
    });
    let typed = |name: &str| escape(&fields.text(name).chars().take(MAX_REPEATED).collect::<String>());
    let (name, email) = (typed("user_name"), typed("email"));
    let least = app.config.security.min_password_length;
    let domains = match app.config.security.registration_domains.as_slice() {
        [] => String::new(),
        domains => format!("<small>Only addresses of: {}.</small>\n", escape(&domains.join(", "))),
    };
    let body = format!(
        "{refusal}<form method=\"post\" action=\"sign_up\">\n\
         <label for=\"user_name\">Login name</label>\n\
         <input id=\"user_name\" name=\"user_name\" value=\"{name}\" required maxlength=\"40\" autocomplete=\"username\" \
         autocapitalize=\"none\" spellcheck=\"false\">\n\
         <small>Letters, digits, and - _ . between them.</small>\n\
         <label for=\"email\">E-mail address</label>\n\
         <input id=\"email\" name=\"email\" type=\"email\" value=\"{email}\" required maxlength=\"254\" autocomplete=\"email\">\n\
         <small>You get a mail with a link; the account is made when you have opened it.</small>\n{domains}\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" required minlength=\"{least}\" autocomplete=\"new-password\">\n\
         <small>At least {least} characters.</small>\n\
         <label for=\"retype\">The password again</label>\n\
         <input id=\"retype\" name=\"retype\" type=\"password\" required autocomplete=\"new-password\">\n\
         <button>Ask for the account</button>\n</form>"
    );
    page::document(status, "Make an account", &body)
}

/// The same whatever is known of the address.
fn look_into_your_mail(app: &App, email: &Email) -> Response {
    let hours = app.config.security.confirmation_hours;
    let body = format!(
        "<p>A mail is on its way to <strong>{}</strong>. Open the link in it within {hours} hours, and confirm there.</p>\n\
         <p>If nothing comes, look into the folder for unwanted mail, or try again in an hour.</p>",
        escape(email.as_str())
    );
    done("Look into your mail", &body)
}

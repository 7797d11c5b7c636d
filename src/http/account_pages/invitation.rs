//! The page that the link of an invitation opens: who invites to what, and forms to accept with an account, to make one, or to decline.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::confirm::code_of;
use super::{done, shown};
use crate::access::{Caller, Presented, action};
use crate::error::{Error, Kind, Result};
use crate::forge::invitations::{self, Newcomer, Which};
use crate::http::App;
use crate::http::extract::form::Fields;
use crate::http::extract::{Form, Visitor};
use crate::http::page::{self, escape};
use crate::model::{Invitation, UserName};

/// Longest part of an answer that repeats what was typed. Units: characters.
const MAX_REPEATED: usize = 254;

/// `invitationForm`.
pub(super) async fn form(State(app): State<App>, Visitor(caller): Visitor, uri: Uri) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::FollowInvitation, &()).await?;
        let code = code_of(&uri);
        let found = invitations::find_invitation(&app.forge, &permit, &code).await?;
        Ok(whole(&app, &found, &code, None, &Fields::default()))
    };
    shown(answer.await)
}

/// `acceptInvitation`.
pub(super) async fn accept(State(app): State<App>, Visitor(caller): Visitor, form: Form) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::FollowInvitation, &()).await?;
        let fields = form.read(&app, &permit).await?;
        let code = fields.text("code");
        // Before a password is looked at: nobody tries out passwords here without a link.
        let found = invitations::find_invitation(&app.forge, &permit, code).await?;
        let member = match signed_in(&app, &caller, &fields).await {
            Err(error) if matches!(error.kind(), Kind::Unauthenticated | Kind::Invalid) => {
                let words = "This name and this password do not belong together.";
                return Ok(whole(&app, &found, code, Some(words), &fields));
            }
            other => other?,
        };
        let permit = app.forge.authorize(&member, action::AnswerInvitation, &()).await?;
        let found = invitations::accept(&app.forge, permit, Which::Code(code.to_owned())).await?;
        Ok(welcome(&found, fields.text("login").trim()))
    };
    shown(answer.await)
}

async fn signed_in(app: &App, visitor: &Caller, fields: &Fields) -> Result<Caller> {
    // A name holds no colon, so the pair comes apart as it was put together.
    let name = UserName::parse(fields.text("login").trim())?;
    let pair = STANDARD.encode(format!("{}:{}", name.as_str(), fields.text("current_password")));
    let header = format!("Basic {pair}");
    let presented = Presented { authorization: Some(&header), query_token: None, origin: visitor.origin().clone() };
    app.forge.identify(presented).await
}

/// `registerInvited`.
pub(super) async fn register(State(app): State<App>, Visitor(caller): Visitor, form: Form) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::FollowInvitation, &()).await?;
        let fields = form.read(&app, &permit).await?;
        let code = fields.text("code");
        let found = invitations::find_invitation(&app.forge, &permit, code).await?;
        let made = async {
            let new = newcomer(&fields)?;
            invitations::register(&app.forge, permit, code, new).await
        };
        match made.await {
            Ok((user, found)) => Ok(welcome(&found, user.name.as_str())),
            Err(error) if error.kind() == Kind::Invalid => Ok(whole(&app, &found, code, Some(error.public()), &fields)),
            Err(error) => Err(error),
        }
    };
    shown(answer.await)
}

fn newcomer(fields: &Fields) -> Result<Newcomer> {
    let name = UserName::new(fields.text("user_name").trim())?;
    let password = fields.text("password");
    if password != fields.text("retype") {
        return Err(Error::invalid("retype", "The two passwords are not the same."));
    }
    Ok(Newcomer { name, password: password.to_owned() })
}

/// `declineInvitation`.
pub(super) async fn decline(State(app): State<App>, Visitor(caller): Visitor, form: Form) -> Response {
    let answer = async {
        let permit = app.forge.authorize(&caller, action::FollowInvitation, &()).await?;
        let fields = form.read(&app, &permit).await?;
        invitations::decline_by_link(&app.forge, permit, fields.text("code")).await?;
        Ok(done("Declined", "<p>The invitation is worth nothing any more. You can close this page.</p>"))
    };
    shown(answer.await)
}

fn welcome(found: &Invitation, name: &str) -> Response {
    let body = format!(
        "<p>The account <strong>{}</strong> is now in the team <strong>{}</strong> of <strong>{}</strong>.</p>",
        escape(name),
        escape(&found.team),
        escape(&found.organization)
    );
    done("Welcome", &body)
}

/// The page; it looks alike whether the address has an account or not. Forms stand beside it, so that their addresses are right behind every proxy.
fn whole(app: &App, found: &Invitation, code: &str, refusal: Option<&str>, fields: &Fields) -> Response {
    let status = if refusal.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let refusal = refusal
        .map_or_else(String::new, |words| format!("<p class=\"refusal\" role=\"alert\">{}</p>\n", escape(words)));
    let typed = |name: &str| escape(&fields.text(name).chars().take(MAX_REPEATED).collect::<String>());
    let (login, user_name, email) = (typed("login"), typed("user_name"), escape(found.email.as_str()));
    let (inviter, team) = (escape(&found.inviter), escape(&found.team));
    let hidden = format!("<input type=\"hidden\" name=\"code\" value=\"{}\">", escape(code));
    let least = app.config.security.min_password_length;
    let newcomer = if invitations::may_register(&app.forge.settings.registration, found) {
        format!(
            "<h2>Without an account here</h2>\n<form method=\"post\" action=\"invite_register\">\n{hidden}\n\
             <p>This makes an account with the address <strong>{email}</strong>, which needs no other confirmation.</p>\n\
             <label for=\"user_name\">Login name</label>\n\
             <input id=\"user_name\" name=\"user_name\" value=\"{user_name}\" required maxlength=\"40\" autocomplete=\"username\" \
             autocapitalize=\"none\" spellcheck=\"false\">\n<small>Letters, digits, and - _ . between them.</small>\n\
             <label for=\"password\">Password</label>\n\
             <input id=\"password\" name=\"password\" type=\"password\" required minlength=\"{least}\" autocomplete=\"new-password\">\n\
             <small>At least {least} characters.</small>\n\
             <label for=\"retype\">The password again</label>\n\
             <input id=\"retype\" name=\"retype\" type=\"password\" required autocomplete=\"new-password\">\n\
             <button>Make the account and accept</button>\n</form>\n"
        )
    } else {
        "<p>Without an account here, ask an administrator for one with this address, then open the link again.</p>\n"
            .to_owned()
    };
    let body = format!(
        "{refusal}<p><strong>{inviter}</strong> invites <strong>{email}</strong> to join the team <strong>{team}</strong>.</p>\n\
         <h2>With an account here</h2>\n<form method=\"post\" action=\"invite\">\n{hidden}\n\
         <p>It must have confirmed the address <strong>{email}</strong>.</p>\n\
         <label for=\"login\">Login name</label>\n\
         <input id=\"login\" name=\"login\" value=\"{login}\" required maxlength=\"40\" autocomplete=\"username\" \
         autocapitalize=\"none\" spellcheck=\"false\">\n\
         <label for=\"current_password\">Password</label>\n\
         <input id=\"current_password\" name=\"current_password\" type=\"password\" required autocomplete=\"current-password\">\n\
         <button>Accept</button>\n</form>\n{newcomer}\
         <h2>Not for you?</h2>\n<form method=\"post\" action=\"invite_decline\">\n{hidden}\n<button>Decline</button>\n</form>"
    );
    page::document(status, &format!("Join {}", found.organization), &body)
}

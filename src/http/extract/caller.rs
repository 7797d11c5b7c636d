//! Who calls: credentials out of the request, a [`Caller`] out of `access`.
//!
//! Owns where credentials may stand in a request. Whether they are good is decided in `access`; a request with bad
//! ones is refused even where none are needed, as Gitea does. Pages that are for everybody take a [`Visitor`], who shows none.

use axum::extract::{FromRequestParts, Query};
use axum::http::header;
use axum::http::request::Parts;

use crate::access::{Caller, Origin, Presented};
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::middleware::context::RequestContext;
use crate::http::router::Group;
use crate::model::UserName;

/// Most characters of a client's name for itself that are kept.
const USER_AGENT_MAX_CHARS: usize = 256;

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let context = RequestContext::of(&parts.extensions).cloned();
        let query = if parts.uri.query().is_some_and(may_name_credentials) {
            Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default()
        } else {
            Vec::new()
        };
        let find = |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let text = |name: &str| text_of(parts, name);
        // A header that is not text cannot be a credential, but it was meant as one: it must not pass for none.
        let authorization =
            parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or("unreadable"));
        let presented = Presented {
            authorization,
            query_token: find("token").or_else(|| find("access_token")),
            origin: origin_of(parts),
        };
        let mut caller = app.forge.identify(presented).await?;
        let is_api =
            context.as_ref().and_then(|context| context.route()).is_some_and(|route| route.group == Group::Api);
        if is_api && let Some(name) = find("sudo").or_else(|| text("sudo")).filter(|name| !name.is_empty()) {
            let name = UserName::parse(name).map_err(|_| Error::not_found())?;
            caller = app.forge.sudo(caller, &name).await?;
        }
        if let Some(context) = context {
            if caller.used_query_token() {
                context.note_query_token();
            }
            if let Some(user) = caller.sudo_doer().or_else(|| caller.user()) {
                context.set_login(user.name.as_str());
            }
        }
        Ok(caller)
    }
}

/// Whoever looks at a page that is the same for everybody: credentials that a browser remembers are not looked at.
#[derive(Debug)]
pub struct Visitor(pub Caller);

impl FromRequestParts<App> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        Ok(Self(Caller::anonymous(origin_of(parts))))
    }
}

fn text_of<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

fn origin_of(parts: &Parts) -> Origin {
    let context = RequestContext::of(&parts.extensions);
    Origin {
        source_ip: context.map(|context| context.client_ip()),
        user_agent: text_of(parts, "user-agent").map(|agent| agent.chars().take(USER_AGENT_MAX_CHARS).collect()),
        request_id: context.map(|context| context.id().to_string()).unwrap_or_default(),
    }
}

/// Whether a raw query string may hold what is looked for: most do not, and are not taken apart.
fn may_name_credentials(query: &str) -> bool {
    // Anything may hide behind an escape.
    query.contains("token") || query.contains("sudo") || query.contains(['%', '+'])
}

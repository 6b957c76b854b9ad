//! Who calls: the extractor that makes a route private by its presence.
//!
//! Refuses tokens anywhere but in the `Authorization` header, and those of machines where a person has
//! to be.

use super::App;
use super::origin::From;
use super::problem::Problem;
use crate::auth::{Origin, Pass, Session};
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use model::user::Action;
use std::sync::Arc;

/// An authenticated caller.
pub(crate) struct Caller {
    pub(crate) pass: Pass,
    pub(crate) origin: Origin,
}

impl Caller {
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.pass.session
    }

    /// Goes on only if the caller's role permits the action.
    pub(crate) fn may(&self, action: Action) -> Result<(), Problem> {
        if self.pass.session.may(action) {
            return Ok(());
        }
        let role = self.pass.session.role().word();
        Err(Problem::forbidden(&format!("the role {role} does not permit this")))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION);
        let missing = || Problem::unauthenticated("give an access token: Authorization: Bearer …");
        let text = header.ok_or_else(missing)?.to_str().map_err(|_| missing())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        let pass = app.auth.verify(token.trim()).await?;
        let Ok(From(origin)) = From::from_request_parts(parts, app).await;
        Ok(Self { pass, origin })
    }
}

/// A caller who logged in: what a machine's token, which may be left lying about, must not do.
pub(crate) struct Person(pub(crate) Caller);

impl FromRequestParts<App> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.session().api_token().is_none() {
            return Ok(Self(caller));
        }
        Err(Problem::forbidden("an API token does not permit this: log in"))
    }
}

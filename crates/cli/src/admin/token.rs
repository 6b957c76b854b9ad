//! `fleetwire admin token`: tokens of machines, made and revoked in the store itself.
//!
//! Refuses to show a token again: what is lost is made anew.

use crate::args::{NewToken, TokenVerb};
use crate::output;
use crate::registry::deed;
use anyhow::{Context, bail};
use model::command::later;
use model::id::{FleetId, SessionId};
use secrecy::ExposeSecret;
use server::auth::{ApiToken, TokenBounds, TokenOwner, TokenWish, revoke_token};
use server::config::Config;
use std::time::Duration;
use store::{Sight, Store, Token, User};

pub(super) async fn perform(store: &Store, config: &Config, verb: TokenVerb) -> anyhow::Result<()> {
    match verb {
        TokenVerb::Add(new) => add(store, config, new).await,
        TokenVerb::Ls { user } => list(store, &user).await,
        TokenVerb::Rm { id } => remove(store, id).await,
    }
}

async fn add(store: &Store, config: &Config, new: NewToken) -> anyhow::Result<()> {
    let user = user(store, &new.user).await?;
    let granted_to = (!user.role.sees_all_fleets()).then_some(user.user_id);
    let sight = Sight { granted_to, confined_by: None };
    let owner = TokenOwner { user_id: user.user_id, role: user.role, sight, issuer: None };
    let fleets = fleets(store, sight, &new.fleets).await?;
    let life = Duration::from_hours(24) * u32::from(new.days);
    let wish = TokenWish {
        name: new.name,
        role: new.role,
        fleets: (!fleets.is_empty()).then_some(fleets),
        expires_at: later(store.now(), life),
    };
    let bounds = TokenBounds::from(&config.auth);
    let made = |object, details| store::AuditEntry {
        details: Some(details),
        ..deed("authn_token_created", object)
    };
    let token = ApiToken::issue(store, bounds, owner, wish, made).await.context("the token")?;
    output::show(&format!("{}\n", token.secret.expose_secret()))
}

async fn user(store: &Store, name: &str) -> anyhow::Result<User> {
    store.user_named(name).await?.with_context(|| format!("there is no user {name:?}"))
}

/// The fleets of those names, of those that the owner sees.
async fn fleets(store: &Store, sight: Sight, names: &[String]) -> anyhow::Result<Vec<FleetId>> {
    let seen = store.fleets(sight).await?;
    let find = |name: &String| {
        let found = seen.iter().find(|fleet| fleet.name == *name).map(|fleet| fleet.fleet_id);
        found.with_context(|| format!("its owner sees no fleet {name:?}"))
    };
    names.iter().map(find).collect()
}

async fn list(store: &Store, name: &str) -> anyhow::Result<()> {
    let user = user(store, name).await?;
    let tokens = store.tokens(user.user_id).await?;
    output::show(&tokens.iter().map(line).collect::<String>())
}

fn line(token: &Token) -> String {
    let used = token.last_used_at.map_or_else(|| "never used".into(), |at| at.to_string());
    let Token { session_id, role, expires_at, name, .. } = token;
    format!("{session_id}\t{}\t{expires_at}\t{used}\t{name}\n", role.word())
}

async fn remove(store: &Store, id: SessionId) -> anyhow::Result<()> {
    if revoke_token(store, id, None, |object| deed("authn_token_revoked", object)).await? {
        return Ok(());
    }
    bail!("there is no token {id}")
}

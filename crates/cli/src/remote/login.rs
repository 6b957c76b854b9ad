//! Logging in and out.
//!
//! Refuses to keep a password: what is kept is what renews the login.

use super::access::{address, credentials};
use super::credentials::Keeper;
use super::failure::Failure;
use super::http::Http;
use super::said::word;
use super::{Login, prompt};
use reqwest::Method;
use serde_json::json;

/// Logs in, and keeps the login instead of the one before.
pub(super) async fn login(args: Login) -> Result<(), Failure> {
    let http = Http::new(args.server)?;
    let username = match args.username {
        Some(username) => username,
        None => prompt::text("Username")?,
    };
    let password = if args.password_stdin { prompt::line()? } else { prompt::secret("Password")? };
    let body = json!({ "username": username, "password": password });
    let answer = http.send(http.request(Method::POST, "/api/v1/auth/login")?.json(&body)).await?;
    Keeper::open()?.write(&credentials(http.server(), &answer)?)?;
    eprintln!("logged in to {} as {username}", http.server());
    Ok(())
}

/// Ends the login at the server, and forgets it in any case.
pub(super) async fn logout() -> Result<(), Failure> {
    let keeper = Keeper::open()?;
    let Some(kept) = keeper.read()? else {
        eprintln!("nobody is logged in");
        return Ok(());
    };
    keeper.clear()?;
    let http = Http::new(address(&kept.server)?)?;
    // Whose access token has ended gets one more, to end the login with.
    let body = json!({ "refresh_token": kept.refresh_token });
    let renewed =
        http.send(http.request(Method::POST, "/api/v1/auth/refresh")?.json(&body)).await?;
    let token = word(&renewed, "access_token");
    http.send(http.request(Method::POST, "/api/v1/auth/logout")?.bearer_auth(token)).await?;
    eprintln!("logged out of {}", http.server());
    Ok(())
}

//! Wrong logins of users who are there and of users who are not: nobody may tell them apart by time.
//!
//! Refuses to try anybody twice: whoever guesses again is slowed down, and that is not the question.

use crate::installation::{Installation, client};
use crate::record::median;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{Client, PASSWORD};

/// How far the medians may be apart.
const APART: f64 = 0.15;

/// What is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Setting {
    /// Logins of each kind in a round.
    #[arg(long, default_value_t = 100)]
    logins: u16,
    /// How often it is measured.
    #[arg(long, default_value_t = 5)]
    rounds: u16,
}

/// Measures, and prints a table.
pub(crate) async fn run(setting: Setting) {
    let proxies = ("FLEETWIRE_TRUSTED_PROXIES", "127.0.0.1".to_owned());
    let files = Installation::new(vec![proxies]);
    files.add_user();
    let (mut server, address) = files.serve(None);
    let admin = client(address).await;
    let anybody = Client::anonymous(&format!("http://{address}"));
    println!("| round | known, ms | unknown, ms | apart |\n|---|---|---|---|");
    let mut all = Vec::new();
    for round in 0..setting.rounds {
        let [known, unknown] = medians(&admin, &anybody, round, setting.logins).await;
        let apart = (unknown / known - 1.0).abs();
        println!("| {round} | {known:.2} | {unknown:.2} | {:.1} % |", apart * 100.0);
        all.push(apart);
    }
    let apart = median(&all);
    let verdict = if apart <= APART { "within" } else { "NOT within" };
    println!("\n{:.1} % apart, {verdict} {:.0} %", apart * 100.0, APART * 100.0);
    server.terminate();
    server.wait(Duration::from_secs(10));
}

/// The milliseconds of either kind, which take turns.
async fn medians(admin: &Client, anybody: &Client, round: u16, logins: u16) -> [f64; 2] {
    let [mut known, mut unknown] = [const { Vec::new() }; 2];
    for login in 0..logins {
        let name = format!("known-{round}-{login}");
        let user = json!({ "username": name, "password": PASSWORD, "role": "viewer" });
        let added = admin.post("/api/v1/users", user).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.json);
        let address = format!("10.{round}.{}.{}", login >> 8, login & 0xff);
        known.push(refused(anybody, &name, &address).await);
        unknown.push(refused(anybody, &format!("nobody-{round}-{login}"), &address).await);
    }
    [median(&known), median(&unknown)]
}

/// How long a wrong password takes, in milliseconds.
async fn refused(anybody: &Client, username: &str, address: &str) -> f64 {
    let body = json!({ "username": username, "password": "no password of anybody" });
    let begun = Instant::now();
    let headers = [("x-forwarded-for", address)];
    let reply = anybody.send(Method::POST, "/api/v1/auth/login", Some(body), &headers).await;
    let took = begun.elapsed();
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.json);
    took.as_secs_f64() * 1000.0
}

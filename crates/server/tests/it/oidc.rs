//! Sign-in by OpenID Connect, with a provider that can be told to lie.

use crate::on_both;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client as Http, Method, Response, StatusCode, redirect};
use serde_json::{Map, Value, json};
use std::os::unix::fs::PermissionsExt;
use testkit::issuer::{CLIENT_ID, CLIENT_SECRET, Conduct, Kind};
use testkit::{Backend, Client, Issuer, IssuerKey, PASSWORD, Platform};

mod attacks;

on_both! {
    somebody_whom_the_provider_knows_gets_a_session_and_a_user
    the_role_follows_the_claim_at_each_login
    a_user_of_that_name_is_not_taken_over
    who_is_disabled_stays_out
}

const PUBLIC: &str = "http://127.0.0.1:1";
const START: &str = "/auth/oidc/start";

/// A platform whose people may come by a provider.
struct Bench {
    p: Platform,
    issuer: Issuer,
    _secret: tempfile::TempDir,
}

/// A browser: it keeps cookies, and says where it was sent.
#[derive(Default)]
struct Browser {
    http: Http,
    sign_in: Option<String>,
    session: Option<String>,
}

impl Bench {
    async fn start() -> Self {
        Self::start_on(Backend::Sqlite, Kind::Ed25519).await
    }

    async fn start_on(backend: Backend, kind: Kind) -> Self {
        Self::start_with(backend, kind, &[]).await
    }

    async fn start_with(backend: Backend, kind: Kind, others: &[(&str, &str)]) -> Self {
        let issuer = Issuer::start(kind);
        let secret = tempfile::tempdir().unwrap();
        let path = secret.path().join("secret");
        std::fs::write(&path, CLIENT_SECRET).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let path = path.display().to_string();
        let mut settings = vec![
            ("oidc.issuer", issuer.url()),
            ("oidc.client_id", CLIENT_ID),
            ("oidc.client_secret_file", &path),
            ("oidc.public_url", PUBLIC),
            ("oidc.name", "Example Motors"),
            ("oidc.role_claim", "groups"),
            ("oidc.roles", "bench=engineer,leads=senior,watch=viewer"),
        ];
        settings.extend(others);
        let p = Platform::start_with(backend, &settings).await;
        Self { p, issuer, _secret: secret }
    }

    /// Behaves otherwise from now on.
    fn claims(&self, claims: Value) {
        self.issuer.conduct(Conduct { claims: object(claims), ..Conduct::default() });
    }

    /// Signs in and says where that led to.
    async fn sign_in(&self) -> String {
        Browser::new().sign_in(self).await
    }

    async fn deeds(&self, event: &str) -> Vec<Value> {
        let admin = self.p.admin().await;
        let reply = admin.get(&format!("/api/v1/audit?event={event}")).await;
        reply.json["entries"].as_array().unwrap().clone()
    }
}

impl Browser {
    fn new() -> Self {
        let http = Http::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { http, ..Self::default() }
    }

    /// Goes to a page, with the cookie of a sign-in if there is one; answers where it is sent.
    async fn go(&mut self, url: &str) -> String {
        let mut request = self.http.get(url);
        if let Some(cookie) = &self.sign_in {
            request = request.header(COOKIE, cookie);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FOUND, "{url}");
        self.keep(&answer);
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    fn keep(&mut self, answer: &Response) {
        for set in answer.headers().get_all(SET_COOKIE) {
            let set = set.to_str().unwrap();
            let pair = set.split(';').next().unwrap().to_owned();
            if pair.starts_with("__Host-fleetwire=") {
                assert!(set.contains("HttpOnly; SameSite=Strict"), "{set}");
                self.session = Some(pair);
            } else {
                assert!(set.contains("Secure; HttpOnly; SameSite=Lax"), "{set}");
                self.sign_in = Some(pair).filter(|pair| !pair.ends_with('='));
            }
        }
    }

    /// As far as to the address that the provider sends it back to.
    async fn ask(&mut self, bench: &Bench) -> String {
        let page = self.go(&format!("{}{START}?next=/runs", bench.p.url())).await;
        let back = self.go(&page).await;
        back.replacen(PUBLIC, bench.p.url(), 1)
    }

    async fn sign_in(&mut self, bench: &Bench) -> String {
        let back = self.ask(bench).await;
        self.go(&back).await
    }

    /// What a page of the console does then.
    async fn client(&self, bench: &Bench) -> Client {
        let own = bench.p.url();
        let headers = [(COOKIE.as_str(), self.session.as_deref().unwrap()), (ORIGIN.as_str(), own)];
        let nobody = Client::anonymous(own);
        let reply =
            nobody.send(Method::POST, "/api/v1/auth/refresh", Some(json!({})), &headers).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json);
        nobody.with_token(reply.json["access_token"].as_str().unwrap())
    }
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value} is no object") };
    object
}

async fn somebody_whom_the_provider_knows_gets_a_session_and_a_user(backend: Backend) {
    let bench = Bench::start_on(backend, Kind::Rsa).await;
    let mut browser = Browser::new();
    assert_eq!(browser.sign_in(&bench).await, "/login?sso=in&next=%2Fruns");
    assert_eq!(browser.sign_in, None, "the sign-in is over");
    let me = browser.client(&bench).await.get("/api/v1/auth/me").await.json;
    let shown = [&me["username"], &me["role"], &me["email"]];
    assert_eq!(shown, ["ada", "engineer", "ada@example.org"]);
    let mut again = Browser::new();
    again.sign_in(&bench).await;
    let same = again.client(&bench).await.get("/api/v1/auth/me").await.json;
    assert_eq!(same["user_id"], me["user_id"]);
    let logins = bench.deeds("authn_login_success").await;
    let by_oidc = logins.iter().filter(|deed| deed["details"]["method"] == "oidc");
    assert_eq!(by_oidc.clone().count(), 2);
    assert!(by_oidc.into_iter().all(|deed| deed["actor"] == "ada"));
    let created = bench.deeds("user_created").await;
    assert_eq!(created.iter().filter(|deed| deed["actor"] == "ada").count(), 1);
}

async fn the_role_follows_the_claim_at_each_login(backend: Backend) {
    let bench = Bench::start_on(backend, Kind::P256).await;
    let mut browser = Browser::new();
    browser.sign_in(&bench).await;
    let before = browser.client(&bench).await;
    bench.claims(json!({ "groups": ["watch", "leads"], "preferred_username": "countess" }));
    bench.sign_in().await;
    testkit::eventually("the new role", async || {
        before.get("/api/v1/auth/me").await.json["role"] == "senior"
    })
    .await;
    assert_eq!(before.get("/api/v1/auth/me").await.json["username"], "ada", "a name stays");
    let change = &bench.deeds("authz_change").await[0];
    assert_eq!(change["actor"], "ada");
    assert_eq!(change["details"], json!({ "method": "oidc", "role": "senior", "was": "engineer" }));
    bench.sign_in().await;
    assert_eq!(bench.deeds("authz_change").await.len(), 1, "nothing has changed");
}

async fn a_user_of_that_name_is_not_taken_over(backend: Backend) {
    let bench = Bench::start_on(backend, Kind::Ed25519).await;
    let engineer = bench.p.engineer().await;
    bench.claims(json!({ "preferred_username": "engineer" }));
    let mut browser = Browser::new();
    assert_eq!(browser.sign_in(&bench).await, "/login?problem=sso-name-taken");
    assert_eq!((browser.session, browser.sign_in), (None, None));
    let refused = &bench.deeds("authn_login_fail").await[0];
    assert_eq!(
        (&refused["object"], &refused["actor"]),
        (&json!("user/engineer"), &json!("unknown"))
    );
    assert_eq!(refused["details"]["subject"], "subject-1");
    assert_eq!(engineer.get("/api/v1/auth/me").await.status, StatusCode::OK);
    Client::login(bench.p.url(), "engineer", PASSWORD).await;
}

async fn who_is_disabled_stays_out(backend: Backend) {
    let bench = Bench::start_on(backend, Kind::Ed25519).await;
    let mut browser = Browser::new();
    browser.sign_in(&bench).await;
    let ada = browser.client(&bench).await;
    let me = ada.get("/api/v1/auth/me").await.json;
    let admin = bench.p.admin().await;
    let path = format!("/api/v1/users/{}", me["user_id"].as_str().unwrap());
    assert_eq!(admin.send(Method::DELETE, &path, None, &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.sign_in().await, "/login?problem=sso-disabled");
    testkit::eventually("the end", async || ada.get("/api/v1/auth/me").await.status == 401).await;
}

#[tokio::test]
async fn whoever_comes_by_a_provider_has_no_password() {
    let bench = Bench::start().await;
    let mut browser = Browser::new();
    browser.sign_in(&bench).await;
    let nobody = bench.p.nobody();
    for password in ["", PASSWORD] {
        let body = json!({ "username": "ada", "password": password });
        let reply = nobody.post("/api/v1/auth/login", body).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.json);
    }
    let me = browser.client(&bench).await.get("/api/v1/auth/me").await.json;
    let path = format!("/api/v1/users/{}", me["user_id"].as_str().unwrap());
    let admin = bench.p.admin().await;
    let change = Some(json!({ "password": "another long password" }));
    let reply = admin.send(Method::PATCH, &path, change, &[]).await;
    assert_eq!(reply.status, StatusCode::CONFLICT, "{}", reply.json);
    assert_eq!(reply.json["type"], "/problems/single-sign-on");
}

#[tokio::test]
async fn without_a_mapped_role_nobody_comes_in_unless_there_is_one_for_them() {
    let strict = Bench::start().await;
    let lenient =
        Bench::start_with(Backend::Sqlite, Kind::Ed25519, &[("oidc.default_role", "viewer")]).await;
    for (bench, led_to) in
        [(&strict, "/login?problem=sso-no-role"), (&lenient, "/login?sso=in&next=%2Fruns")]
    {
        bench.claims(json!({ "groups": ["canteen"] }));
        assert_eq!(bench.sign_in().await, led_to);
    }
    strict.claims(json!({ "preferred_username": "Ada Lovelace", "email": null }));
    assert_eq!(strict.sign_in().await, "/login?problem=sso-no-name");
    let metric = strict.p.nobody().text("/metrics").await;
    assert!(metric.contains(r#"reason="oidc""#), "{metric}");
    assert!(strict.deeds("authn_login_fail").await.is_empty());
}

#[tokio::test]
async fn the_console_learns_how_people_sign_in() {
    let (bench, plain) = (Bench::start().await, Platform::start().await);
    let offer = async |p: &Platform| p.nobody().get("/api/v1/auth/oidc").await.json;
    let offered = json!({ "is_offered": true, "name": "Example Motors", "start": START });
    assert_eq!(offer(&bench.p).await, offered);
    assert_eq!(offer(&plain).await, json!({ "is_offered": false }));
    assert_eq!(plain.nobody().get(START).await.status, StatusCode::NOT_FOUND);
}

//! Every way to come in by lying that is known to have worked somewhere: each leads back to the
//! sign-in page with its code, and to no session.

use super::*;
use std::time::Duration;

on_both! {
    a_code_is_good_once
}

/// What a lie leads to, and that it gives nothing.
#[track_caller]
fn refused(browser: &Browser, led_to: &str, code: &str) {
    assert_eq!(led_to, format!("/login?problem={code}"));
    assert_eq!(browser.session, None);
}

async fn refused_with(bench: &Bench, conduct: Conduct, code: &str) {
    bench.issuer.conduct(conduct);
    let mut browser = Browser::new();
    let led_to = browser.sign_in(bench).await;
    refused(&browser, &led_to, code);
}

fn saying(claims: Value) -> Conduct {
    Conduct { claims: object(claims), ..Conduct::default() }
}

fn headed(header: Value) -> Conduct {
    Conduct { header: object(header), ..Conduct::default() }
}

#[tokio::test]
async fn a_token_that_says_the_wrong_thing_opens_nothing() {
    let bench = Bench::start().await;
    for claims in [
        json!({ "iss": "https://evil.example" }),
        json!({ "iss": format!("{}/", bench.issuer.url()) }),
        json!({ "aud": "another-client" }),
        json!({ "aud": [CLIENT_ID, "another-client"] }),
        json!({ "aud": [CLIENT_ID, "another-client"], "azp": "another-client" }),
        json!({ "azp": "another-client" }),
        json!({ "nonce": "of another sign-in" }),
        json!({ "nonce": null }),
        json!({ "exp": 1_600_000_000 }),
        json!({ "exp": null }),
        json!({ "exp": "never" }),
        json!({ "iat": 4_000_000_000_u64 }),
        json!({ "iat": null }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "sub": "a\u{0}b" }),
    ] {
        refused_with(&bench, saying(claims), "sso-untrusted").await;
    }
    bench.claims(json!({ "aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID }));
    assert!(bench.sign_in().await.starts_with("/login?sso=in"));
}

#[tokio::test]
async fn a_token_that_its_key_did_not_sign_opens_nothing() {
    for kind in [Kind::Rsa, Kind::P256, Kind::Ed25519] {
        let bench = Bench::start_on(Backend::Sqlite, kind).await;
        let signed_by = |key: IssuerKey| Conduct { signer: Some(key), ..Conduct::default() };
        let own = bench.issuer.key();
        for conduct in [
            headed(json!({ "alg": "none" })),
            headed(json!({ "alg": "NoNe" })),
            headed(json!({ "crit": ["exp"] })),
            headed(json!({ "typ": "at+jwt" })),
            signed_by(own.taken_for_a_secret()),
            // Another issuer may well call its key the same.
            signed_by(IssuerKey::make(kind, "key-1")),
        ] {
            refused_with(&bench, conduct, "sso-untrusted").await;
        }
        let foreign = IssuerKey::make(kind, "key-1");
        let header = object(json!({ "jwk": foreign.published(), "jku": "http://127.0.0.1:1/" }));
        let brought = Conduct { header, ..signed_by(foreign) };
        refused_with(&bench, brought, "sso-untrusted").await;
        assert_eq!(bench.issuer.asked("/keys"), 1, "a wrong signature asks for nothing");
    }
}

#[tokio::test]
async fn a_key_that_is_not_known_is_asked_for_once_a_minute() {
    let bench = Bench::start().await;
    bench.sign_in().await;
    let next = IssuerKey::make(Kind::P256, "key-2");
    bench.issuer.rotate(next.clone());
    assert!(bench.sign_in().await.starts_with("/login?sso=in"), "the keys may have changed");
    assert_eq!(bench.issuer.asked("/keys"), 2);
    let long = "k".repeat(65);
    for name in ["key-1", "key-3", &long] {
        let signer = Some(next.called(name));
        refused_with(&bench, Conduct { signer, ..Conduct::default() }, "sso-untrusted").await;
    }
    assert_eq!(bench.issuer.asked("/keys"), 2);
    assert_eq!(bench.issuer.asked("/.well-known/openid-configuration"), 1);
}

async fn a_code_is_good_once(backend: Backend) {
    let bench = Bench::start_on(backend, Kind::Ed25519).await;
    let mut browser = Browser::new();
    let back = browser.ask(&bench).await;
    let kept = browser.sign_in.clone();
    assert!(browser.go(&back).await.starts_with("/login?sso=in"));
    let mut second = Browser { sign_in: None, ..Browser::new() };
    let led_to = second.go(&back).await;
    refused(&second, &led_to, "sso-expired");
    let mut thief = Browser { sign_in: kept, ..Browser::new() };
    let led_to = thief.go(&back).await;
    refused(&thief, &led_to, "sso-refused");
}

#[tokio::test]
async fn an_answer_counts_in_the_browser_that_asked_and_for_what_it_asked() {
    let bench = Bench::start().await;
    let (mut one, mut other) = (Browser::new(), Browser::new());
    let back = one.ask(&bench).await;
    other.ask(&bench).await;
    let led_to = other.go(&back).await;
    refused(&other, &led_to, "sso-expired");
    let asked = bench.issuer.asked("/token");
    for change in ["state=", "code="] {
        let mut browser = Browser::new();
        let back = browser.ask(&bench).await.replacen(change, "x=", 1);
        let led_to = browser.go(&back).await;
        refused(&browser, &led_to, "sso-expired");
        let mut browser = Browser::new();
        let back = browser.ask(&bench).await;
        let led_to = browser.go(&format!("{back}&{change}twice")).await;
        refused(&browser, &led_to, "sso-expired");
    }
    assert_eq!(bench.issuer.asked("/token"), asked, "nobody is asked about it");
}

#[tokio::test]
async fn an_answer_of_another_provider_is_not_mixed_up() {
    let bench = Bench::start().await;
    let speaking = |iss: Option<&str>, says_so: bool| Conduct {
        iss: iss.map(ToOwned::to_owned),
        discovery: object(json!({ "authorization_response_iss_parameter_supported": says_so })),
        ..Conduct::default()
    };
    refused_with(&bench, speaking(Some("https://evil.example"), true), "sso-untrusted").await;
    refused_with(&bench, speaking(None, true), "sso-untrusted").await;
    assert_eq!(bench.issuer.asked("/token"), 0);
    bench.issuer.conduct(speaking(Some(bench.issuer.url()), true));
    assert!(bench.sign_in().await.starts_with("/login?sso=in"));
}

#[tokio::test]
async fn words_of_the_provider_are_not_repeated() {
    let bench = Bench::start().await;
    for error in ["access_denied", "<script>alert(1)</script>", "x&sso=in"] {
        let conduct = Conduct { error: Some(error.to_owned()), ..Conduct::default() };
        refused_with(&bench, conduct, "sso-refused").await;
    }
}

#[tokio::test]
async fn long_answers_and_redirects_of_a_provider_are_refused() {
    for path in ["/token", "/keys", "/.well-known/openid-configuration"] {
        for is_long in [true, false] {
            let bench = Bench::start().await;
            let (endless, redirected) =
                if is_long { (Some(path), None) } else { (None, Some(path)) };
            bench.issuer.conduct(Conduct { endless, redirected, ..Conduct::default() });
            let mut browser = Browser::new();
            let first = browser.go(&format!("{}{START}", bench.p.url())).await;
            let led_to = if first.starts_with('/') {
                first
            } else {
                let back = browser.go(&first).await.replacen(PUBLIC, bench.p.url(), 1);
                browser.go(&back).await
            };
            refused(&browser, &led_to, "sso-unavailable");
            assert_eq!(bench.issuer.asked("/elsewhere"), 0);
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_somebody_else_or_leads_elsewhere_is_refused() {
    for discovery in [
        json!({ "issuer": "https://evil.example" }),
        json!({ "token_endpoint": "http://id.example/token" }),
        json!({ "jwks_uri": "file:///etc/passwd" }),
        json!({ "authorization_endpoint": "javascript:alert(1)" }),
        json!({ "token_endpoint": null }),
    ] {
        let bench = Bench::start().await;
        let discovery = object(discovery);
        bench.issuer.conduct(Conduct { discovery, ..Conduct::default() });
        let mut browser = Browser::new();
        let led_to = browser.go(&format!("{}{START}", bench.p.url())).await;
        refused(&browser, &led_to, "sso-unavailable");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_waited_for_once_by_all_who_came_meanwhile() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let others = [("oidc.issuer", issuer.as_str())];
    let bench = Bench::start_with(Backend::Sqlite, Kind::Ed25519, &others).await;
    let start = format!("{}{START}", bench.p.url());
    let asked = async {
        let (held, _) = listener.accept().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(held);
        // Whoever asks again is counted, and gets no answer at all.
        std::future::pending::<()>().await;
    };
    let came = async {
        let go = || async { Browser::new().go(&start).await };
        tokio::join!(go(), go(), go())
    };
    let led_to = tokio::select! {
        led_to = came => led_to,
        () = asked => unreachable!("it never ends"),
    };
    let nowhere = || "/login?problem=sso-unavailable".to_owned();
    assert_eq!(led_to, (nowhere(), nowhere(), nowhere()));
    let again = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(again.is_err(), "the provider was asked once for each");
}

#[tokio::test]
async fn a_client_may_have_to_send_its_secret_in_the_form() {
    let bench = Bench::start().await;
    let methods = json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] });
    bench.issuer.conduct(Conduct { discovery: object(methods), ..Conduct::default() });
    assert!(bench.sign_in().await.starts_with("/login?sso=in"));
}

#[tokio::test]
async fn no_page_of_another_site_is_where_somebody_ends_up() {
    let bench = Bench::start().await;
    for next in ["//evil.example", "https://evil.example", "/%5Cevil.example"] {
        let mut browser = Browser::new();
        let page = browser.go(&format!("{}{START}?next={next}", bench.p.url())).await;
        let back = browser.go(&page).await.replacen(PUBLIC, bench.p.url(), 1);
        assert_eq!(browser.go(&back).await, "/login?sso=in");
    }
}

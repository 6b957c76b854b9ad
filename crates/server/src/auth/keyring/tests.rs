//! Access tokens, good ones and every forgery that is known to have worked somewhere.
//!
//! Refuses to forge by our own rules: tokens are put together by hand.

use super::*;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use store::Target;
use tempfile::TempDir;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const LIFE: Duration = Duration::from_mins(15);

/// A ring with a shared secret, and a moment.
struct Bench {
    ring: Keyring,
    now: Timestamp,
    _dir: TempDir,
}

/// What a token is made of.
struct Draft {
    header: Value,
    claims: Value,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open_store(&dir).await;
        let ring = load(&store, 1).await.unwrap();
        Self { ring, now: Timestamp::from_second(1_800_000_000).unwrap(), _dir: dir }
    }

    fn draft(&self) -> Draft {
        let now = seconds(self.now);
        Draft {
            header: json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.ring.kid }),
            claims: json!({
                "iss": "fleetwire", "aud": "fleetwire", "typ": "access",
                "sub": UserId::new(), "sid": SessionId::new(), "jti": "1",
                "iat": now, "nbf": now, "exp": now + 60,
            }),
        }
    }

    fn shared_draft(&self) -> Draft {
        let mut draft = self.draft().without("sid");
        draft.header = json!({ "alg": "HS256", "typ": "JWT" });
        draft
    }

    fn signed(&self, draft: &Draft) -> String {
        sign(draft, Algorithm::EdDSA, &self.ring.signing)
    }

    fn judge(&self, token: &str) -> Result<Verified, VerifyError> {
        self.ring.verify(token, self.now)
    }

    #[track_caller]
    fn refuses(&self, token: &str) {
        assert!(matches!(self.judge(token), Err(VerifyError::Invalid)), "{token}");
    }

    /// Signs the claims with our key, one of them replaced, and expects them to be refused.
    #[track_caller]
    fn refuses_claim(&self, name: &str, value: Value) {
        let token = self.signed(&self.draft().with(name, value));
        self.refuses(&token);
    }
}

impl Draft {
    fn with(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }
}

async fn open_store(dir: &TempDir) -> Store {
    Store::open(&Target::Sqlite(dir.path().join("fleetwire.db"))).await.unwrap()
}

async fn load(store: &Store, master: u8) -> Result<Keyring, OpenError> {
    let secret = SecretString::from(SECRET);
    Keyring::load(store, &MasterKey::from([master; 32]), Some(&secret), LIFE).await
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn sign(draft: &Draft, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = format!("{}.{}", part(&draft.header), part(&draft.claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn shared(draft: &Draft, algorithm: Algorithm, secret: &str) -> String {
    sign(draft, algorithm, &EncodingKey::from_secret(secret.as_bytes()))
}

#[tokio::test]
async fn a_token_of_ours_says_who_and_until_when() {
    let bench = Bench::new().await;
    let (session_id, user_id) = (SessionId::new(), UserId::new());
    let subject = Subject { session_id, user_id, username: "ada", role: Role::Engineer };
    let end = bench.now.checked_add(LIFE).unwrap();
    let token = bench.ring.sign(&subject, bench.now, end).unwrap();
    let verified = bench.judge(token.expose_secret()).unwrap();
    let expected = Verified { basis: Basis::Session(session_id), user_id, expires_at: end };
    assert_eq!(verified, expected);
}

#[tokio::test]
async fn every_claim_is_required() {
    let bench = Bench::new().await;
    assert!(bench.judge(&bench.signed(&bench.draft())).is_ok());
    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "typ"] {
        bench.refuses(&bench.signed(&bench.draft().without(name)));
        bench.refuses_claim(name, Value::Null);
    }
}

#[tokio::test]
async fn a_claim_of_the_wrong_type_or_value_is_refused() {
    let bench = Bench::new().await;
    for name in ["iss", "aud", "sub", "sid", "jti", "typ"] {
        bench.refuses_claim(name, json!(1));
        bench.refuses_claim(name, json!(["fleetwire"]));
    }
    for name in ["iss", "aud"] {
        bench.refuses_claim(name, json!("Fleetwire"));
    }
    for name in ["sub", "sid"] {
        bench.refuses_claim(name, json!("no id"));
        bench.refuses_claim(name, json!(UserId::new().to_string().replace('-', "")));
    }
    bench.refuses_claim("jti", json!(""));
    bench.refuses_claim("role", json!("emperor"));
}

#[tokio::test]
async fn a_time_that_is_no_whole_number_of_seconds_is_refused() {
    let bench = Bench::new().await;
    for name in ["iat", "nbf", "exp"] {
        for odd in ["1800000060", "never"] {
            bench.refuses_claim(name, json!(odd));
        }
        for odd in [json!(-1), json!(1_800_000_060.5), json!(true), json!({}), json!(1e300)] {
            bench.refuses_claim(name, odd);
        }
    }
    for huge in [u64::MAX, u64::MAX / 2, 999_999_999_999_999] {
        bench.refuses_claim("exp", json!(huge));
    }
}

#[tokio::test]
async fn a_claim_given_twice_is_refused() {
    let bench = Bench::new().await;
    let draft = bench.draft();
    let claims = draft.claims.to_string().replacen('{', r#"{"exp":9999999999,"#, 1);
    let message = format!("{}.{}", part(&draft.header), URL_SAFE_NO_PAD.encode(claims));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &bench.ring.signing, Algorithm::EdDSA);
    bench.refuses(&format!("{message}.{}", signature.unwrap()));
}

#[tokio::test]
async fn a_token_ends_at_exp_without_grace() {
    let bench = Bench::new().await;
    let now = seconds(bench.now);
    for (exp, is_over) in [(now - 1, true), (now, true), (now + 1, false)] {
        let judged = bench.judge(&bench.signed(&bench.draft().with("exp", json!(exp))));
        assert_eq!(matches!(judged, Err(VerifyError::Expired)), is_over);
    }
}

#[tokio::test]
async fn a_clock_may_be_half_a_minute_ahead() {
    let bench = Bench::new().await;
    let now = seconds(bench.now);
    for name in ["iat", "nbf"] {
        let ahead = |by: u64| bench.signed(&bench.draft().with(name, json!(now + by)));
        assert!(bench.judge(&ahead(30)).is_ok());
        bench.refuses(&ahead(31));
    }
}

#[tokio::test]
async fn a_token_for_something_else_gives_no_access() {
    let bench = Bench::new().await;
    for kind in ["refresh", "ticket", "vehicle", "setup", "JWT", ""] {
        let judged = bench.judge(&bench.signed(&bench.draft().with("typ", json!(kind))));
        assert!(matches!(judged, Err(VerifyError::WrongKind)), "{kind}");
    }
}

#[tokio::test]
async fn the_key_decides_the_algorithm() {
    let bench = Bench::new().await;
    // The public key, which everybody has, as a secret.
    let public = bench.ring.verifying[&bench.ring.kid].key.try_get_as_bytes().unwrap().to_vec();
    let confused = bench.draft().header("alg", json!("HS256"));
    bench.refuses(&sign(&confused, Algorithm::HS256, &EncodingKey::from_secret(&public)));
    bench.refuses(&shared(&confused, Algorithm::HS256, SECRET));
    // Our own key, for a token without a kid or with the secret's.
    let kidless = Draft { header: json!({ "alg": "EdDSA" }), ..bench.draft() };
    bench.refuses(&bench.signed(&kidless));
    bench.refuses(&bench.signed(&bench.draft().header("kid", json!(SECRET_KID))));
    // The secret, with another algorithm of its family.
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let draft = bench.shared_draft().header("alg", json!(name));
        bench.refuses(&shared(&draft, algorithm, SECRET));
    }
}

#[tokio::test]
async fn no_algorithm_at_all_is_refused_in_any_casing() {
    let bench = Bench::new().await;
    for none in ["none", "None", "NONE", "nOnE", ""] {
        for draft in [bench.draft(), bench.shared_draft()] {
            let draft = draft.header("alg", json!(none));
            let message = format!("{}.{}", part(&draft.header), part(&draft.claims));
            bench.refuses(&format!("{message}."));
            bench.refuses(&message);
        }
    }
}

#[tokio::test]
async fn a_kid_only_chooses_among_our_keys() {
    let bench = Bench::new().await;
    let kid = bench.ring.kid.clone();
    for odd in [
        json!("unknown"),
        json!(""),
        json!(format!("{kid} ")),
        json!(kid.to_uppercase()),
        json!("../../master.key"),
        json!("k".repeat(65)),
        json!("k".repeat(2000)),
        json!(7),
        json!([kid]),
    ] {
        bench.refuses(&bench.signed(&bench.draft().header("kid", odd)));
    }
}

#[tokio::test]
async fn a_token_cannot_bring_its_own_key() {
    let bench = Bench::new().await;
    let pair = Ed25519KeyPair::generate().unwrap();
    let own = EncodingKey::from_ed_der(pair.to_pkcs8().unwrap().as_ref());
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
    let x5c = json!([URL_SAFE_NO_PAD.encode(pair.public_key().as_ref())]);
    let url = json!("http://127.0.0.1:1/keys");
    for (name, value) in [("jwk", jwk), ("jku", url.clone()), ("x5u", url), ("x5c", x5c)] {
        let draft = bench.draft().header(name, value);
        bench.refuses(&sign(&draft, Algorithm::EdDSA, &own));
        // It is ignored, not followed: with our signature the token is good.
        assert!(bench.judge(&bench.signed(&draft)).is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_critical_extension_is_refused() {
    let bench = Bench::new().await;
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!("b64")] {
        let draft = bench.draft().header("crit", crit).header("b64", json!(false));
        bench.refuses(&bench.signed(&draft));
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let bench = Bench::new().await;
    let good = bench.signed(&bench.draft());
    let (message, _) = good.rsplit_once('.').unwrap();
    for odd in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "\0",
        "é.é.é",
        message,
        &format!("{message}."),
        &format!("{good}="),
        &format!("{good}A"),
        &format!("{good}.x"),
        &format!(" {good}"),
        &good.to_lowercase(),
        &"a".repeat(5000),
    ] {
        bench.refuses(odd);
    }
    let long = bench.signed(&bench.draft().with("username", json!("x".repeat(4000))));
    bench.refuses(&long);
}

#[tokio::test]
async fn a_shared_secret_gives_access_with_or_without_a_session() {
    let bench = Bench::new().await;
    let draft = bench.shared_draft();
    let named = bench.shared_draft().header("kid", json!(SECRET_KID));
    for draft in [draft, named] {
        let verified = bench.judge(&shared(&draft, Algorithm::HS256, SECRET)).unwrap();
        assert_eq!(verified.basis, Basis::User(verified.user_id));
    }
    let session_id = SessionId::new();
    let draft = bench.shared_draft().with("sid", json!(session_id));
    let verified = bench.judge(&shared(&draft, Algorithm::HS256, SECRET)).unwrap();
    assert_eq!(verified.basis, Basis::Session(session_id));
    bench.refuses(&shared(&draft, Algorithm::HS256, "another secret of 32 bytes ....."));
}

#[tokio::test]
async fn the_published_keys_are_public_and_ours() {
    let bench = Bench::new().await;
    let published = bench.ring.published();
    let keys = published["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    let names: Vec<&String> = keys[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    // Somebody else's verifier accepts our token by what we publish.
    let key = DecodingKey::from_ed_components(keys[0]["x"].as_str().unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["fleetwire"]);
    let token = bench.signed(&bench.draft());
    assert!(jsonwebtoken::decode::<Value>(&token, &key, &rules).is_ok());
}

#[tokio::test]
async fn nodes_share_their_keys_if_they_share_the_master_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_store(&dir).await;
    let (one, other) = tokio::join!(load(&store, 1), load(&store, 1));
    assert_eq!(one.unwrap().kid, other.unwrap().kid);
    assert!(matches!(load(&store, 2).await, Err(OpenError::WrongMasterKey)));
}

#[tokio::test]
async fn private_keys_are_stored_encrypted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_store(&dir).await;
    let ring = load(&store, 1).await.unwrap();
    let stored = &store.signing_keys(Ring::Tokens).await.unwrap()[0].private_key;
    let clear = ring.signing.as_bytes();
    let seed = &clear[clear.len() - 32..];
    assert!(!stored.windows(32).any(|window| window == seed));
    assert_eq!(stored.len(), clear.len() + 12 + 16);
}

#[tokio::test]
async fn a_retired_key_is_believed_as_long_as_its_last_token_lives() {
    let master = MasterKey::from([1; 32]);
    let mut bench = Bench::new().await;
    let token = bench.signed(&bench.draft().with("exp", json!(seconds(bench.now) + 100_000)));
    let mut retired = master.make_key(bench.now).unwrap();
    (retired.kid, retired.retired_at) = (bench.ring.kid.clone(), Some(bench.now));
    let public = bench.ring.published["keys"][0]["x"].as_str().unwrap();
    retired.public_key = URL_SAFE_NO_PAD.decode(public).unwrap();
    bench.ring.verifying = [verifying(&retired, LIFE)].into();
    assert!(bench.judge(&token).is_ok());
    bench.now = bench.now.checked_add(LIFE).unwrap();
    bench.refuses(&token);
}

#[tokio::test]
async fn a_short_secret_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_store(&dir).await;
    let secret = SecretString::from("31 bytes are not quite enough..");
    let ring = Keyring::load(&store, &MasterKey::from([1; 32]), Some(&secret), LIFE).await;
    assert!(matches!(ring, Err(OpenError::ShortSecret)));
}

#[tokio::test]
async fn a_new_key_signs_when_every_server_has_had_the_time_to_learn_of_it() {
    let master = MasterKey::from([1; 32]);
    let bench = Bench::new().await;
    let old =
        SigningKey { retired_at: bench.now.checked_add(LIFE).ok(), ..key_of(&master, &bench) };
    let new = SigningKey { created_at: bench.now + KNOWN_AFTER, ..key_of(&master, &bench) };
    let keys = [old.clone(), new.clone()];
    let ring = |now| Keyring::of(&keys, &master, None, (LIFE, now)).unwrap();
    let early = new.created_at;
    assert_eq!(ring(early).kid(), old.kid);
    assert!(ring(early).verifying.contains_key(&new.kid), "it is believed at once");
    let late = early + KNOWN_AFTER;
    assert_eq!(ring(late).kid(), new.kid);
    assert!(ring(early).is_of(&keys, early) && !ring(early).is_of(&keys, late));
    assert!(!ring(late).is_of(&keys[1..], late));
    // Alone it need not wait for anybody.
    let alone = Keyring::of(&keys[1..], &master, None, (LIFE, early)).unwrap();
    assert_eq!(alone.kid(), new.kid);
}

fn key_of(master: &MasterKey, bench: &Bench) -> SigningKey {
    master.make_key(bench.now).unwrap()
}

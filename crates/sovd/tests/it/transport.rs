//! How servers are reached, who the client says it is, and what is asked for again.
//! Every server is a real one: TCP, TLS or a unix socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fleetwire_sovd::{
    Client, Encoding, Error, Grant, Http, Identity, InvalidToken, Retries, Transport, Url,
};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::server::{Server, limits, response};

const EMPTY: &str = r#"{"items":[]}"#;

fn over(transport: Transport, base: &str) -> Client {
    let http = Http::over(&Transport { limits: limits(), ..transport }).unwrap();
    Client::new(Url::parse(base).unwrap(), http)
}

#[tokio::test]
async fn a_server_is_reached_through_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sovd");
    let server = Server::unix(&path, |request| match request.line.as_str() {
        "GET /v1/components" => response(200, "", EMPTY),
        _ => response(204, "", ""),
    });
    let client = over(
        Transport { unix_socket: Some(path), admits: |_| false, ..Transport::default() },
        "http://localhost/v1",
    );
    assert!(client.components().await.unwrap().is_empty());
    assert_eq!(server.lines(), ["GET /v1/components"]);
}

#[tokio::test]
async fn a_missing_unix_socket_proves_that_nothing_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nobody");
    let transport = Transport { unix_socket: Some(path), ..Transport::default() };
    let client = over(transport, "http://localhost/v1");
    let error = client.clear_fault(client.base()).await.unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error:?}");
}

/// Who vouches for servers and for their clients.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: Certificate,
}

impl Default for Authority {
    fn default() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(authority, key), root }
    }
}

impl Authority {
    fn certify(&self, name: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server that lets such clients in.
    fn server(&self, clients: Arc<dyn ClientCertVerifier>) -> Server {
        let (certificate, key) = self.certify("localhost");
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        Server::tls(Arc::new(config), |_| response(200, "", EMPTY))
    }

    fn open_server(&self) -> Server {
        self.server(WebPkiClientVerifier::no_client_auth())
    }

    /// A server that lets in only whom this authority vouches for.
    fn closed_server(&self) -> Server {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.root.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        self.server(verifier.unwrap())
    }

    fn identity(&self) -> Identity {
        let (certificate, key) = self.certify("us");
        Identity::from_pem((certificate.pem() + &key.serialize_pem()).as_bytes()).unwrap()
    }

    fn believed(&self) -> Transport {
        Transport { authorities: Some(self.root.pem().into_bytes()), ..Transport::default() }
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn base(server: &Server) -> String {
    format!("https://localhost:{}/v1", server.port)
}

#[tokio::test]
async fn a_private_authority_is_believed_and_nobody_else() {
    let authority = Authority::default();
    let server = authority.open_server();
    let believing = authority.believed();
    assert!(over(believing.clone(), &base(&server)).components().await.unwrap().is_empty());
    let strangers = over(Transport::default(), &base(&server)).components().await.unwrap_err();
    assert!(is_untrusted(&strangers), "{strangers:?}");
    let other = Authority::default().open_server();
    let impostor = over(believing, &base(&other)).components().await.unwrap_err();
    assert!(is_untrusted(&impostor), "{impostor:?}");
}

#[tokio::test]
async fn who_shows_no_certificate_or_a_strangers_is_not_let_in() {
    let authority = Authority::default();
    let server = authority.closed_server();
    let client = |identity| over(Transport { identity, ..authority.believed() }, &base(&server));
    let known = client(Some(authority.identity()));
    assert!(known.components().await.unwrap().is_empty());
    let is_told =
        |error: &Error, word| matches!(error, Error::NotTrusted { cause } if cause.contains(word));
    let nobody = client(None);
    for error in [
        nobody.components().await.unwrap_err(),
        nobody.clear_fault(nobody.base()).await.unwrap_err(),
    ] {
        assert!(is_told(&error, "CertificateRequired"), "{error:?}");
    }
    let stranger = client(Some(Authority::default().identity()));
    let read = stranger.components().await.unwrap_err();
    assert!(is_told(&read, "received fatal alert"), "{read:?}");
    // What it is told could also be said to somebody whose request was read.
    let change = stranger.clear_fault(stranger.base()).await.unwrap_err();
    assert!(matches!(change, Error::Lost(_)), "{change:?}");
    assert_eq!(server.lines(), ["GET /v1/components"]);
}

#[test]
fn an_identity_is_a_certificate_with_its_own_key_and_stands_in_no_text() {
    let authority = Authority::default();
    let ((certificate, key), (_, other)) = (authority.certify("us"), authority.certify("us"));
    assert!(Identity::from_pem(certificate.pem().as_bytes()).is_err());
    assert!(Identity::from_pem(key.serialize_pem().as_bytes()).is_err());
    let pem = certificate.pem() + &other.serialize_pem();
    let mixed = Identity::from_pem(pem.as_bytes()).ok();
    assert!(Http::over(&Transport { identity: mixed, ..Transport::default() }).is_err());
    let transport = Transport { identity: Some(authority.identity()), ..Transport::default() };
    assert!(format!("{transport:?}").contains("identity: Some(Identity)"), "{transport:?}");
}

fn is_untrusted(error: &Error) -> bool {
    matches!(error, Error::NotTrusted { cause } if cause.starts_with("invalid peer certificate"))
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_an_error() {
    let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    let transport = Transport { authorities: Some(pem), ..Transport::default() };
    assert!(Http::over(&transport).is_err());
}

#[tokio::test]
async fn a_token_goes_with_every_request_and_into_no_text() {
    let server = Server::http(|_| response(200, "", EMPTY));
    let client = server.client().with_bearer("s3cret").unwrap();
    client.components().await.unwrap();
    client.clear_fault(client.base()).await.unwrap();
    let seen = server.seen();
    assert!(seen.iter().all(|it| it.head.contains("authorization: Bearer s3cret\r\n")));
    assert!(!format!("{client:?} {:?}", client.components()).contains("s3cret"));
    assert_eq!(client.with_bearer("a\nb").unwrap_err(), InvalidToken);
}

#[tokio::test]
async fn a_token_is_asked_for_as_a_form_or_as_json() {
    let answer = r#"{"access_token":"abc","token_type":"Bearer","expires_in":60}"#;
    let server =
        Server::json(&[("POST /v1/token", 200, answer), ("POST /v1/authorize", 200, answer)]);
    let client = server.client();
    let grant = Grant::client_credentials("me", "a&b");
    let token = client.token(&grant, Encoding::Form).await.unwrap();
    assert_eq!(token.expires_in, Some(Duration::from_mins(1)));
    assert_eq!(client.authorize(&grant, Encoding::Json).await.unwrap().access_token, "abc");
    let bodies: Vec<String> = server.seen().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies[0], "grant_type=client_credentials&client_id=me&client_secret=a%26b");
    let json: serde_json::Value = serde_json::from_str(&bodies[1]).unwrap();
    assert_eq!(json["client_secret"], "a&b");
    assert!(!format!("{grant:?} {token:?}").contains("a&b"));
    assert!(!format!("{token:?}").contains("abc"));
}

#[tokio::test]
async fn a_server_without_tokens_says_so() {
    let server = Server::json(&[]);
    let grant = Grant::of(&[]);
    let error = server.client().token(&grant, Encoding::Form).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { status: 404, .. }), "{error:?}");
}

/// A server that fails `failures` times in the way of `fail`, and then answers.
fn failing(failures: usize, fail: fn() -> Vec<u8>) -> Server {
    let asked = AtomicUsize::new(0);
    Server::http(move |_| {
        if asked.fetch_add(1, Ordering::Relaxed) < failures {
            fail()
        } else {
            response(200, "", EMPTY)
        }
    })
}

fn patient(server: &Server) -> Client {
    let pause = Duration::from_millis(1);
    server.client().with_read_retries(Retries { times: 2, pause })
}

#[tokio::test]
async fn a_read_is_repeated_if_the_caller_says_so() {
    let passing: [fn() -> Vec<u8>; 4] =
        [|| response(502, "", ""), || response(503, "", ""), || response(504, "", ""), Vec::new];
    for fail in passing {
        let server = failing(2, fail);
        assert!(patient(&server).components().await.is_ok());
        assert_eq!(server.seen().len(), 3);
    }
}

#[tokio::test]
async fn a_read_is_not_repeated_for_ever_nor_without_being_told_to() {
    let server = failing(9, || response(503, "", ""));
    assert_eq!(patient(&server).components().await.unwrap_err().status(), Some(503));
    assert_eq!(server.seen().len(), 3);
    server.client().components().await.unwrap_err();
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_read_that_was_refused_is_not_repeated() {
    let refusing: [fn() -> Vec<u8>; 3] =
        [|| response(500, "", ""), || response(409, "", ""), || response(404, "", "")];
    for fail in refusing {
        let server = failing(9, fail);
        patient(&server).components().await.unwrap_err();
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_change_is_never_repeated() {
    let failing_ways: [fn() -> Vec<u8>; 2] = [|| response(503, "", ""), Vec::new];
    for fail in failing_ways {
        let server = failing(9, fail);
        let client = patient(&server);
        client.clear_fault(client.base()).await.unwrap_err();
        client.set_mode(client.base(), "extended").await.unwrap_err();
        client.register_update(&entity(&client), serde_json::Value::Null).await.unwrap_err();
        assert_eq!(server.seen().len(), 3);
    }
}

/// An entity that no server was asked for.
fn entity(client: &Client) -> fleetwire_sovd::Entity {
    fleetwire_sovd::Entity {
        id: String::new(),
        name: None,
        href: client.base().clone(),
        links: [].into(),
        variant: None,
        raw: serde_json::value::RawValue::NULL.to_owned(),
    }
}

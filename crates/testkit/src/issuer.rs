//! An OpenID provider on loopback that can be told to lie. It knows one person, and asks them
//! nothing; it knows the protocol only as far as it takes to notice what a client does wrong.

mod key;

pub use key::{IssuerKey, Kind};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the provider calls its client.
pub const CLIENT_ID: &str = "fleetwire-under-test";
/// The secret of its client.
pub const CLIENT_SECRET: &str = "swordfish & chips";

/// A running provider; it ends with the process.
#[derive(Debug, Clone)]
pub struct Issuer {
    url: String,
    state: Arc<Mutex<State>>,
}

/// How the provider behaves.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    /// Claims of the ID token beside, or instead of, its own; `null` leaves one out.
    pub claims: Map<String, Value>,
    /// Fields of its header, likewise; with `"alg": "none"` it is not signed.
    pub header: Map<String, Value>,
    /// What signs; `None` = the key that is published.
    pub signer: Option<IssuerKey>,
    /// Fields of the discovery document, likewise.
    pub discovery: Map<String, Value>,
    /// Who it says to be when it sends the browser back; `None` = it does not say.
    pub iss: Option<String>,
    /// What it says instead of giving a code.
    pub error: Option<String>,
    /// The path whose answer does not end in time.
    pub endless: Option<&'static str>,
    /// The path that leads elsewhere.
    pub redirected: Option<&'static str>,
}

#[derive(Debug)]
struct State {
    key: IssuerKey,
    conduct: Conduct,
    /// Codes that have not been used: the nonce, the challenge and the address to come back to.
    codes: HashMap<String, [String; 3]>,
    /// Requests by path.
    asked: HashMap<String, usize>,
}

struct Request {
    path: String,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
    form: HashMap<String, String>,
}

impl Issuer {
    /// One that signs by a key of this kind.
    pub fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let key = IssuerKey::make(kind, "key-1");
        let (codes, asked) = (HashMap::new(), HashMap::new());
        let state = State { key, conduct: Conduct::default(), codes, asked };
        let issuer = Self { url, state: Arc::new(Mutex::new(state)) };
        let serving = issuer.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let issuer = serving.clone();
                // Whoever has heard enough goes away: that is no failure of the test.
                thread::spawn(move || drop(issuer.converse(stream)));
            }
        });
        issuer
    }

    /// Where it is, and who it says to be.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key that is published.
    pub fn key(&self) -> IssuerKey {
        self.state().key.clone()
    }

    /// Publishes another key instead.
    pub fn rotate(&self, key: IssuerKey) {
        self.state().key = key;
    }

    /// Behaves like this from now on.
    pub fn conduct(&self, conduct: Conduct) {
        self.state().conduct = conduct;
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state().asked.get(path).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    fn converse(&self, stream: TcpStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let Some(request) = read(&mut stream)? else { return Ok(()) };
        *self.state().asked.entry(request.path.clone()).or_insert(0) += 1;
        let conduct = self.state().conduct.clone();
        let answer = if conduct.redirected == Some(&request.path) {
            redirect(&format!("{}/elsewhere", self.url))
        } else if conduct.endless == Some(&request.path) {
            answer("200 OK", &json!({ "keys": [], "x": "x".repeat(300 * 1024) }))
        } else {
            self.answer(&request, &conduct)
        };
        stream.get_mut().write_all(answer.as_bytes())
    }

    fn answer(&self, request: &Request, conduct: &Conduct) -> String {
        match request.path.as_str() {
            "/.well-known/openid-configuration" => answer("200 OK", &self.discovery(conduct)),
            "/authorize" => self.authorize(&request.query, conduct),
            "/token" => self.token(request, conduct),
            "/keys" => answer("200 OK", &json!({ "keys": [self.state().key.published()] })),
            _ => answer("404 Not Found", &json!({})),
        }
    }

    fn discovery(&self, conduct: &Conduct) -> Value {
        let url = &self.url;
        let own = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"),
        });
        merged(own, &conduct.discovery)
    }

    fn authorize(&self, asked: &HashMap<String, String>, conduct: &Conduct) -> String {
        let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
        let is_right = of("response_type") == "code"
            && of("client_id") == CLIENT_ID
            && of("code_challenge_method") == "S256"
            && of("scope").split(' ').any(|scope| scope == "openid");
        if !is_right {
            return answer("400 Bad Request", &json!({ "error": "invalid_request" }));
        }
        let mut back = reqwest::Url::parse(&of("redirect_uri")).expect("it is an address");
        back.query_pairs_mut().append_pair("state", &of("state"));
        if let Some(iss) = &conduct.iss {
            back.query_pairs_mut().append_pair("iss", iss);
        }
        if let Some(error) = &conduct.error {
            back.query_pairs_mut().append_pair("error", error);
        } else {
            let mut state = self.state();
            let code = format!("code-{}", state.asked["/authorize"]);
            back.query_pairs_mut().append_pair("code", &code);
            let asked_for = [of("nonce"), of("code_challenge"), of("redirect_uri")];
            state.codes.insert(code, asked_for);
        }
        redirect(back.as_str())
    }

    /// A code is good once, for the client that it was made for.
    fn token(&self, request: &Request, conduct: &Conduct) -> String {
        let of = |name: &str| request.form.get(name).cloned().unwrap_or_default();
        let found = self.state().codes.remove(&of("code"));
        let digest = digest::digest(&digest::SHA256, of("code_verifier").as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(digest.as_ref());
        let is_right =
            |[_, asked, back]: &[String; 3]| *asked == challenge && *back == of("redirect_uri");
        let is_client = request.is_of_client();
        match found.filter(is_right) {
            Some([nonce, ..]) if is_client && of("grant_type") == "authorization_code" => {
                let id_token = self.id_token(&nonce, conduct);
                answer(
                    "200 OK",
                    &json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token }),
                )
            }
            Some(_) => answer("401 Unauthorized", &json!({ "error": "invalid_client" })),
            None => answer("400 Bad Request", &json!({ "error": "invalid_grant" })),
        }
    }

    fn id_token(&self, nonce: &str, conduct: &Conduct) -> String {
        let state = self.state();
        let signer = conduct.signer.as_ref().unwrap_or(&state.key);
        let now = now();
        let claims = json!({
            "iss": self.url, "aud": CLIENT_ID, "sub": "subject-1", "nonce": nonce,
            "iat": now, "exp": now + 300,
            "preferred_username": "ada", "email": "ada@example.org", "groups": ["bench"],
        });
        let header = merged(signer.header(), &conduct.header);
        signer.sign(&header, &merged(claims, &conduct.claims))
    }
}

impl Request {
    /// By the header with both parts encoded, or in the form.
    fn is_of_client(&self) -> bool {
        let encode = |text: &str| text.replace(' ', "+").replace('&', "%26");
        let pair = format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET));
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        let header = self.headers.get("authorization");
        let of = |name: &str| self.form.get(name).map(String::as_str);
        let is_posted =
            of("client_id") == Some(CLIENT_ID) && of("client_secret") == Some(CLIENT_SECRET);
        header == Some(&format!("Basic {basic}")) || is_posted
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a provider has a clock of its own")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is later").as_secs()
}

fn merged(mut own: Value, other: &Map<String, Value>) -> Value {
    for (name, value) in other {
        own[name] = value.clone();
    }
    if let Some(all) = own.as_object_mut() {
        all.retain(|_, value| !value.is_null());
    }
    own
}

fn answer(status: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}

fn redirect(to: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let pairs = lines.iter().skip(1).filter_map(|line| line.split_once(':'));
    let headers: HashMap<_, _> =
        pairs.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let length = headers.get("content-length").and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    let target = lines[0].split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let form = parameters(&String::from_utf8_lossy(&body));
    Ok(Some(Request { path: path.to_owned(), query: parameters(query), headers, form }))
}

fn parameters(encoded: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{encoded}")).expect("it is encoded");
    url.query_pairs().into_owned().collect()
}

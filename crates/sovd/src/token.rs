//! Tokens: how a client shows who it is.
//! Refuses to keep or renew one, and to show it in `Debug` output.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::call::Call;
use crate::client::Client;
use crate::document::Document;
use crate::error::Error;
use crate::exchange::Body;
use crate::fields::Fields;

/// What a token is asked for with; the standard leaves open what that is.
#[derive(Clone)]
pub struct Grant(Vec<(String, String)>);

impl Grant {
    /// The members of the request, e.g. `grant_type` and `client_credentials`.
    pub fn of(members: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(members.iter().map(owned).collect())
    }

    /// A client that shows its own id and secret.
    pub fn client_credentials(id: &str, secret: &str) -> Self {
        Self::of(&[
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
        ])
    }

    fn body(&self, encoding: Encoding) -> Body {
        match encoding {
            Encoding::Form => Body::Form(
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish(),
            ),
            Encoding::Json => {
                let members = self.0.iter().cloned().map(|(name, value)| (name, value.into()));
                Body::Json(Value::Object(members.collect::<Map<_, _>>()))
            }
        }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grant(…)")
    }
}

/// How a server wants a grant written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As a form, the way of OAuth.
    Form,
    /// As JSON.
    Json,
}

/// A token that a server gave.
#[derive(Clone)]
pub struct Token {
    /// What to show with every request, see [`Client::with_bearer`].
    pub access_token: String,
    /// Mostly `Bearer`; `None` if the server did not say.
    pub kind: Option<String>,
    /// For how long from now; `None` if the server did not say.
    pub expires_in: Option<Duration>,
    /// What to ask for the next one with; `None` if the server gave none.
    pub refresh_token: Option<String>,
}

impl Client {
    /// Asks for a token at `/token`.
    pub fn token(&self, grant: &Grant, encoding: Encoding) -> Call<Token> {
        self.ask_for_token("token", grant, encoding)
    }

    /// Asks at `/authorize`, as servers want it that give tokens there.
    pub fn authorize(&self, grant: &Grant, encoding: Encoding) -> Call<Token> {
        self.ask_for_token("authorize", grant, encoding)
    }

    fn ask_for_token(&self, name: &str, grant: &Grant, encoding: Encoding) -> Call<Token> {
        let place = self.base().child(name);
        Call::post(self, &place, grant.body(encoding), Token::decode).announced(false)
    }
}

impl Token {
    fn decode(document: &Document) -> Result<Self, Error> {
        let fields = Fields::of(document.required("token")?, "token")?;
        Ok(Self {
            access_token: fields.id(&["access_token"], "token")?,
            kind: fields.text(&["token_type"]),
            expires_in: fields.number(&["expires_in"]).map(Duration::from_secs),
            refresh_token: fields.text(&["refresh_token"]),
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Token");
        text.field("kind", &self.kind).field("expires_in", &self.expires_in);
        text.finish_non_exhaustive()
    }
}

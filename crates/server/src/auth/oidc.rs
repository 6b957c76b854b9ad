//! Sign-in by OpenID Connect: authorization code with PKCE, and an ID token that is verified here.
//!
//! Refuses to believe a browser: what comes back counts only together with what was sealed when it
//! was sent away, and only the provider itself says who somebody is.

mod attempt;
pub(crate) mod id_token;
mod person;
mod provider;

pub(crate) use attempt::LIFE;
pub(crate) use person::Unknown;
pub(crate) use provider::CALLBACK;
pub use provider::SetupError;

use super::opaque::{Kind, Opaque};
use super::session::hash_of;
use super::{Auth, MasterKey, MintError, Origin, password};
use crate::clock;
use crate::config::OidcConfig;
use attempt::Attempt;
use id_token::Untrusted;
use model::id::{SessionId, UserId};
use person::{Mapping, Person};
use provider::{Provider, ProviderError};
use secrecy::SecretString;
use store::{AuditEntry, NewSession, NewUser, SignIn, SignedIn, StoreError};
use tokio::sync::Semaphore;
use url::Url;

/// How many may ask the provider at the same time.
const AT_ONCE: usize = 32;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// What came back is not of a sign-in that this browser began a short time ago.
    #[error("the answer belongs to no sign-in of this browser")]
    Stale,
    /// The provider said no; its word, if it is one of the protocol's.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// What the provider is said to have said cannot be believed.
    #[error("the answer is not the provider's")]
    Untrusted(#[from] Untrusted),
    /// The provider did not do its part.
    #[error("the provider did not do its part")]
    Provider(#[from] ProviderError),
    /// Too many sign in at the same time.
    #[error("too many sign in at the same time")]
    Busy,
    /// The provider does not say enough of them.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// Somebody who is not them has that name here.
    #[error("there is another user of that name")]
    NameTaken,
    /// They may not log in.
    #[error("the user may not log in")]
    Disabled,
    /// The tokens could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a browser brings back.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Answer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Where a browser is sent, and what it brings back beside the answer.
pub(crate) struct Departure {
    /// The page of the provider.
    pub(crate) to: Url,
    /// What only we can read.
    pub(crate) sealed: String,
}

/// Who came back, and where they wanted to go.
pub(crate) struct Arrival {
    pub(crate) person: Person,
    /// A path of the console; `None` = its first page.
    pub(crate) next: Option<String>,
}

/// Sign-in by one provider.
pub(crate) struct Oidc {
    provider: Provider,
    mapping: Mapping,
    master_key: MasterKey,
    asking: Semaphore,
}

impl Oidc {
    /// Reads the secret; asks nobody yet. `None` = the settings name no issuer.
    pub(crate) fn open(
        config: &OidcConfig,
        master_key: MasterKey,
    ) -> Result<Option<Self>, SetupError> {
        let Some(provider) = Provider::open(config)? else { return Ok(None) };
        let (mapping, asking) = (Mapping::from(config), Semaphore::new(AT_ONCE));
        Ok(Some(Self { provider, mapping, master_key, asking }))
    }

    /// Sends a browser to the provider.
    pub(crate) async fn depart(&self, next: Option<String>) -> Result<Departure, SignInError> {
        let _seat = self.asking.try_acquire().map_err(|_| SignInError::Busy)?;
        let attempt = Attempt::begin(next, clock::now())?;
        let to = self.provider.page(&attempt).await?;
        Ok(Departure { to, sealed: attempt.seal(&self.master_key)? })
    }

    /// Asks the provider who has come back.
    pub(crate) async fn arrive(
        &self,
        sealed: &str,
        answer: Answer,
    ) -> Result<Arrival, SignInError> {
        let attempt = Attempt::open(sealed, &self.master_key, clock::now());
        let attempt = attempt.filter(|attempt| attempt.is_of(answer.state.as_deref()));
        let attempt = attempt.ok_or(SignInError::Stale)?;
        let _seat = self.asking.try_acquire().map_err(|_| SignInError::Busy)?;
        self.provider.check_speaker(answer.iss.as_deref()).await?;
        if let Some(error) = answer.error {
            return Err(SignInError::Refused(word(&error)));
        }
        let code = answer.code.ok_or(SignInError::Stale)?;
        let id_token = self.provider.redeem(&code, &attempt.verifier).await?;
        let said = self.provider.verify(&id_token, &attempt.nonce, clock::now()).await?;
        let person = self.mapping.person(self.provider.issuer(), &said)?;
        Ok(Arrival { person, next: attempt.next })
    }
}

/// Words of the protocol are simple ones: nothing else of a stranger's text is repeated.
fn word(text: &str) -> String {
    let is_word = text.len() <= 64 && text.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
    if is_word { text.to_owned() } else { "other".to_owned() }
}

impl Auth {
    /// Opens a session for somebody whom the provider vouches for; answers its refresh token.
    pub(crate) async fn sign_in(
        &self,
        person: Person,
        from: &Origin,
    ) -> Result<SecretString, SignInError> {
        let refresh = Opaque::draw(Kind::Refresh)?;
        let id = SessionId::new();
        let (name, role) = (person.username.clone(), person.role);
        let session = NewSession {
            session_id: id,
            user_id: UserId::at(clock::now()),
            refresh_hash: refresh.hash,
            life: self.inner.settings.session_life,
            idle: self.inner.settings.refresh_idle,
        };
        // The store completes it when it knows who they are.
        let deed = from.unknown("authn_login_success");
        let deed = AuditEntry { session_hash: Some(hash_of(id)), ..deed };
        let sign_in = person.sign_in(session, deed, password::of_nobody()?);
        match self.inner.store.sign_in(sign_in).await? {
            SignedIn::In(user_id) => {
                let address = &from.address;
                tracing::info!(%user_id, name, ?role, address, method = "oidc", "authn_login_success");
                Ok(refresh.secret)
            }
            SignedIn::NameTaken => Err(SignInError::NameTaken),
            SignedIn::Disabled => Err(SignInError::Disabled),
        }
    }
}

impl Person {
    fn sign_in(self, session: NewSession, deed: AuditEntry, password_hash: String) -> SignIn {
        let Self { issuer, subject, username, email, role } = self;
        let fleets = Vec::new();
        let must_change_password = false;
        let user = NewUser { username, email, role, password_hash, must_change_password, fleets };
        SignIn { issuer, subject, user, session, deed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_the_protocol_are_repeated() {
        assert_eq!(word("access_denied"), "access_denied");
        for text in ["<script>", "Access denied", &"x".repeat(65)] {
            assert_eq!(word(text), "other");
        }
    }
}

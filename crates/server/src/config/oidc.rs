//! The settings of sign-in by OpenID Connect: who vouches for people, and what they become here.
//!
//! Refuses plain HTTP off this machine, and settings by which nobody could come in.

use super::ConfigError;
use super::bounds::{each, some_path, text};
use model::user::Role;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::path::PathBuf;
use std::str::FromStr;
use url::{Host, Url};

/// Sign-in by OpenID Connect.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// Who vouches for people; `None` = nobody but us.
    #[serde(deserialize_with = "issuer")]
    pub issuer: Option<String>,
    /// What the issuer calls us.
    #[serde(deserialize_with = "text")]
    pub client_id: Option<String>,
    /// The file of our secret; `None` = the issuer knows us without one.
    #[serde(deserialize_with = "some_path")]
    pub client_secret_file: Option<PathBuf>,
    /// Where browsers reach this installation, without a slash at the end.
    #[serde(deserialize_with = "origin")]
    pub public_url: Option<String>,
    /// What the button of the console says after "Sign in with".
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// What the issuer is asked for.
    #[serde(deserialize_with = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that decides the role: its name, or a JSON pointer to it.
    #[serde(deserialize_with = "text")]
    pub role_claim: Option<String>,
    /// What its values mean.
    #[serde(deserialize_with = "rules")]
    pub roles: Vec<RoleRule>,
    /// The role of those whom no value gives one; `None` = they stay out.
    #[serde(deserialize_with = "some_role")]
    pub default_role: Option<Role>,
    /// The authority of the issuer's certificate; `None` = those that the system trusts.
    #[serde(deserialize_with = "some_path")]
    pub ca_file: Option<PathBuf>,
}

/// That a value of the claim means a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRule {
    /// The value.
    pub value: String,
    /// What it means.
    pub role: Role,
}

impl FromStr for RoleRule {
    type Err = ();

    /// The last `=` divides: names of groups may have some of their own.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (value, role) = text.rsplit_once('=').ok_or(())?;
        let role = Role::from_word(role.trim()).ok_or(())?;
        let value = value.trim().to_owned();
        if value.is_empty() { Err(()) } else { Ok(Self { value, role }) }
    }
}

impl OidcConfig {
    /// Checks what matters only to a server that starts.
    pub(super) fn check_start(&self, is_built: bool) -> Result<(), ConfigError> {
        if self.issuer.is_some() && !is_built { Err(ConfigError::NoOidc) } else { Ok(()) }
    }

    pub(super) fn check_together(&self) -> Result<(), ConfigError> {
        const ISSUER: &str = "oidc.issuer";
        let both = |first: (&'static str, bool), second: (&'static str, bool)| match (first, second)
        {
            ((set, true), (missing, false)) | ((missing, false), (set, true)) => {
                Err(ConfigError::Half(set, missing))
            }
            _ => Ok(()),
        };
        let issuer = (ISSUER, self.issuer.is_some());
        both(issuer, ("oidc.client_id", self.client_id.is_some()))?;
        both(issuer, ("oidc.public_url", self.public_url.is_some()))?;
        let claim = ("oidc.role_claim", self.role_claim.is_some());
        both(claim, ("oidc.roles", !self.roles.is_empty()))?;
        let is_for_nobody = self.role_claim.is_none() && self.default_role.is_none();
        if issuer.1 && is_for_nobody { Err(ConfigError::OidcForNobody) } else { Ok(()) }
    }
}

/// Whether nobody can listen on the way to an address, or pose as it.
pub(crate) fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether an address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// An address that is what it says, without credentials, query and fragment.
fn plain(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    let ends_in_path = url.query().is_none() && url.fragment().is_none();
    (is_safe(&url) && is_anonymous && ends_in_path).then_some(url)
}

fn issuer<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    const WANTED: &str = "the https address of the issuer (http on this machine only)";
    let issuer = text(value)?;
    let is_good = issuer.as_deref().is_none_or(|issuer| plain(issuer).is_some());
    if is_good { Ok(issuer) } else { Err(Error::custom(WANTED)) }
}

fn origin<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    const WANTED: &str = "the https origin of this installation (http on this machine only), \
                          such as https://fleet.example, without path";
    let Some(origin) = text(value)? else { return Ok(None) };
    let is_origin = plain(&origin).is_some_and(|it| it.origin().ascii_serialization() == origin);
    if is_origin { Ok(Some(origin)) } else { Err(Error::custom(WANTED)) }
}

fn name<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let name = text(value)?.unwrap_or_default();
    let is_shown = (1..=40).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if is_shown { Ok(name) } else { Err(Error::custom("a name of 1 to 40 characters")) }
}

fn scopes<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    const WANTED: &str = "scopes, openid among them";
    let scopes: Vec<String> = each(value, WANTED)?;
    let is_word = |scope: &String| scope.bytes().all(|byte| byte.is_ascii_graphic());
    let is_good = scopes.iter().all(is_word) && scopes.iter().any(|scope| scope == "openid");
    if is_good { Ok(scopes) } else { Err(Error::custom(WANTED)) }
}

fn rules<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<RoleRule>, D::Error> {
    each(value, "rules such as diagnosis-team=engineer, each a value and the role that it means")
}

fn some_role<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Role>, D::Error> {
    const WANTED: &str = "a role (viewer, engineer, senior, approver, auditor or admin) or empty";
    let Some(word) = text(value)? else { return Ok(None) };
    Role::from_word(&word).map(Some).ok_or_else(|| Error::custom(WANTED))
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Flag, Sources, load};
    use super::*;

    const WHOLE: [(&str, &str); 5] = [
        ("oidc.issuer", "https://id.example/realm"),
        ("oidc.client_id", "fleetwire"),
        ("oidc.public_url", "https://fleet.example"),
        ("oidc.role_claim", "groups"),
        ("oidc.roles", "leads=senior,cn=bench=engineer"),
    ];

    fn with(settings: &[(&str, &str)]) -> Result<Config, String> {
        let flag = |(key, text): &(&str, &str)| Flag { key: (*key).into(), text: (*text).into() };
        let flags = settings.iter().map(flag).collect();
        let loaded = load(&Sources { flags, ..Sources::default() });
        loaded.map(|loaded| loaded.config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_build_without_oidc_refuses_to_start_with_an_issuer() {
        let config = with(&WHOLE).unwrap().oidc;
        let told = config.check_start(false).unwrap_err().to_string();
        assert!(told.contains("--features oidc"), "{told}");
        assert!(config.check_start(true).is_ok());
        assert!(with(&[]).unwrap().oidc.check_start(false).is_ok());
    }

    #[test]
    fn the_last_equals_sign_divides_a_rule() {
        let rules = with(&WHOLE).unwrap().oidc.roles;
        assert_eq!(rules[1], RoleRule { value: "cn=bench".into(), role: Role::Engineer });
        for wrong in ["engineer", "=engineer", "bench=king", "bench="] {
            assert!(wrong.parse::<RoleRule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_belongs_together_is_set_together() {
        for left_out in 0..3 {
            let mut settings = WHOLE.to_vec();
            settings.remove(left_out);
            assert!(with(&settings).unwrap_err().contains("set both, or neither"), "{left_out}");
        }
        assert!(with(&WHOLE[..3]).unwrap_err().contains("nobody could sign in"));
        assert!(with(&WHOLE[..4]).unwrap_err().ends_with("set both, or neither"));
    }

    #[test]
    fn an_issuer_is_reached_by_tls_or_on_this_machine() {
        let issuer = |text| with(&[&WHOLE[1..], &[("oidc.issuer", text)]].concat());
        for good in ["https://id.example", "http://localhost:1/a", "http://[::1]:1"] {
            assert!(issuer(good).is_ok(), "{good}");
        }
        for bad in
            ["http://id.example", "https://u:p@id.example", "https://id.example/?q", "ftp://a", "a"]
        {
            assert!(issuer(bad).unwrap_err().contains("https address"), "{bad}");
        }
    }

    #[test]
    fn wrong_values_are_told_with_what_would_be_right() {
        for (key, text, wanted) in [
            ("oidc.public_url", "https://fleet.example/", "origin of this installation"),
            ("oidc.public_url", "http://fleet.example", "origin of this installation"),
            ("oidc.scopes", "profile", "openid among them"),
            ("oidc.roles", "king", "rules such as"),
            ("oidc.default_role", "king", "a role"),
            ("oidc.name", "", "a name of 1 to 40 characters"),
        ] {
            let told = with(&[(key, text)]).unwrap_err();
            assert!(told.contains(wanted), "{told}");
        }
    }
}

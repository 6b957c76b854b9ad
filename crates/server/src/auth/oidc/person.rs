//! Who somebody is here, by what the provider says of them.
//!
//! Refuses whoever gets no role, and names that could not be typed or shown.

use super::id_token::Said;
use crate::auth::names;
use crate::config::{OidcConfig, RoleRule};
use model::user::{Action, Role};
use serde_json::Value;

/// Somebody whom the provider vouches for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) username: String,
    pub(super) email: Option<String>,
    pub(super) role: Role,
}

/// Why somebody is nobody here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unknown {
    /// Nothing that is said of them means a role.
    #[error("nothing that the provider says of them means a role")]
    NoRole,
    /// They have no name that a user can have.
    #[error("neither preferred_username nor email is a name that a user can have")]
    NoName,
}

/// What makes somebody what they are here.
pub(super) struct Mapping {
    claim: Option<String>,
    rules: Vec<RoleRule>,
    otherwise: Option<Role>,
}

impl From<&OidcConfig> for Mapping {
    fn from(config: &OidcConfig) -> Self {
        let OidcConfig { role_claim, roles, default_role, .. } = config.clone();
        Self { claim: role_claim, rules: roles, otherwise: default_role }
    }
}

impl Mapping {
    pub(super) fn person(&self, issuer: &str, said: &Said) -> Result<Person, Unknown> {
        let role = self.role(said).ok_or(Unknown::NoRole)?;
        let claim = |name| said.all.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let mut candidates = [claim("preferred_username"), claim("email")].into_iter().flatten();
        let username = candidates.find(|name| names::is_username(name)).ok_or(Unknown::NoName)?;
        let email = claim("email").filter(|email| names::is_email(email));
        let (issuer, subject) = (issuer.to_owned(), said.subject.clone());
        Ok(Person { issuer, subject, username, email, role })
    }

    /// Of several roles, the one that permits most.
    fn role(&self, said: &Said) -> Option<Role> {
        let values = self.claim.as_deref().and_then(|claim| said.at(claim));
        let values = match values {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let means = |rule: &&RoleRule| values.iter().any(|it| it.as_str() == Some(&rule.value));
        let given = self.rules.iter().filter(means).map(|rule| rule.role);
        given.max_by_key(|role| rank(*role)).or(self.otherwise)
    }
}

fn rank(role: Role) -> usize {
    Action::ALL.into_iter().filter(|action| role.may(*action)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping(claim: &str, otherwise: Option<Role>) -> Mapping {
        let rule = |text: &str| text.parse().unwrap();
        let rules = ["a=viewer", "b=engineer", "c=approver", "d=admin"].map(rule).to_vec();
        Mapping { claim: Some(claim.to_owned()), rules, otherwise }
    }

    fn said(all: Value) -> Said {
        let Value::Object(all) = all else { unreachable!() };
        Said { subject: "42".into(), all }
    }

    #[test]
    fn of_several_roles_the_one_that_permits_most_counts() {
        for (claim, role) in [
            (json!("b"), Some(Role::Engineer)),
            (json!(["x", "a"]), Some(Role::Viewer)),
            (json!(["a", "b", "c"]), Some(Role::Engineer)),
            (json!(["d", "a"]), Some(Role::Admin)),
            (json!("a b"), None),
            (json!([["d"]]), None),
            (json!({ "d": true }), None),
            (json!(null), None),
        ] {
            let said = said(json!({ "groups": claim }));
            assert_eq!(mapping("groups", None).role(&said), role, "{claim}");
        }
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_its_place() {
        let said = said(json!({
            "https://fleet.example/roles": ["b"], "realm_access": { "roles": ["c"] },
        }));
        let role = |claim| mapping(claim, None).role(&said);
        assert_eq!(role("https://fleet.example/roles"), Some(Role::Engineer));
        assert_eq!(role("/realm_access/roles"), Some(Role::Approver));
        assert_eq!(role("/realm_access/groups"), None);
    }

    #[test]
    fn who_has_no_role_stays_out_unless_there_is_one_for_them() {
        let nobody = said(json!({ "preferred_username": "ada" }));
        let refused = mapping("groups", None).person("i", &nobody);
        assert_eq!(refused, Err(Unknown::NoRole));
        let person = mapping("groups", Some(Role::Viewer)).person("i", &nobody).unwrap();
        assert_eq!((person.role, &*person.username), (Role::Viewer, "ada"));
    }

    #[test]
    fn a_name_is_one_that_a_user_can_have() {
        let person = |name: &str, email: &str| {
            let all = json!({ "preferred_username": name, "email": email, "groups": "a" });
            mapping("groups", None).person("i", &said(all)).map(|it| (it.username, it.email))
        };
        let email = || Some("ada@example.org".to_owned());
        assert_eq!(person("ada", "x"), Ok(("ada".into(), None)));
        assert_eq!(person("Ada L.\n", "ada@example.org"), Ok(("ada@example.org".into(), email())));
        assert_eq!(person("", ""), Err(Unknown::NoName));
    }
}

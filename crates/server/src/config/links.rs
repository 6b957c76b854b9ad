//! The ways to the database and to Redis: whether others could listen there, or pose as them.
//!
//! Refuses such a way off this machine, unless a setting says that the network is one's own.

use super::{Config, ConfigError};
use std::net::IpAddr;

impl Config {
    /// Checks where a setting leads, to a host that does not prove who it is; `None` = it does.
    pub(crate) fn check_link(
        &self,
        setting: &'static str,
        unverified: Option<&str>,
        way_out: &'static str,
    ) -> Result<(), ConfigError> {
        match unverified {
            Some(host) if !self.insecure_links && !is_here(host) => {
                Err(ConfigError::Exposed { setting, host: host.to_owned(), way_out })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a host is this machine itself.
fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::{Flag, Sources, load};

    fn database(url: &str, insecure: &str) -> Result<(), String> {
        let flag = |key: &str, text: &str| Flag { key: key.into(), text: text.into() };
        let flags = vec![flag("database_url", url), flag("insecure_links", insecure)];
        let config = load(&Sources { flags, ..Sources::default() }).unwrap().config;
        config.database().map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_database_elsewhere_has_to_prove_who_it_is() {
        for weak in ["", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca"] {
            let told = database(&format!("postgres://u:swordfish@10.0.0.5/f{weak}"), "false");
            let told = told.unwrap_err();
            assert!(told.starts_with("database_url leads to 10.0.0.5, "), "{told}");
            assert!(told.contains("sslmode=verify-full") && !told.contains("swordfish"), "{told}");
            assert_eq!(database(&format!("postgres://u@10.0.0.5/f{weak}"), "true"), Ok(()));
        }
        for safe in [
            "postgres://u@db.example/f?sslmode=verify-full",
            "postgres://u@localhost/f",
            "postgres://u@127.0.0.1/f",
            "postgres://u@[::1]/f",
            "postgres:///f?host=/run/postgresql",
        ] {
            assert_eq!(database(safe, "false"), Ok(()), "{safe}");
        }
    }
}

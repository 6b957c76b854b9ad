//! Parameters of commands, read by a fuzz target.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use super::catalog::{Catalog, Switches};
use model::catalog::{Entry, Question};
use model::user::Role;
use serde_json::{Value, json};
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::new(Switches { raw_uds: true, key_sources: true }));

/// The name of a row, and after a line feed the parameters.
///
/// # Panics
///
/// If what the schema allows is no question to a vehicle, or faults are told without end.
pub fn parameters(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (name, params) = text.split_once('\n').unwrap_or(("ReadDTC", text));
    let Some(&Entry { name, .. }) = CATALOG.entry(name) else { return };
    let Ok(params) = serde_json::from_str::<Value>(params) else { return };
    let faults = CATALOG.faults(name, &params);
    let told: usize = faults.iter().map(|it| it.pointer.len() + it.detail.len()).sum();
    assert!(told <= 64 * 1024, "{told} bytes about {}", text.len());
    if let Some(entry) = CATALOG.entry(name).filter(|_| faults.is_empty()) {
        let question = json!({ "command_name": name, "command_params": params });
        let read = serde_json::from_value::<Question>(question);
        assert!(read.is_ok(), "{name} {params}: {read:?}");
        let roles = [Role::Viewer, Role::Engineer, Role::Senior, Role::Admin];
        let may: Vec<_> = roles.into_iter().map(|role| entry.permits(role, &params)).collect();
        assert!(may.is_sorted() && may.last() == Some(&true), "{name} {params}: {may:?}");
    }
}

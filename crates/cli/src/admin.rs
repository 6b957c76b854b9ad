//! `fleetwire admin`: users and vehicles, changed in the store itself.
//!
//! Refuses a password on the command line, where others could see it.

use crate::args::{Admin, AdminNoun, NewUser, NewVehicle, UserVerb, VehicleVerb};
use crate::data_dir;
use crate::output;
use crate::registry;
use anyhow::{Context, bail};
use model::vehicle::{Connector, Model};
use model::vin::CheckDigit;
use secrecy::SecretString;
use serde_json::Map;
use std::io;
use store::{Store, Target, UserChange, VehicleChange};
use url::Url;

/// Does what is asked, beside a running server or without one.
pub(crate) async fn run(admin: Admin) -> anyhow::Result<()> {
    let loaded = admin.store.load()?;
    for warning in &loaded.warnings {
        output::warn(warning);
    }
    let target = loaded.config.database()?;
    if matches!(target, Target::Sqlite(_)) {
        data_dir::make(&loaded.config.data_dir)?;
    }
    let store = Store::open(&target).await?;
    let done = perform(&store, admin.noun).await;
    store.close().await;
    done
}

async fn perform(store: &Store, noun: AdminNoun) -> anyhow::Result<()> {
    match noun {
        AdminNoun::User(UserVerb::Add(new)) => add_user(store, new).await,
        AdminNoun::User(UserVerb::Disable { name }) => set_active(store, &name, false).await,
        AdminNoun::User(UserVerb::Enable { name }) => set_active(store, &name, true).await,
        AdminNoun::Vehicle(VehicleVerb::Add(new)) => add_vehicle(store, new).await,
    }
}

async fn add_user(store: &Store, new: NewUser) -> anyhow::Result<()> {
    let password_hash = registry::hash(read_password()?).await?;
    let mut fleets = Vec::with_capacity(new.fleets.len());
    for name in &new.fleets {
        fleets.push(registry::fleet(store, name).await?.fleet_id);
    }
    let user = store::NewUser {
        username: new.name.clone(),
        email: new.email,
        role: new.role,
        password_hash,
        fleets,
    };
    let deed = registry::deed("user_created", format!("user/{}", new.name));
    match store.add_user(user, deed).await? {
        Some(user_id) => output::show(&format!("{user_id}\n")),
        None => bail!("there is a user {:?} already: choose another name", new.name),
    }
}

/// The first line of the standard input.
fn read_password() -> anyhow::Result<SecretString> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("cannot read the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).into())
}

async fn set_active(store: &Store, name: &str, is_active: bool) -> anyhow::Result<()> {
    let Some(user) = store.user_named(name).await? else { bail!("there is no user {name:?}") };
    let change = UserChange { is_active: Some(is_active), ..UserChange::default() };
    let deed = registry::deed("user_updated", format!("user/{name}"));
    store.change_user(user.user_id, change, deed).await?;
    Ok(())
}

fn sovd(url: Url) -> Connector {
    Connector::Sovd { url: url.into() }
}

async fn add_vehicle(store: &Store, new: NewVehicle) -> anyhow::Result<()> {
    if new.vin.check_digit() == CheckDigit::Mismatch {
        output::warn(&format!("the check digit of {} is not right; is the VIN?", new.vin));
    }
    let vehicle = store::NewVehicle {
        vin: new.vin.clone(),
        change: VehicleChange {
            fleet_id: registry::fleet(store, &new.fleet).await?.fleet_id,
            model: Model { make: new.make, model: new.model, year: new.year },
            connector: new.sovd_url.map_or(Connector::External, sovd),
            metadata: Map::new(),
        },
    };
    let deed = registry::deed("vehicle_registered", format!("vehicle/{}", new.vin));
    match store.add_vehicle(vehicle, deed).await? {
        Some(vehicle_id) => output::show(&format!("{vehicle_id}\n")),
        None => bail!("vehicle {} is registered already", new.vin),
    }
}

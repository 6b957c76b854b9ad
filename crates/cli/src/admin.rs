//! `fleetwire admin`: users, tokens and vehicles, changed in the store itself.
//!
//! Refuses a password or a token on the command line, where others could see it.

mod token;

use crate::args::{Admin, AdminNoun, NewUser, NewVehicle, UserVerb, VehicleVerb};
use crate::data_dir;
use crate::output;
use crate::registry;
use anyhow::{Context, bail};
use model::vehicle::{Connector, Credentials, Model};
use model::vin::CheckDigit;
use secrecy::SecretString;
use serde_json::Map;
use server::VehicleSeal;
use server::auth::MasterKey;
use server::config::Config;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};
use store::{Store, Target, UserChange, VehicleChange};

/// The permission that lets everybody read a file.
const READABLE_BY_ALL: u32 = 0o004;

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
    let done = perform(&store, &loaded.config, admin.noun).await;
    store.close().await;
    done
}

async fn perform(store: &Store, config: &Config, noun: AdminNoun) -> anyhow::Result<()> {
    match noun {
        AdminNoun::User(UserVerb::Add(new)) => add_user(store, new).await,
        AdminNoun::User(UserVerb::Disable { name }) => set_active(store, &name, false).await,
        AdminNoun::User(UserVerb::Enable { name }) => set_active(store, &name, true).await,
        AdminNoun::Token(verb) => token::perform(store, config, verb).await,
        AdminNoun::Vehicle(VehicleVerb::Add(new)) => add_vehicle(store, config, new).await,
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
        must_change_password: new.one_time,
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

fn connector(config: &Config, new: &NewVehicle) -> anyhow::Result<Connector> {
    let Some(url) = &new.sovd_url else { return Ok(Connector::External) };
    let secret = |path: &Option<PathBuf>| path.as_deref().map(read_secret).transpose();
    let seal = || anyhow::Ok(VehicleSeal::new(MasterKey::load(&config.master_key_file())?));
    let seal_token = |token: String| {
        let token = token.trim_end_matches(['\r', '\n']).into();
        seal()?.seal_token(&new.vin, &token).context("--sovd-token-file")
    };
    let seal_identity =
        |pem: String| seal()?.seal_identity(&new.vin, &pem.into()).context("--sovd-identity-file");
    let pem = new.sovd_ca_file.as_deref().map(read).transpose()?;
    let check = |pem| server::checked_authorities(pem).context("--sovd-ca-file");
    let credentials = Credentials {
        sealed_token: secret(&new.sovd_token_file)?.map(seal_token).transpose()?,
        authorities: pem.map(check).transpose()?,
        sealed_identity: secret(&new.sovd_identity_file)?.map(seal_identity).transpose()?,
    };
    Ok(Connector::Sovd { url: url.as_str().to_owned(), credentials })
}

fn read_secret(path: &Path) -> anyhow::Result<String> {
    let secret = read(path)?;
    if fs::metadata(path)?.permissions().mode() & READABLE_BY_ALL != 0 {
        let file = path.display();
        output::warn(&format!("everybody on this machine can read {file}, which holds a secret"));
    }
    Ok(secret)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

async fn add_vehicle(store: &Store, config: &Config, new: NewVehicle) -> anyhow::Result<()> {
    if new.vin.check_digit() == CheckDigit::Mismatch {
        output::warn(&format!("the check digit of {} is not right; is the VIN?", new.vin));
    }
    let connector = connector(config, &new)?;
    let vehicle = store::NewVehicle {
        vin: new.vin.clone(),
        change: VehicleChange {
            fleet_id: registry::fleet(store, &new.fleet).await?.fleet_id,
            model: Model { make: new.make, model: new.model, year: new.year },
            connector,
            metadata: Map::new(),
        },
    };
    let deed = registry::deed("vehicle_registered", format!("vehicle/{}", new.vin));
    match store.add_vehicle(vehicle, deed).await? {
        Some(vehicle_id) => output::show(&format!("{vehicle_id}\n")),
        None => bail!("vehicle {} is registered already", new.vin),
    }
}

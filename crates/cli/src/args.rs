//! The command line as people type it.
//!
//! Refuses nothing by itself but what cannot be read; what is possible is for the commands to say.

use crate::remote;
use crate::settings::{ServerChoice, StoreChoice, key_value};
use clap::{Parser, Subcommand};
use model::id::SessionId;
use model::user::Role;
use model::vin::Vin;
use server::config::Flag;
use simulator::{Dialect, Injection};
use std::path::PathBuf;
use url::Url;

/// The cloud side of SOVD: diagnostic commands to vehicles, answers streamed live.
#[derive(Debug, Parser)]
#[command(name = "fleetwire", version, max_term_width = 100)]
#[command(after_help = "Begin with: fleetwire demo")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts a server with simulated vehicles and a login, to try everything.
    Demo(Demo),
    /// Starts a server.
    Serve(ServerChoice),
    /// Starts simulated vehicles as a process of their own.
    Simulate(Simulate),
    /// Runs a command on a vehicle, and watches it to its end.
    Run(remote::Run),
    /// Logs in to a server; what is kept of it only you can read.
    Login(remote::Login),
    /// Ends the login that is kept.
    Logout,
    /// Changes users, tokens and vehicles in the store, beside a running server or without one.
    Admin(Admin),
    /// Verifies the audit log, and takes it elsewhere.
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Changes the keys that sign access tokens.
    #[command(subcommand)]
    Keys(KeysVerb),
    /// Copies the embedded database into a file, beside a running server or without one.
    Backup(Backup),
    /// Shows the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Port on localhost; 0 = a free one.
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// Keeps the data here; without it, everything is gone at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Stores in this PostgreSQL database instead of a file.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Sends every event over this Redis too, for other programs to hear.
    #[arg(long, value_name = "URL")]
    pub(crate) redis_url: Option<String>,
    /// Prints one line of JSON when ready, for scripts.
    #[arg(long)]
    pub(crate) json: bool,
    /// Sets any setting, such as ws.idle_close=10s; see `fleetwire config print`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<Flag>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysVerb {
    /// Makes a key and prints its name; servers sign with it seconds later. Nobody is logged out.
    Rotate(StoreChoice),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// Tells whether every row is as it was sealed; exits with 9 if one is not, and names the first.
    Verify(AuditVerify),
    /// Writes all sealed rows with their chain and its signatures, one JSON document in each line.
    Export(AuditExport),
    /// Prints the public key of the signatures, in PEM: keep it elsewhere.
    PublicKey(StoreChoice),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AuditVerify {
    /// An export instead of the store; - = standard input.
    pub(crate) file: Option<PathBuf>,
    /// A file with the public key; without it, the master key says which keys are ours.
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Option<PathBuf>,
    /// Prints one line of JSON, for scripts.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreChoice,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AuditExport {
    /// The file to make; without it, standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreChoice,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// The file to make.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreChoice,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// How many; without it, the four of the demo, of which one is offline.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) vehicles: Option<u32>,
    /// How they speak: spec, opensovd, sovdd, cda or medkit; several take turns, such as spec,cda.
    #[arg(long, value_name = "DIALECT", value_delimiter = ',', default_value = "spec")]
    pub(crate) dialect: Vec<Dialect>,
    /// Faults of their links, such as latency=20ms..80ms,5xx=1%,cut-sse=5%@/components/abs_ecu.
    ///
    /// Each is NAME=AMOUNT, and hits every path or, with @PATH, those below a path. AMOUNT is a
    /// share such as 5%, or 3x for the first three requests. Names: latency (with a time, such as
    /// 50ms or 20ms..80ms:10%), 5xx, cut-sse, end-sse, truncate, content-type, malformed, vanish
    /// (may have a time, such as 2s:1%), reset-before, reset-after.
    #[arg(long, value_name = "FAULTS", default_value = "", hide_default_value = true)]
    pub(crate) faults: Injection,
    /// Port of the control API on 127.0.0.1; 0 = a free one.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) control_port: u16,
    /// Prints one line of JSON when ready, for scripts.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Admin {
    #[command(flatten)]
    pub(crate) store: StoreChoice,
    #[command(subcommand)]
    pub(crate) noun: AdminNoun,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminNoun {
    /// People and programs that can log in.
    #[command(subcommand)]
    User(UserVerb),
    /// Tokens of machines, which give what a user may without a login.
    #[command(subcommand)]
    Token(TokenVerb),
    /// Vehicles of the registry.
    #[command(subcommand)]
    Vehicle(VehicleVerb),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserVerb {
    /// Adds a user and prints its id.
    Add(NewUser),
    /// Shuts a user out within a second: logins, requests and open sockets.
    Disable {
        /// The name to log in with.
        name: String,
    },
    /// Lets a user in again.
    Enable {
        /// The name to log in with.
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewUser {
    /// The name to log in with.
    pub(crate) name: String,
    /// viewer, engineer, senior, approver, auditor or admin.
    #[arg(long, value_parser = role)]
    pub(crate) role: Role,
    /// A fleet whose vehicles the user may see; may be given more than once.
    #[arg(long = "fleet", value_name = "FLEET", default_value = "default")]
    pub(crate) fleets: Vec<String>,
    /// Where to write to.
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Reads the password from the first line of standard input.
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
    /// The password is for somebody else: it has to be changed at the first login.
    #[arg(long)]
    pub(crate) one_time: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Makes a token of a user and prints it, this once.
    Add(NewToken),
    /// Lists the tokens of a user: id, role, end, last use and name.
    Ls {
        /// The name that its owner logs in with.
        user: String,
    },
    /// Revokes a token within a second: requests and open sockets.
    Rm {
        /// Its id, as `ls` lists it.
        id: SessionId,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewToken {
    /// The name that its owner logs in with.
    pub(crate) user: String,
    /// What it is for, such as "bench 7".
    #[arg(long)]
    pub(crate) name: String,
    /// viewer, engineer, senior, approver, auditor or admin; without it, what its owner is.
    #[arg(long, value_parser = role)]
    pub(crate) role: Option<Role>,
    /// The only fleet that it sees; may be given more than once; without it, what its owner sees.
    #[arg(long = "fleet", value_name = "FLEET")]
    pub(crate) fleets: Vec<String>,
    /// In how many days it ends.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) days: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VehicleVerb {
    /// Registers a vehicle and prints its id.
    Add(NewVehicle),
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewVehicle {
    /// Its vehicle identification number.
    #[arg(long, value_parser = vin)]
    pub(crate) vin: Vin,
    /// The root of its SOVD resources, such as http://10.0.0.7:7690/sovd.
    #[arg(long, value_parser = sovd_url, required_unless_present = "external")]
    pub(crate) sovd_url: Option<Url>,
    /// File that holds the bearer token which its SOVD server wants.
    #[arg(long, value_name = "FILE", requires = "sovd_url")]
    pub(crate) sovd_token_file: Option<PathBuf>,
    /// File with the certificates, as PEM, of the only authorities that its SOVD server is believed by.
    #[arg(long, value_name = "FILE", requires = "sovd_url")]
    pub(crate) sovd_ca_file: Option<PathBuf>,
    /// File with the certificate and its private key, as PEM, to show when its SOVD server asks who we are.
    #[arg(long, value_name = "FILE", requires = "sovd_url")]
    pub(crate) sovd_identity_file: Option<PathBuf>,
    /// It is reached by somebody else's program, which takes its orders from the Redis bus.
    #[arg(long, conflicts_with = "sovd_url")]
    pub(crate) external: bool,
    /// Its fleet; made when it is missing.
    #[arg(long, default_value = "default")]
    pub(crate) fleet: String,
    /// Who built it.
    #[arg(long, default_value = "")]
    pub(crate) make: String,
    /// What it is sold as.
    #[arg(long, default_value = "")]
    pub(crate) model: String,
    /// Its model year.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1900..=2100))]
    pub(crate) year: Option<i32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Prints every setting and where its value comes from; secrets are hidden.
    Print(ServerChoice),
}

fn role(word: &str) -> Result<Role, String> {
    let words = Role::ALL.map(Role::word).join(", ");
    Role::from_word(word).ok_or_else(|| format!("must be one of {words}"))
}

fn vin(text: &str) -> Result<Vin, model::vin::NotAVin> {
    text.parse()
}

fn sovd_url(text: &str) -> Result<Url, &'static str> {
    let url = text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    url.ok_or("must be an http or https address such as http://10.0.0.7:7690/sovd")
}

//! What people and scripts ask of a running server: to log in, and to run a command and watch it.
//!
//! Refuses tokens as arguments, which everybody on the machine could read, and to open a store.

mod access;
mod credentials;
mod failure;
mod http;
mod login;
mod order;
mod prompt;
mod run;
mod said;
mod show;
mod socket;
mod watch;

use clap::ValueEnum;
use failure::Failure;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use url::Url;

/// Where the demo is.
const HERE: &str = "http://localhost:8000";

/// Which server, and who asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Server {
    /// Its address; without it, the one that `fleetwire login` was given, or http://localhost:8000.
    #[arg(long, value_name = "URL", env = "FLEETWIRE_SERVER")]
    server: Option<Url>,
    /// File with an access token; without it, FLEETWIRE_TOKEN, or what `fleetwire login` has kept.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Runs a command on a vehicle and watches it to its end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fleetwire run WFWDEMA0000000001 faults.scan\n  \
    fleetwire run 0001 data.read -p entity=components/engine_ecu -p 'ids=[\"engine_speed\"]'\n\n\
    Exit codes: 0 completed, 1 another error, 2 usage, 3 the vehicle answered negatively, 4 not \
    permitted,\n5 not found, 6 offline or too late, 7 the stream was lost, 8 conflict, 130 \
    interrupted")]
pub(crate) struct Run {
    /// The vehicle: its id, its VIN, or the end of the VIN (4 characters or more).
    vehicle: String,
    /// The command, such as faults.scan; the catalogue lists them.
    command: String,
    /// A parameter, NAME=VALUE; VALUE is JSON, or else a text.
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = order::param)]
    params: Vec<(String, serde_json::Value)>,
    /// File with all parameters as a JSON object; - = standard input.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Why, for the audit.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How long it may wait for the vehicle, such as 30s; 0s = now or never. Without it, as long as the
    /// server has it (commands.deliver_within).
    #[arg(long, value_name = "SPAN", value_parser = order::span)]
    deadline: Option<u64>,
    /// How long it may run at the vehicle, such as 5m. Without it, as long as the server has it
    /// (commands.run_timeout).
    #[arg(long, value_name = "SPAN", value_parser = order::span)]
    timeout: Option<u64>,
    /// How answers are written; without it, a table for people and ndjson for programs.
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// Cancels the command when interrupted; without it, it goes on without being watched.
    #[arg(long)]
    cancel_on_interrupt: bool,
    #[command(flatten)]
    server: Server,
}

/// Logs in; what renews the login is kept in a file that only its owner reads.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// The name to log in with; asked for without it.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Reads the password from the first line of standard input; without it, it is asked for.
    #[arg(long)]
    password_stdin: bool,
    /// Its address.
    #[arg(long, value_name = "URL", env = "FLEETWIRE_SERVER", default_value = HERE)]
    server: Url,
}

/// How answers are written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each answer, for people.
    Table,
    /// Each answer as it comes, one JSON document a line.
    Ndjson,
    /// One JSON document at the end: the command, and all answers.
    Json,
}

impl Run {
    fn format(&self) -> Format {
        let usual = if std::io::stdout().is_terminal() { Format::Table } else { Format::Ndjson };
        self.output.unwrap_or(usual)
    }
}

/// `fleetwire run`.
pub(crate) async fn run(args: Run) -> ExitCode {
    let format = args.format();
    match run::run(args, format).await {
        Ok(end) => end.code(),
        Err(failure) => failed(&failure, format != Format::Table),
    }
}

/// `fleetwire login`.
pub(crate) async fn login(args: Login) -> ExitCode {
    match login::login(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure, false),
    }
}

/// `fleetwire logout`.
pub(crate) async fn logout() -> ExitCode {
    match login::logout().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure, false),
    }
}

/// Tells what went wrong: to programs as the server worded it, if it did.
fn failed(failure: &Failure, is_program: bool) -> ExitCode {
    match (&failure.problem, failure.hint) {
        (Some(problem), _) if is_program => eprintln!("{problem}"),
        (_, Some(hint)) => eprintln!("error: {failure}\nhint: {hint}"),
        (_, None) => eprintln!("error: {failure}"),
    }
    failure.kind.code()
}

//! The `fleetwire` binary: takes the command line apart and starts what it asks for.
//!
//! Refuses to know how anything is done: each command has its module, and the server its crate.

#![expect(clippy::print_stderr, reason = "a command line talks to people on standard error")]

mod admin;
mod args;
mod audit;
mod backup;
mod data_dir;
mod demo;
mod descriptors;
mod keys;
mod listen;
mod output;
mod registry;
mod remote;
mod serve;
mod settings;
mod signal;
mod simulate;

use anyhow::Context;
use args::{Args, Command, ConfigCommand};
use clap::Parser;
use std::process::ExitCode;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", output::one_line(&error));
            if let Some(hint) = output::hint(&error) {
                eprintln!("hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Before anything can open a connection: the first provider is the one that counts.
    let tls = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tls.map_err(|_| anyhow::anyhow!("there are two TLS providers"))?;
    let runtime = Runtime::new().context("cannot start the threads")?;
    let done = match args.command {
        Command::Run(run) => return Ok(runtime.block_on(remote::run(run))),
        Command::Login(login) => return Ok(runtime.block_on(remote::login(login))),
        Command::Logout => return Ok(runtime.block_on(remote::logout())),
        Command::Audit(verb) => return runtime.block_on(audit::run(verb)),
        Command::Demo(demo) => {
            runtime.block_on(signal::stoppable(|shutdown| demo::run(demo, shutdown)))
        }
        Command::Serve(serve) => {
            runtime.block_on(signal::stoppable(|shutdown| serve::run(serve, shutdown)))
        }
        Command::Simulate(simulate) => {
            runtime.block_on(signal::stoppable(|shutdown| simulate::run(simulate, shutdown)))
        }
        Command::Admin(admin) => runtime.block_on(admin::run(admin)),
        Command::Keys(verb) => runtime.block_on(keys::run(verb)),
        Command::Backup(backup) => runtime.block_on(backup::run(backup)),
        Command::Config(ConfigCommand::Print(sources)) => settings::print(&sources),
    };
    done.map(|()| ExitCode::SUCCESS)
}

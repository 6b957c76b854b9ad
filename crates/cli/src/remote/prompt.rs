//! Asking a person at a terminal; a password is not shown while it is typed.
//!
//! Refuses to ask where there is no terminal: a script would wait for ever.

use super::failure::{Failure, Kind};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{self, BufRead, IsTerminal};

/// Asks for a text that is shown.
pub(super) fn text(what: &str) -> Result<String, Failure> {
    terminal(what)?;
    eprint!("{what}: ");
    line()
}

/// Asks for a text that is not shown.
pub(super) fn secret(what: &str) -> Result<String, Failure> {
    terminal(what)?;
    let stdin = io::stdin();
    let before = tcgetattr(&stdin).map_err(|error| failed(&error.into()))?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    let set = |modes| tcsetattr(&stdin, OptionalActions::Flush, modes);
    set(&hidden).map_err(|error| failed(&error.into()))?;
    eprint!("{what}: ");
    let typed = line();
    eprintln!();
    set(&before).map_err(|error| failed(&error.into()))?;
    typed
}

/// The first line of standard input.
pub(super) fn line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| failed(&error))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn terminal(what: &str) -> Result<(), Failure> {
    let message = || format!("there is no terminal to ask for the {} at", what.to_lowercase());
    let refused = || Failure::new(Kind::Usage, message()).hint("--username and --password-stdin");
    io::stdin().is_terminal().then_some(()).ok_or_else(refused)
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(Kind::Other, format!("cannot read what is typed: {error}"))
}

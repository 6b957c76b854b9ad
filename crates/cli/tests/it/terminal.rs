//! A terminal of its own for a program: what it shows, and what is typed.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Longer than anything takes that is not broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal at which somebody sits.
pub(crate) struct Terminal {
    keys: File,
    line: File,
    shown: Receiver<Vec<u8>>,
    screen: Vec<u8>,
}

impl Terminal {
    pub(crate) fn open() -> Self {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&end).unwrap();
        unlockpt(&end).unwrap();
        let name = ptsname(&end, Vec::new()).unwrap();
        let name = OsStr::from_bytes(name.as_bytes());
        let line = File::options().read(true).write(true).open(name).unwrap();
        let keys = File::from(end);
        let shown = reading(keys.try_clone().unwrap());
        Self { keys, line, shown, screen: Vec::new() }
    }

    /// Runs a program at it.
    pub(crate) fn run(&self, mut command: Command) -> Child {
        let line = || self.line.try_clone().unwrap();
        command.stdin(line()).stdout(line()).stderr(line()).spawn().unwrap()
    }

    /// Waits until the screen shows this text.
    pub(crate) fn until(&mut self, text: &str) {
        while !self.screen().contains(text) {
            let more = self.shown.recv_timeout(PATIENCE);
            self.screen.extend(more.unwrap_or_else(|_| panic!("no {text:?}: {}", self.screen())));
        }
    }

    /// Types a line.
    pub(crate) fn enter(&mut self, text: &str) {
        self.keys.write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    /// Whether it shows what is typed.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.line).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// All that it has shown.
    pub(crate) fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen).into_owned()
    }
}

fn reading(mut end: File) -> Receiver<Vec<u8>> {
    let (said, heard) = channel();
    thread::spawn(move || {
        let mut room = [0; 1024];
        while let Ok(count @ 1..) = end.read(&mut room) {
            if said.send(room[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    heard
}

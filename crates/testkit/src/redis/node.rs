//! One `redis-server` process, and `redis-cli` to talk to it.
//! It does not know whether it stands alone or in a cluster with others.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use rustix::process::Signal;

use super::listener::Listener;
use crate::authority::{Authority, Certificates};
use crate::child::{self, Child, is_installed, run_with_input};
use crate::directory::InstanceDirectory;
use crate::ports::{free_cluster_port, free_port};

/// Longest start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long the kernel may take to end a killed process.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Seconds after which `redis-cli` is ended: by itself it would wait for a frozen server for ever.
const ANSWER_LIMIT_SECONDS: &str = "30";

/// Ports tried before giving up: another process may take a free port before the server does.
const PORT_TRIES: usize = 5;

/// Who may use a server, and how.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// The name in its certificate, if it speaks TLS, and nothing else.
    pub(super) tls: Option<String>,
    /// `None` lets everybody in.
    pub(super) password: Option<String>,
    /// Whether it is a node of a cluster.
    pub(super) clustered: bool,
}

/// A server process that can be killed and come back.
#[derive(Debug)]
pub(super) struct Node {
    // Before the directory: what runs must not write into it again.
    server: Option<Child>,
    frozen: bool,
    port: u16,
    access: Access,
    certificates: Option<Certificates>,
    directory: InstanceDirectory,
}

impl Node {
    pub(super) fn start(access: Access) -> anyhow::Result<Self> {
        ensure!(
            is_installed("redis-server") && is_installed("redis-cli"),
            "no Redis server found: run ./scripts/dev-services --check-install, \
             or install the packages redis-server and redis-tools"
        );
        let directory = InstanceDirectory::create("redis")?;
        let certify = |name: &String| Authority::default().certify_in(directory.path(), name);
        let certificates = access.tls.as_ref().map(certify);
        let mut node =
            Self { server: None, frozen: false, port: 0, access, certificates, directory };
        node.launch_on_free_port()?;
        Ok(node)
    }

    fn launch_on_free_port(&mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for _ in 0..PORT_TRIES {
            self.port = if self.access.clustered { free_cluster_port()? } else { free_port()? };
            outcome = self.launch();
            match &outcome {
                Err(error) if error.to_string().contains("Address already in use") => {}
                Ok(()) | Err(_) => break,
            }
        }
        outcome
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.access.tls.is_some() { "rediss" } else { "redis" };
        let password = self.access.password.as_ref();
        let login = password.map_or_else(String::new, |password| format!(":{password}@"));
        format!("{scheme}://{login}127.0.0.1:{}", self.port)
    }

    pub(super) fn id(&self) -> u32 {
        self.server.as_ref().map_or(0, Child::id)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.certificates.as_ref().map(|certificates| certificates.ca.as_path())
    }

    /// Whether it runs and is not frozen.
    pub(super) fn answers(&self) -> bool {
        self.server.is_some() && !self.frozen
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::KILL);
            assert!(server.wait(KILL_LIMIT).is_some(), "Redis outlived its kill");
        }
        self.frozen = false;
    }

    pub(super) fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        self.launch()
    }

    pub(super) fn pause(&mut self) {
        self.send(Signal::STOP);
        self.frozen = true;
    }

    pub(super) fn resume(&mut self) {
        self.send(Signal::CONT);
        self.frozen = false;
    }

    fn send(&mut self, signal: Signal) {
        if let Some(server) = &mut self.server {
            server.signal(signal);
        }
    }

    fn launch(&mut self) -> anyhow::Result<()> {
        let mut redis = self.bare(child::command("redis-server"));
        redis.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        redis.args(self.access_arguments());
        let server = Child::spawn(redis)?;
        let ready = server.stdout.wait_for(START_LIMIT, |line| line.contains("Ready to accept"));
        let log = || [server.stdout.all(), server.stderr.all()].concat().join("\n");
        ensure!(ready.is_some(), "Redis did not start: {}", log());
        self.server = Some(server);
        Ok(())
    }

    fn access_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(ToString::to_string));
        let port = self.port.to_string();
        match &self.certificates {
            Some(files) => {
                add(&["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
                add(&["--tls-ca-cert-file", &shown(&files.ca)]);
                add(&["--tls-cert-file", &shown(&files.certificate)]);
                add(&["--tls-key-file", &shown(&files.key)]);
            }
            None => add(&["--port", &port]),
        }
        if let Some(password) = &self.access.password {
            add(&["--requirepass", password]);
        }
        if self.access.clustered {
            add(&["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]);
            add(&["--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"]);
        }
        arguments
    }

    /// Runs one command, given as the words of `redis-cli` after its address.
    pub(super) fn command(&self, words: &[&str]) -> String {
        self.command_with_input(words, &[])
    }

    pub(super) fn command_with_input(&self, words: &[&str], input: &[u8]) -> String {
        let mut cli = self.cli();
        cli.args(words);
        let answer = run_with_input(cli, input).unwrap_or_else(|error| panic!("{error:#}"));
        answer.strip_suffix('\n').unwrap_or(&answer).to_owned()
    }

    pub(super) fn listen(&self, channel: &str) -> Listener {
        let mut cli = self.bare(Command::new("redis-cli"));
        self.address(&mut cli);
        Listener::start(&cli, channel)
    }

    fn cli(&self) -> Command {
        let mut cli = self.bare(Command::new("timeout"));
        // -e: an error answer is a failure, not a text.
        cli.args([ANSWER_LIMIT_SECONDS, "redis-cli", "-e"]);
        self.address(&mut cli);
        cli
    }

    fn address(&self, cli: &mut Command) {
        cli.args(["-h", "127.0.0.1", "-p"]).arg(self.port.to_string());
        if let Some(ca) = self.ca_file() {
            cli.arg("--tls").arg("--cacert").arg(ca);
        }
        if let Some(password) = &self.access.password {
            cli.env("REDISCLI_AUTH", password);
        }
    }

    /// The command in the directory, with no variable of the shell that changes what it does.
    fn bare(&self, mut command: Command) -> Command {
        command.current_dir(self.directory.path()).env_clear().env("LC_ALL", "C");
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        command
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

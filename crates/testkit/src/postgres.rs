//! A real PostgreSQL server on a free loopback port, with faults: killed, frozen, restarted.
//! It creates empty databases and refuses to know what is in them.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Signal, geteuid};

use crate::authority::{Authority, Certificates};
use crate::child::{self, Child, run, signal_process};
use crate::directory::InstanceDirectory;
use crate::ports::free_port;
use crate::process::profile_dir;

/// Where Debian installs the servers, one directory per major version.
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";

/// Longest start, including the recovery after a kill.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Longest fast shutdown.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Longest immediate shutdown.
const QUIT_LIMIT: Duration = Duration::from_secs(10);

/// Ports tried before giving up: another process may take a free port before the server does.
const PORT_TRIES: usize = 5;

/// A PostgreSQL server of its own, in its own directory. Every call blocks.
///
/// Dropping it kills the server and removes its data. A test process that is itself killed takes
/// its server along, and the next start removes the directory that was left behind.
#[derive(Debug)]
pub struct Postgres {
    programs: Programs,
    directory: InstanceDirectory,
    durable: bool,
    certificates: Option<Certificates>,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// Starts a server that does not wait for the disk: it survives `kill -9`, not a power cut.
    pub fn start() -> Self {
        Self::start_with(false, None).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Starts a server with `fsync` on, as in production: for measuring, and for faults of the disk.
    pub fn start_durable() -> Self {
        Self::start_with(true, None).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Starts a server that can speak TLS, with a certificate for a name from an authority made for it:
    /// [`Postgres::ca_file`].
    pub fn start_tls(name: &str) -> Self {
        Self::start_with(false, Some(name)).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The certificate of the authority that signed the server's, as PEM.
    pub fn ca_file(&self) -> &Path {
        let certificates = self.certificates.as_ref();
        &certificates.expect("only a server of start_tls has an authority").ca
    }

    fn start_with(durable: bool, name: Option<&str>) -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let template = programs.template()?;
        let directory = instance_directory(&programs)?;
        copy(&template, &directory.path().join("data"))?;
        let certify = |name| Authority::default().certify_in(directory.path(), name);
        let certificates = name.map(certify);
        if let (Some((user, group)), Some(files)) = (programs.user, &certificates) {
            chown(&files.key, Some(user), Some(group))?;
        }
        let mut postgres =
            Self { programs, directory, durable, certificates, port: 0, server: None };
        postgres.launch_on_free_port()?;
        Ok(postgres)
    }

    fn launch_on_free_port(&mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for _ in 0..PORT_TRIES {
            self.port = free_port()?;
            outcome = self.launch();
            match &outcome {
                Err(error) if error.to_string().contains("Address already in use") => {}
                Ok(()) | Err(_) => break,
            }
        }
        outcome
    }

    /// The address of a database, which may or may not exist. `postgres` always does.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://fleetwire@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates an empty database and gives its address.
    pub fn create_database(&self, name: &str) -> String {
        let mut createdb = self.programs.command("createdb", self.directory.path());
        createdb.args(["--host=127.0.0.1", "--username=fleetwire", "--no-password"]);
        createdb.arg(format!("--port={}", self.port)).arg(name);
        run(createdb).unwrap_or_else(|error| panic!("{error:#}"));
        self.url(name)
    }

    /// Ends every client's connection, as an operator or a failover would.
    pub fn terminate_backends(&self) {
        self.execute(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid()",
        );
    }

    /// Has a database do what the statement says, past everything that guards it.
    pub fn execute(&self, database: &str, statement: &str) {
        let mut psql = self.programs.command("psql", self.directory.path());
        psql.args(["--host=127.0.0.1", "--username=fleetwire", "--no-password", "--quiet"]);
        psql.arg(format!("--port={}", self.port)).arg(database).arg("--command").arg(statement);
        run(psql).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// The id of the server's first process, the parent of all others; 0 while it does not run.
    pub fn id(&self) -> u32 {
        self.server.as_ref().map_or(0, Child::id)
    }

    /// The port, which stays the same over every restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Shuts the server down in order, cutting its connections (`SIGINT`, "fast shutdown").
    pub fn stop(&mut self) {
        // A frozen server would not hear it.
        self.resume();
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::INT);
            assert!(server.wait(STOP_LIMIT).is_some(), "PostgreSQL did not stop: {}", log(&server));
        }
    }

    /// Ends the server and all its backends at once (`SIGKILL`), and waits until they are gone.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            end(&mut server);
        }
    }

    /// Starts a stopped, killed or still running server on the same port, with the same data.
    pub fn restart(&mut self) {
        self.stop();
        self.launch().unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Freezes the server and every backend (`SIGSTOP`): connections stay open and nothing answers.
    pub fn pause(&mut self) {
        if let Some(server) = &mut self.server {
            server.signal(Signal::STOP);
            signal_backends(server.id(), Signal::STOP);
        }
    }

    /// Lets a frozen server go on (`SIGCONT`).
    pub fn resume(&mut self) {
        if let Some(server) = &mut self.server {
            signal_backends(server.id(), Signal::CONT);
            server.signal(Signal::CONT);
        }
    }

    fn launch(&mut self) -> anyhow::Result<()> {
        let sync = if self.durable { "on" } else { "off" };
        let mut postgres = self.programs.command("postgres", self.directory.path());
        postgres.arg("-D").arg(self.directory.path().join("data"));
        for setting in [
            &format!("port={}", self.port),
            &format!("fsync={sync}"),
            &format!("full_page_writes={sync}"),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            // In the instance directory: a killed server leaves nothing elsewhere.
            "dynamic_shared_memory_type=mmap",
            "max_connections=200",
            "max_wal_size=1GB",
            "logging_collector=off",
            "log_destination=stderr",
        ] {
            postgres.args(["-c", setting]);
        }
        if let Some(files) = &self.certificates {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            postgres.args(["-c", "ssl=on", "-c", &format!("ssl_cert_file={certificate}")]);
            postgres.args(["-c", &format!("ssl_key_file={key}")]);
        }
        let server = Child::spawn(postgres)?;
        let ready = server.stderr.wait_for(START_LIMIT, |line| line.contains("ready to accept"));
        ensure!(ready.is_some(), "PostgreSQL did not start: {}", log(&server));
        self.server = Some(server);
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Before the directory goes: a living backend would write into it again.
        self.resume();
        if let Some(mut server) = self.server.take() {
            // "Immediate shutdown": as quick as a kill, but it gives its shared memory back.
            server.signal(Signal::QUIT);
            if server.wait(QUIT_LIMIT).is_none() {
                end(&mut server);
            }
        }
    }
}

fn end(server: &mut Child) {
    let backends = backends(server.id());
    // The parent first: it would take a killed backend for a crash and begin a recovery.
    server.signal(Signal::KILL);
    for backend in backends {
        signal_process(backend, Signal::KILL);
    }
    // Its backends share its standard error: they are gone too when that has ended.
    server.wait(STOP_LIMIT);
}

fn log(server: &Child) -> String {
    server.stderr.all().join("\n")
}

fn signal_backends(server: u32, signal: Signal) {
    for backend in backends(server) {
        signal_process(backend, signal);
    }
}

/// The processes whose parent is `server`.
fn backends(server: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| parent(*process) == Some(server))
        .collect()
}

fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // `pid (name) state parent …`, where the name may hold blanks and parentheses.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The programs of one PostgreSQL version, and the user that runs them.
#[derive(Debug)]
struct Programs {
    directory: PathBuf,
    /// User and group to run as; `None` means as ourselves.
    user: Option<(u32, u32)>,
}

impl Programs {
    fn find() -> anyhow::Result<Self> {
        let directory = newest_debian().or_else(on_path).context(
            "no PostgreSQL server found: run ./scripts/dev-services --check-install, \
             or install the package postgresql",
        )?;
        // PostgreSQL refuses to run as root.
        let user = if geteuid().is_root() { Some(unprivileged_user()?) } else { None };
        Ok(Self { directory, user })
    }

    /// A command in `place` with a bare environment: no variable of the shell changes what it does.
    fn command(&self, program: &str, place: &Path) -> Command {
        let mut command = child::command(self.directory.join(program));
        command.current_dir(place).env_clear().env("LC_ALL", "C");
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// A directory made by `initdb`, once per server version and user: that takes seconds, a copy
    /// does not.
    fn template(&self) -> anyhow::Result<PathBuf> {
        let shelf = profile_dir().with_file_name("testkit");
        fs::create_dir_all(&shelf)?;
        let name = format!(
            "postgres-{}-{}",
            self.version()?,
            self.user.map_or(geteuid().as_raw(), |user| user.0)
        );
        let template = shelf.join(&name);
        let lock = File::create(shelf.join(format!("{name}.lock")))?;
        lock.lock()?;
        if !template.exists() {
            let place = instance_directory(self)?;
            self.initdb(place.path())?;
            // Whoever is interrupted in the copy leaves no half template.
            let unfinished = shelf.join(format!("{name}.unfinished"));
            fs::remove_dir_all(&unfinished).ok();
            copy(&place.path().join("data"), &unfinished)?;
            fs::rename(&unfinished, &template)?;
        }
        Ok(template)
    }

    fn version(&self) -> anyhow::Result<String> {
        let mut version = Command::new(self.directory.join("postgres"));
        version.arg("--version");
        let text = run(version)?;
        let word = text.split_whitespace().find(|word| word.starts_with(char::is_numeric));
        word.map(str::to_owned).with_context(|| format!("no version in {text:?}"))
    }

    fn initdb(&self, place: &Path) -> anyhow::Result<()> {
        let mut initdb = self.command("initdb", place);
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=fleetwire"]);
        initdb.args(["--no-sync", "--wal-segsize=1"]).arg("-D").arg(place.join("data"));
        run(initdb).map(drop)
    }
}

fn newest_debian() -> Option<PathBuf> {
    let majors = fs::read_dir(DEBIAN_ROOT).ok()?.flatten();
    majors
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .map(|(major, path)| (major, path.join("bin")))
        .filter(|(_, programs)| is_complete(programs))
        .max()
        .map(|(_, programs)| programs)
}

fn on_path() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).find(|programs| is_complete(programs))
}

fn is_complete(programs: &Path) -> bool {
    ["postgres", "initdb", "createdb"].iter().all(|program| programs.join(program).is_file())
}

/// User and group of `postgres`, else of `nobody`.
fn unprivileged_user() -> anyhow::Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd")?;
    let ids = |name: &str| {
        let mut fields =
            users.lines().find(|line| line.split(':').next() == Some(name))?.split(':');
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).context("PostgreSQL needs a user postgres or nobody")
}

/// A new directory that belongs to the server's user.
fn instance_directory(programs: &Programs) -> anyhow::Result<InstanceDirectory> {
    let directory = InstanceDirectory::create("postgres")?;
    if let Some((user, group)) = programs.user {
        chown(directory.path(), Some(user), Some(group))?;
    }
    Ok(directory)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut copy = Command::new("cp");
    copy.args(["-a", "--reflink=auto"]).arg(from).arg(to);
    run(copy).map(drop)
}

//! What the demo cannot do ends it with one sentence that says what to do.

use crate::outcome::Outcome;
use std::fs::{self, DirBuilder, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use testkit::{Binary, Process, site::START};

fn demo(args: &[&str]) -> Command {
    let mut command = Binary::fleetwire().command();
    command.args(["demo", "--json"]).args(args);
    command
}

fn demo_in(dir: &Path) -> Command {
    demo(&["--port", "0", "--data-dir", dir.to_str().unwrap()])
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let outcome = Outcome::of(demo(&["--port", &port])).await;
    let wanted = format!("port {port} is in use: stop the other program or pass --port N");
    assert_eq!(outcome.sentence(), wanted);
}

#[tokio::test]
async fn a_flag_that_does_not_exist_is_an_error_of_use() {
    let outcome = Outcome::of(demo(&["--prot", "0"])).await;
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert_eq!(outcome.stdout, "");
}

#[tokio::test]
async fn a_file_is_no_data_directory() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let outcome = Outcome::of(demo_in(file.path())).await;
    let wanted = format!("{} is no directory: choose one with --data-dir", file.path().display());
    assert_eq!(outcome.sentence(), wanted);
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_named_with_the_way_out() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    DirBuilder::new().mode(0o555).create(&dir).unwrap();
    let outcome = Outcome::of(as_nobody(demo_in(&dir), place.path())).await;
    let wanted = format!("cannot write to the data directory {}: change its rights", dir.display());
    assert!(outcome.sentence().starts_with(&wanted), "{outcome:#?}");
}

/// The same command without root's rights, for root may write anywhere.
fn as_nobody(command: Command, place: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return command;
    }
    // Nobody may not look into every home directory: the binary comes along.
    fs::set_permissions(place, Permissions::from_mode(0o755)).unwrap();
    let binary = place.join("fleetwire");
    fs::copy(env!("CARGO_BIN_EXE_fleetwire"), &binary).unwrap();
    let mut unprivileged = Command::new("setpriv");
    unprivileged.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(binary);
    let args = command.get_args().skip_while(|arg| *arg != "demo");
    // A binary built for coverage would complain that its profile cannot be written either.
    unprivileged.args(args).current_dir(place).env("LLVM_PROFILE_FILE", "/dev/null");
    unprivileged
}

#[tokio::test]
async fn a_data_directory_serves_one_server_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = Process::spawn(demo_in(dir.path()));
    first.ready_line::<serde_json::Value>(START);
    let wanted = format!("another fleetwire is using {}: stop it", dir.path().display());
    let mut serve = Binary::fleetwire().command();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path());
    for second in [demo_in(dir.path()), serve] {
        let outcome = Outcome::of(second).await;
        assert!(outcome.sentence().starts_with(&wanted), "{outcome:#?}");
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_named_without_its_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://fleetwire:hidden@127.0.0.1:{port}/fleetwire");
    let outcome = Outcome::of(demo(&["--port", "0", "--database-url", &url])).await;
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let told = format!("cannot open the database at 127.0.0.1:{port}");
    assert!(outcome.errors().contains(&told), "{outcome:#?}");
    assert!(outcome.errors().contains("hint: see that the database runs"), "{outcome:#?}");
    assert!(!outcome.errors().contains("hidden"), "{outcome:#?}");
}

//! A network namespace parts a program from the host as a broken network would.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use fleetwire_testkit::{Netns, Process};

/// Longest wait for what must come.
const LIMIT: Duration = Duration::from_secs(5);

/// How long a silence is listened to.
const SILENCE: Duration = Duration::from_millis(300);

fn create() -> Option<Netns> {
    Netns::create().inspect_err(|skipped| println!("{skipped}")).ok()
}

/// A program inside that sends back what the host sends.
fn echo(netns: &Netns) -> (Process, TcpStream) {
    let listener = TcpListener::bind((netns.host_address(), 0)).unwrap();
    let script = format!(
        "exec 3<>/dev/tcp/{}/{}; exec cat <&3 >&3",
        netns.host_address(),
        listener.local_addr().unwrap().port()
    );
    let mut shell = netns.command("bash");
    shell.args(["-c", &script]);
    let process = Process::spawn(shell);
    (process, listener.accept().unwrap().0)
}

fn echoes(connection: &mut TcpStream, limit: Duration) -> bool {
    connection.set_read_timeout(Some(limit)).unwrap();
    connection.write_all(b"x").unwrap();
    connection.read_exact(&mut [0]).is_ok()
}

#[test]
fn a_program_inside_reaches_the_host_from_its_own_address() {
    let Some(netns) = create() else { return };
    let (_program, mut connection) = echo(&netns);
    assert_eq!(connection.peer_addr().unwrap().ip(), netns.inside_address());
    assert!(echoes(&mut connection, LIMIT));
}

#[test]
fn dropped_traffic_arrives_after_the_line_heals() {
    let Some(netns) = create() else { return };
    let (_program, mut connection) = echo(&netns);
    netns.drop_traffic();
    assert!(!echoes(&mut connection, SILENCE));
    netns.heal();
    assert!(echoes(&mut connection, LIMIT));
}

#[test]
fn reset_traffic_ends_connections_and_refuses_new_ones() {
    let Some(netns) = create() else { return };
    let (_program, mut connection) = echo(&netns);
    netns.reset_traffic();
    connection.write_all(b"x").unwrap();
    connection.set_read_timeout(Some(LIMIT)).unwrap();
    let end = connection.read(&mut [0]).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    let refused = TcpStream::connect((netns.inside_address(), 9)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    netns.heal();
    let (_program, mut connection) = echo(&netns);
    assert!(echoes(&mut connection, LIMIT));
}

#[test]
fn two_namespaces_do_not_meet() {
    let (Some(one), Some(other)) = (create(), create()) else { return };
    assert_ne!(one.inside_address(), other.inside_address());
    one.drop_traffic();
    let (_program, mut connection) = echo(&other);
    assert!(echoes(&mut connection, LIMIT));
}

#[test]
fn a_namespace_leaves_nothing_behind() {
    let Some(netns) = create() else { return };
    let address = format!(" {}/", netns.host_address());
    let name = output(netns.command("ip").args(["netns", "identify"]));
    let is_listed = || {
        let names = output(Command::new("ip").args(["netns", "list"]));
        names.lines().any(|line| line.split(' ').next() == Some(name.trim()))
    };
    assert!(is_listed());
    drop(netns);
    assert!(!is_listed());
    assert!(!output(Command::new("ip").args(["-4", "addr"])).contains(&address));
}

fn output(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

//! A process under test is read, signalled and ended as said, and a failure shows its words.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use fleetwire_testkit::Process;

const LIMIT: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::spawn(command)
}

#[test]
fn the_first_line_on_standard_output_is_the_ready_line() {
    let process = shell(r#"echo '{"url": "http://127.0.0.1:1"}'; echo later; exec sleep 60"#);
    let ready: serde_json::Value = process.ready_line(LIMIT);
    assert_eq!(ready["url"], "http://127.0.0.1:1");
}

#[test]
#[should_panic(expected = "port 8000 is taken")]
fn a_process_that_ends_before_it_is_ready_shows_why() {
    shell("echo port 8000 is taken >&2; exit 1").ready_line::<serde_json::Value>(LIMIT);
}

#[test]
fn a_terminated_process_chooses_its_exit_code() {
    let mut process = shell("trap 'exit 3' TERM; echo ready >&2; while :; do sleep 0.05; done");
    process.log_line("ready", LIMIT);
    process.terminate();
    assert_eq!(process.wait(LIMIT).code(), Some(3));
}

#[test]
fn a_frozen_process_can_be_killed() {
    let mut process = shell("exec sleep 60");
    process.stop();
    process.kill9();
    assert_eq!(process.wait(LIMIT).signal(), Some(9));
}

#[test]
#[should_panic(expected = "still running")]
fn waiting_for_a_process_that_goes_on_fails() {
    shell("exec sleep 60").wait(Duration::from_millis(50));
}

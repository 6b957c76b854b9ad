//! The Redis of the tests behaves like one in production, faults included.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fleetwire_testkit::Redis;

const LIMIT: Duration = Duration::from_secs(5);

/// A connection with a subscription.
pub(crate) struct Subscriber(BufReader<TcpStream>);

impl Subscriber {
    /// Subscribes with a command such as `SUBSCRIBE channel`.
    pub(crate) fn start(port: u16, order: &str) -> Self {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
        connection.set_read_timeout(Some(LIMIT)).unwrap();
        connection.write_all(format!("{order}\r\n").as_bytes()).unwrap();
        let mut subscriber = Self(BufReader::new(connection));
        subscriber.waits_for(":1").unwrap();
        subscriber
    }

    /// Reads until there is such a line.
    pub(crate) fn waits_for(&mut self, wanted: &str) -> io::Result<()> {
        let mut line = String::new();
        while line.trim_end() != wanted {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

/// Whether the server answers a new connection.
fn answers(port: u16) -> bool {
    let Ok(mut connection) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 7];
    connection.set_read_timeout(Some(Duration::from_millis(300))).is_ok()
        && connection.write_all(b"PING\r\n").is_ok()
        && connection.read_exact(&mut answer).is_ok()
        && answer == *b"+PONG\r\n"
}

/// What `redis-cli` gets for a `PING`, told only where to go and whom to trust.
fn stranger(port: u16, words: &[&str], ca: Option<&Path>) -> String {
    let mut cli = Command::new("redis-cli");
    cli.args(["-e", "-p", &port.to_string()]).args(words);
    if let Some(ca) = ca {
        cli.arg("--cacert").arg(ca);
    }
    let output = cli.arg("PING").output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_server_starts_and_answers_at_its_address() {
    let redis = Redis::start();
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{}", redis.port()));
    assert_eq!(redis.command(&["PING"]), "PONG");
    assert!(answers(redis.port()));
}

#[test]
fn a_killed_server_comes_back_empty_on_its_port() {
    let mut redis = Redis::start();
    redis.command(&["SET", "key", "value"]);
    redis.kill();
    assert!(!answers(redis.port()));
    redis.restart();
    assert!(answers(redis.port()));
    assert_eq!(redis.command(&["EXISTS", "key"]), "0");
}

#[test]
fn a_flushed_server_has_forgotten_every_key() {
    let redis = Redis::start();
    redis.command(&["SET", "key", "value"]);
    redis.flush_all();
    assert_eq!(redis.command(&["DBSIZE"]), "0");
}

#[test]
fn a_frozen_server_is_silent_until_it_is_resumed() {
    let mut redis = Redis::start();
    redis.pause();
    assert!(!answers(redis.port()));
    redis.resume();
    assert!(answers(redis.port()));
}

#[test]
fn a_frozen_server_ends_with_its_owner() {
    let mut redis = Redis::start();
    let port = redis.port();
    redis.pause();
    drop(redis);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_published_text_reaches_who_is_subscribed() {
    let redis = Redis::start();
    let mut subscriber = Subscriber::start(redis.port(), "SUBSCRIBE response:1");
    let text = r#"{"event":"résumé","quoted":"'\\"}"#;
    assert_eq!(redis.subscribers("response:1"), 1);
    assert_eq!(redis.publish("response:1", text), 1);
    subscriber.waits_for(text).unwrap();
    assert_eq!(redis.publish("response:2", text), 0);
}

#[test]
fn any_bytes_can_be_published() {
    let redis = Redis::start();
    let mut subscriber = Subscriber::start(redis.port(), "SUBSCRIBE junk");
    redis.publish("junk", b"\0\xff\n");
    subscriber.waits_for("$3").unwrap();
    let mut bytes = [0; 5];
    subscriber.0.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, *b"\0\xff\n\r\n");
}

#[test]
fn killing_the_subscribers_cuts_them_and_only_them() {
    let redis = Redis::start();
    let mut subscriber = Subscriber::start(redis.port(), "SUBSCRIBE response:1");
    let mut bystander = Subscriber::start(redis.port(), "SADD set member");
    assert_eq!(redis.kill_subscribers(), 1);
    assert!(subscriber.waits_for("more").is_err());
    assert_eq!(redis.subscribers("response:1"), 0);
    bystander.0.get_mut().write_all(b"PING\r\n").unwrap();
    bystander.waits_for("+PONG").unwrap();
}

#[test]
fn tls_is_spoken_only_with_who_trusts_the_authority() {
    let redis = Redis::start_tls();
    assert_eq!(redis.url(), format!("rediss://127.0.0.1:{}", redis.port()));
    assert_eq!(redis.command(&["PING"]), "PONG");
    assert_eq!(stranger(redis.port(), &["--tls"], Some(redis.ca_file())), "PONG");
    let other = Redis::start_tls();
    assert_eq!(stranger(redis.port(), &["--tls"], Some(other.ca_file())), "");
    assert_eq!(stranger(redis.port(), &["--tls"], None), "");
    assert!(!answers(redis.port()));
}

#[test]
fn a_password_is_asked_for() {
    let redis = Redis::start_with_password("opensesame");
    assert_eq!(redis.url(), format!("redis://:opensesame@127.0.0.1:{}", redis.port()));
    assert_eq!(redis.command(&["PING"]), "PONG");
    assert_eq!(stranger(redis.port(), &["-a", "opensesame"], None), "PONG");
    assert_ne!(stranger(redis.port(), &[], None), "PONG");
}

#[test]
#[should_panic(expected = "ERR unknown command")]
fn a_refused_command_fails_the_test() {
    Redis::start().command(&["NONSENSE"]);
}

//! The fault proxy makes exactly the faults that it is asked for, on open and on new connections.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use fleetwire_testkit::{Direction, FaultProxy};

/// Longest wait for what must come.
const LIMIT: Duration = Duration::from_secs(5);

/// How long a silence is listened to.
const SILENCE: Duration = Duration::from_millis(200);

/// A target, a proxy before it, and one connection that has carried a byte.
struct Line {
    listener: TcpListener,
    proxy: FaultProxy,
    client: TcpStream,
    target: TcpStream,
}

fn line() -> Line {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let proxy = FaultProxy::to(listener.local_addr().unwrap());
    let mut client = connect(proxy.address());
    let mut target = listener.accept().unwrap().0;
    target.set_read_timeout(Some(LIMIT)).unwrap();
    client.write_all(b"x").unwrap();
    assert!(hears(&mut target, b"x"));
    Line { listener, proxy, client, target }
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client
}

fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let silent = stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    silent
}

fn hears(stream: &mut TcpStream, text: &[u8]) -> bool {
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).is_ok() && heard == text
}

fn is_reset(stream: &mut TcpStream) -> bool {
    stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

fn is_at_end(stream: &mut TcpStream) -> bool {
    stream.read(&mut [0]).is_ok_and(|length| length == 0)
}

/// Writes until nobody has taken a byte for a while; how many were taken.
fn fill(stream: &mut TcpStream) -> usize {
    stream.set_write_timeout(Some(SILENCE)).unwrap();
    let chunk = [7; 16 * 1024];
    std::iter::from_fn(|| stream.write(&chunk).ok()).sum()
}

#[test]
fn bytes_and_the_end_of_each_stream_pass_in_both_directions() {
    let mut line = line();
    line.client.write_all(b"question").unwrap();
    assert!(hears(&mut line.target, b"question"));
    line.client.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(is_at_end(&mut line.target));
    line.target.write_all(b"answer").unwrap();
    drop(line.target);
    assert!(hears(&mut line.client, b"answer"));
    assert!(is_at_end(&mut line.client));
}

#[test]
fn a_delay_holds_in_each_direction_and_costs_no_throughput() {
    const DELAY: Duration = Duration::from_millis(150);
    let mut line = line();
    line.proxy.delay(DELAY);
    let begin = Instant::now();
    for _ in 0..20 {
        line.client.write_all(b"question").unwrap();
    }
    assert!(hears(&mut line.target, &b"question".repeat(20)));
    assert!(begin.elapsed() >= DELAY);
    line.target.write_all(b"answer").unwrap();
    assert!(hears(&mut line.client, b"answer"));
    assert!(begin.elapsed() >= DELAY * 2);
    assert!(begin.elapsed() < DELAY * 10, "each byte was delayed by all before it");
}

#[test]
fn a_stall_is_one_way_and_loses_nothing() {
    for stalled in [Direction::ToTarget, Direction::ToClient] {
        let mut line = line();
        line.proxy.stall(stalled);
        line.client.write_all(b"question").unwrap();
        line.target.write_all(b"answer").unwrap();
        let (mut silent, mut open) = match stalled {
            Direction::ToTarget => {
                ((line.target, b"question".as_slice()), (line.client, b"answer".as_slice()))
            }
            Direction::ToClient => {
                ((line.client, b"answer".as_slice()), (line.target, b"question".as_slice()))
            }
        };
        assert!(hears(&mut open.0, open.1));
        assert!(is_silent(&mut silent.0));
        line.proxy.heal();
        assert!(hears(&mut silent.0, silent.1));
    }
}

#[test]
fn a_stalled_direction_takes_no_bytes_for_ever() {
    let mut line = line();
    line.proxy.stall(Direction::ToTarget);
    let taken = fill(&mut line.client);
    assert!(is_silent(&mut line.target));
    line.proxy.heal();
    assert!(hears(&mut line.target, &vec![7; taken]));
}

#[test]
fn a_cut_line_is_silent_for_old_and_new_connections_until_it_heals() {
    let mut line = line();
    line.proxy.cut();
    line.client.write_all(b"question").unwrap();
    line.target.write_all(b"answer").unwrap();
    let mut late = connect(line.proxy.address());
    late.write_all(b"me too").unwrap();
    assert_eq!(line.proxy.connections(), 2);
    assert!(is_silent(&mut line.target) && is_silent(&mut line.client) && is_silent(&mut late));
    line.listener.set_nonblocking(true).unwrap();
    assert!(line.listener.accept().is_err(), "the target heard of the new connection");
    line.listener.set_nonblocking(false).unwrap();
    line.proxy.heal();
    assert!(hears(&mut line.target, b"question") && hears(&mut line.client, b"answer"));
    assert!(hears(&mut line.listener.accept().unwrap().0, b"me too"));
}

#[test]
fn nobody_learns_over_a_cut_line_that_the_other_has_gone() {
    let mut line = line();
    line.proxy.cut();
    drop(line.client);
    assert!(is_silent(&mut line.target));
    line.proxy.heal();
    assert!(is_at_end(&mut line.target));
}

#[test]
fn a_connection_is_cut_after_exactly_so_many_bytes() {
    let mut line = line();
    line.target.write_all(b"before").unwrap();
    assert!(hears(&mut line.client, b"before"));
    line.proxy.cut_after(100_000);
    let mut late = connect(line.proxy.address());
    for (mut target, client) in
        [(line.target, &mut line.client), (line.listener.accept().unwrap().0, &mut late)]
    {
        target.write_all(&vec![7; 150_000]).unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        assert_eq!(heard.len(), 100_000);
    }
}

#[test]
fn an_idle_connection_is_cut_at_once_when_it_may_deliver_nothing() {
    let mut line = line();
    line.proxy.cut_after(0);
    assert!(is_at_end(&mut line.client) && is_at_end(&mut line.target));
}

#[test]
fn a_reset_reaches_both_ends_of_open_connections_only() {
    let mut line = line();
    let mut unaccepted = connect(line.proxy.address());
    line.proxy.reset();
    for end in [&mut line.client, &mut line.target, &mut unaccepted] {
        assert!(is_reset(end));
    }
    let mut late = connect(line.proxy.address());
    late.write_all(b"hello").unwrap();
    let heard = line.listener.incoming().flatten().any(|mut target| hears(&mut target, b"hello"));
    assert!(heard);
}

#[test]
fn new_connections_are_refused_while_old_ones_live() {
    let mut line = line();
    line.proxy.refuse(true);
    assert!(is_reset(&mut connect(line.proxy.address())));
    line.client.write_all(b"question").unwrap();
    assert!(hears(&mut line.target, b"question"));
    line.proxy.refuse(false);
    connect(line.proxy.address()).write_all(b"hello").unwrap();
    assert!(hears(&mut line.listener.accept().unwrap().0, b"hello"));
}

#[test]
fn a_target_that_is_away_resets_its_clients() {
    let away = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let proxy = FaultProxy::to(away);
    assert!(is_reset(&mut connect(proxy.address())));
}

#[test]
fn a_reset_from_one_end_reaches_the_other() {
    let mut line = line();
    // Closing with unread bytes is a reset.
    line.client.write_all(b"unread").unwrap();
    line.target.peek(&mut [0]).unwrap();
    drop(line.target);
    assert!(is_reset(&mut line.client));
}

#[test]
fn a_dropped_proxy_takes_its_port_and_its_connections_along() {
    let mut line = line();
    let address = line.proxy.address();
    drop(line.proxy);
    assert!(is_at_end(&mut line.client) && is_at_end(&mut line.target));
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn a_test_that_blocks_its_runtime_does_not_stop_the_proxy() {
    let mut line = line();
    line.client.write_all(b"question").unwrap();
    assert!(hears(&mut line.target, b"question"));
}

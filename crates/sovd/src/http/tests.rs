//! A name server that changes its mind, and where requests go meanwhile.
//!
//! Knows no vehicle: who is connected to says nothing but an empty list.

use super::*;
use crate::{Client, Error};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

/// Longer than anything takes that is not broken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where a name leads that may be followed.
const CAR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Where none may be followed to.
const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Gives each answer once, and the next to whoever asks again.
#[derive(Default)]
struct Rebinding(Mutex<VecDeque<Vec<Ipv4Addr>>>);

impl Resolve for Rebinding {
    fn resolve(&self, _: Name) -> Resolving {
        let answer = self.0.lock().unwrap().pop_front().expect("nobody asks that often");
        let addresses = answer.into_iter().map(|address| SocketAddr::from((address, 0)));
        let addresses: Addrs = Box::new(addresses);
        Box::pin(async move { Ok(addresses) })
    }
}

impl Rebinding {
    fn unasked(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Listeners at one port of both addresses.
fn listeners() -> (TcpListener, TcpListener) {
    let pair = || {
        let car = TcpListener::bind((CAR, 0)).unwrap();
        let inside = TcpListener::bind((INSIDE, car.local_addr().unwrap().port()));
        inside.ok().map(|inside| (car, inside))
    };
    std::iter::repeat_with(pair).take(20).flatten().next().expect("a port is free at both")
}

/// Answers one request, and hangs up.
fn answer_once(car: TcpListener) -> JoinHandle<TcpListener> {
    thread::spawn(move || {
        let (mut stream, _) = car.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\
            content-type: application/json\r\ncontent-length: 12\r\n\r\n{\"items\":[]}";
        stream.write_all(answer).unwrap();
        car
    })
}

fn is_left_alone(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    listener.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_what_was_judged_is_connected_to() {
    let (car, inside) = listeners();
    let port = car.local_addr().unwrap().port();
    // Judged by its first answer, it must not be followed to its second.
    let answers = [vec![INSIDE, CAR], vec![INSIDE], vec![INSIDE, INSIDE]];
    let names = Arc::new(Rebinding(Mutex::new(answers.into())));
    let transport = Transport { admits: |address| address == CAR, ..Transport::default() };
    let http = Http::asking(&names, &transport).unwrap();
    let base = Url::parse(&format!("http://car.example:{port}/v1")).unwrap();
    let client = Client::new(base, http);

    let answering = answer_once(car);
    let listed = tokio::time::timeout(PATIENCE, client.components()).await;
    assert!(listed.expect("the car is asked").unwrap().is_empty());
    let car = answering.join().unwrap();
    assert_eq!(names.unasked(), 2, "one connection, one question");

    // A new connection is judged anew.
    for unasked in [1, 0] {
        let error = client.components().await.unwrap_err();
        assert!(matches!(error, Error::NotAdmitted { .. }), "{error:?}");
        assert_eq!(names.unasked(), unasked);
    }
    assert!(is_left_alone(&inside) && is_left_alone(&car));
}

//! What one core can write: a server that only writes frames, encoded once, to raw sockets.
//!
//! Refuses to be a product: no rights, no store, no pings, and who falls far behind is cut off.

mod bus;
mod client;
mod topic;

use crate::event;
use crate::frame;
use bus::Bus;
use client::Client;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use topic::Topic;

const SOCKETS: Token = Token(0);
const CONTROL: Token = Token(1);
const RECORDS: Token = Token(2);
const BUS: Token = Token(3);
/// The tokens of clients follow.
const FIRST_CLIENT: usize = 4;

/// Bytes of a record on the control connection: topic and number of an event to publish.
const RECORD_BYTES: usize = 8;

/// How it writes.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Setting {
    /// Writes each frame by itself, where it otherwise writes all that are there at once.
    #[arg(long)]
    single: bool,
    /// How long each event is.
    #[arg(long)]
    event_bytes: usize,
    /// A Redis server that publishes the events.
    #[arg(long)]
    bus: Option<SocketAddr>,
    /// How many topics it publishes.
    #[arg(long, default_value_t = 0)]
    topics: u32,
}

/// A record that has an event published.
pub(crate) fn record(topic: u32, number: u32) -> Vec<u8> {
    [topic.to_le_bytes(), number.to_le_bytes()].concat()
}

/// Serves until it is killed.
///
/// # Errors
///
/// What the kernel refuses.
pub(crate) fn run(setting: Setting) -> io::Result<()> {
    let mut server = Server::listen(setting)?;
    let mut ready = Events::with_capacity(1024);
    loop {
        server.poll.poll(&mut ready, None)?;
        for event in &ready {
            match event.token() {
                SOCKETS => server.accept()?,
                CONTROL => server.accept_control()?,
                RECORDS => server.publish()?,
                BUS => server.pass_on()?,
                Token(token) => server.serve(token - FIRST_CLIENT),
            }
        }
    }
}

struct Server {
    setting: Setting,
    poll: Poll,
    sockets: TcpListener,
    control: TcpListener,
    /// Where records come from; `None` until somebody connects.
    records: Option<TcpStream>,
    unread: Vec<u8>,
    /// Where else events come from.
    bus: Option<Bus>,
    /// What is in every event.
    payload: String,
    topics: Vec<Topic>,
    /// By token; `None` = gone.
    clients: Vec<Option<Client>>,
}

impl Server {
    /// Listens, and prints where.
    fn listen(setting: Setting) -> io::Result<Self> {
        let poll = Poll::new()?;
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut sockets = TcpListener::bind(anywhere)?;
        let mut control = TcpListener::bind(anywhere)?;
        poll.registry().register(&mut sockets, SOCKETS, Interest::READABLE)?;
        poll.registry().register(&mut control, CONTROL, Interest::READABLE)?;
        let bus = setting.bus.map(|bus| Bus::subscribe(bus, setting.topics)).transpose()?;
        let bus = bus.map(|bus| bus.register(poll.registry(), BUS)).transpose()?;
        let ready = json!({ "sockets": sockets.local_addr()?, "control": control.local_addr()? });
        println!("{ready}");
        Ok(Self {
            setting,
            poll,
            sockets,
            control,
            records: None,
            unread: Vec::new(),
            bus,
            payload: event::payload(setting.event_bytes),
            topics: Vec::new(),
            clients: Vec::new(),
        })
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Some(mut stream) = waiting(&self.sockets)? {
            let token = Token(FIRST_CLIENT + self.clients.len());
            let both = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, token, both)?;
            self.clients.push(Some(Client::new(stream)));
        }
        Ok(())
    }

    fn accept_control(&mut self) -> io::Result<()> {
        while let Some(mut stream) = waiting(&self.control)? {
            self.poll.registry().register(&mut stream, RECORDS, Interest::READABLE)?;
            self.records = Some(stream);
        }
        Ok(())
    }

    /// Publishes what the records say, until there are no more.
    fn publish(&mut self) -> io::Result<()> {
        let mut chunk = [0; 4096];
        while let Some(records) = &mut self.records {
            match records.read(&mut chunk) {
                Ok(0) => self.records = None,
                Ok(count) => {
                    self.unread.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    self.publish_read();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn publish_read(&mut self) {
        let whole = self.unread.len() / RECORD_BYTES * RECORD_BYTES;
        let mut touched = BTreeSet::new();
        for record in self.unread.drain(..whole).collect::<Vec<_>>().chunks_exact(RECORD_BYTES) {
            let Some((topic, number)) = fields(record) else { continue };
            let text = event::text(&event::id(topic), number, number, &self.payload);
            self.append(topic, text.as_bytes());
            touched.insert(topic);
        }
        self.write_all(touched);
    }

    /// Publishes what the bus says, until there is no more.
    fn pass_on(&mut self) -> io::Result<()> {
        while let Some(bus) = &mut self.bus
            && let Some(messages) = bus.read()?
        {
            let mut touched = BTreeSet::new();
            for (topic, text) in messages {
                self.append(topic, &text);
                touched.insert(topic);
            }
            self.write_all(touched);
        }
        Ok(())
    }

    fn append(&mut self, topic: u32, text: &[u8]) {
        topic::at(&mut self.topics, topic).append(&frame::of_server(frame::TEXT, text));
    }

    fn write_all(&mut self, touched: BTreeSet<u32>) {
        for topic in touched {
            let audience = std::mem::take(&mut topic::at(&mut self.topics, topic).audience);
            for &client in &audience {
                self.write(client, topic);
            }
            topic::at(&mut self.topics, topic).audience = audience;
        }
    }

    /// Writes what is there for a client, as far as its socket takes it.
    fn write(&mut self, index: usize, topic: u32) {
        let Some(place) = self.clients.get_mut(index) else { return };
        let topic = topic::at(&mut self.topics, topic);
        let is_there = |client: &mut Client| client.write(topic, self.setting.single).is_ok();
        if !place.as_mut().is_some_and(is_there) {
            *place = None;
        }
    }

    /// Lets a client in, or hears its goodbye; then writes on.
    fn serve(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index).and_then(Option::as_mut) else { return };
        let known = client.topic;
        match client.read() {
            Ok(Some(topic)) => {
                if known.is_none() {
                    topic::at(&mut self.topics, topic).audience.push(index);
                }
                self.write(index, topic);
            }
            Ok(None) => {}
            Err(_) => self.leave(index),
        }
    }

    fn leave(&mut self, index: usize) {
        let client = self.clients.get_mut(index).and_then(Option::take);
        if let Some(topic) = client.and_then(|client| client.topic) {
            topic::at(&mut self.topics, topic).audience.retain(|it| *it != index);
        }
    }
}

/// The next connection that waits to be accepted.
fn waiting(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => {
            stream.set_nodelay(true)?;
            Ok(Some(stream))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn fields(record: &[u8]) -> Option<(u32, u32)> {
    let (topic, rest) = record.split_first_chunk()?;
    Some((u32::from_le_bytes(*topic), u32::from_le_bytes(*rest.first_chunk()?)))
}

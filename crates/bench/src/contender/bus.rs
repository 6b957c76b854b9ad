//! Events as another node publishes them on Redis.
//!
//! Refuses to be heard by nobody: it waits for the subscriptions of whoever is measured.

use crate::event;
use crate::load::feed::Feed;
use std::io::Write;
use std::net::TcpStream;
use std::rc::Rc;
use testkit::Redis;

/// A command whose events come over the bus.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) command_id: String,
    /// The offset of its newest event in the store.
    pub(super) stored: u32,
}

impl Topic {
    /// One of the limit, which stores nothing.
    pub(super) fn of_limit(topic: u32) -> Self {
        Self { command_id: event::id(topic), stored: 0 }
    }

    fn channel(&self) -> String {
        format!("response:{}", self.command_id)
    }

    /// What Redis is told, for it to pass on an event.
    fn publish(&self, number: u32, payload: &str) -> Vec<u8> {
        let text = event::text(&self.command_id, number, self.stored + number, payload);
        let (channel, length) = (self.channel(), text.len());
        let channel_length = channel.len();
        format!("*3\r\n$7\r\nPUBLISH\r\n${channel_length}\r\n{channel}\r\n${length}\r\n{text}\r\n")
            .into_bytes()
    }
}

/// Publishes on Redis.
pub(super) fn feed(redis: &Rc<Redis>, topics: Vec<Topic>, event_bytes: usize) -> Feed {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).expect("Redis listens");
    // Nobody reads what Redis would answer.
    stream.write_all(b"CLIENT REPLY OFF\r\n").expect("Redis reads");
    let payload = event::payload(event_bytes);
    let channels: Vec<_> = topics.iter().map(Topic::channel).collect();
    let encode = move |topic: u32, number| {
        let topic = topics.get(topic as usize).expect("it is one of them");
        topic.publish(number, &payload)
    };
    let redis = Rc::clone(redis);
    Feed::new(vec![stream], encode).once(move || is_heard(&redis, &channels))
}

/// Whether somebody has subscribed to each of these.
fn is_heard(redis: &Redis, channels: &[String]) -> bool {
    let mut words = vec!["PUBSUB", "NUMSUB"];
    words.extend(channels.iter().map(String::as_str));
    redis.command(&words).lines().skip(1).step_by(2).all(|count| count != "0")
}

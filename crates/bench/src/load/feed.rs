//! How events get into a contender.
//!
//! Refuses to be in the way: what is published together is written together.

use super::socket::PATIENCE;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

/// What is written for an event, by its topic and its number.
type Encode = Box<dyn Fn(u32, u32) -> Vec<u8>>;

/// The connections on which a contender learns of events.
pub(crate) struct Feed {
    streams: Vec<TcpStream>,
    encode: Encode,
    is_heard: Box<dyn Fn() -> bool>,
    unsent: BTreeMap<usize, Vec<u8>>,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("streams", &self.streams).finish_non_exhaustive()
    }
}

impl Feed {
    /// One connection for all topics, or one for each.
    pub(crate) fn new(
        streams: Vec<TcpStream>,
        encode: impl Fn(u32, u32) -> Vec<u8> + 'static,
    ) -> Self {
        for stream in &streams {
            stream.set_nodelay(true).expect("it is a TCP socket");
        }
        Self {
            streams,
            encode: Box::new(encode),
            is_heard: Box::new(|| true),
            unsent: BTreeMap::new(),
        }
    }

    /// The same where what is published too early is heard by nobody.
    pub(crate) fn once(self, is_heard: impl Fn() -> bool + 'static) -> Self {
        Self { is_heard: Box::new(is_heard), ..self }
    }

    /// Waits until what is published is heard, once everybody is connected.
    pub(crate) fn await_ears(&self) {
        let begun = Instant::now();
        while !(self.is_heard)() {
            assert!(begun.elapsed() < PATIENCE, "nobody hears what would be published");
        }
    }

    /// Publishes an event with the next flush.
    pub(crate) fn publish(&mut self, topic: u32, number: u32) {
        let bytes = (self.encode)(topic, number);
        let stream = topic as usize % self.streams.len();
        self.unsent.entry(stream).or_default().extend(bytes);
    }

    /// Writes what was published.
    pub(crate) fn flush(&mut self) {
        while let Some((stream, bytes)) = self.unsent.pop_first() {
            let stream = self.streams.get_mut(stream).expect("it was chosen among them");
            stream.write_all(&bytes).expect("the contender reads");
        }
    }
}

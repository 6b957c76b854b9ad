//! Cuts a byte stream into server-sent events.
//! Refuses to buffer more than one event, and an event over the limit.

use bytes::{Buf, Bytes};

/// A line or an event exceeded the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Oversized;

/// One dispatched event; other fields (`id`, `retry`) are dropped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The `event` field; empty if there was none.
    pub(crate) kind: Vec<u8>,
    /// The `data` fields, joined by line feeds.
    pub(crate) data: Vec<u8>,
}

/// Reads events from bytes that arrive in any pieces.
#[derive(Debug)]
pub(crate) struct Decoder {
    limit: usize,
    line: Vec<u8>,
    kind: Vec<u8>,
    data: Option<Vec<u8>>,
    after_return: bool,
    at_start: bool,
}

impl Decoder {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            kind: Vec::new(),
            data: None,
            after_return: false,
            at_start: true,
        }
    }

    /// The next event in `input`, from which it takes what it has read; `None` when it needs more.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Event>, Oversized> {
        while self.complete_line(input)? {
            if let Some(event) = self.end_line()? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// What was begun when the stream ended, as if a blank line had followed.
    pub(crate) fn finish(&mut self) -> Result<Option<Event>, Oversized> {
        Ok(self.end_line()?.or_else(|| self.dispatch()))
    }

    fn complete_line(&mut self, input: &mut Bytes) -> Result<bool, Oversized> {
        if self.after_return && input.has_remaining() {
            self.after_return = false;
            if input.first() == Some(&b'\n') {
                input.advance(1);
            }
        }
        let end = input.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let rest = input.split_to(end.unwrap_or(input.len()));
        if self.line.len().saturating_add(rest.len()) > self.limit {
            return Err(Oversized);
        }
        self.line.extend_from_slice(&rest);
        if end.is_some() {
            self.after_return = input.get_u8() == b'\r';
        }
        Ok(end.is_some())
    }

    fn end_line(&mut self) -> Result<Option<Event>, Oversized> {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if std::mem::take(&mut self.at_start) {
            text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        }
        if text.is_empty() {
            return Ok(self.dispatch());
        }
        self.take_field(text)?;
        Ok(None)
    }

    fn take_field(&mut self, line: &[u8]) -> Result<(), Oversized> {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => self.add_data(value),
            b"event" => {
                self.kind = value.to_vec();
                Ok(())
            }
            // A comment has an empty name.
            _ => Ok(()),
        }
    }

    fn add_data(&mut self, value: &[u8]) -> Result<(), Oversized> {
        let Some(data) = &mut self.data else {
            self.data = Some(value.to_vec());
            return Ok(());
        };
        if data.len().saturating_add(value.len()) >= self.limit {
            return Err(Oversized);
        }
        data.push(b'\n');
        data.extend_from_slice(value);
        Ok(())
    }

    fn dispatch(&mut self) -> Option<Event> {
        let kind = std::mem::take(&mut self.kind);
        self.data.take().map(|data| Event { kind, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]], limit: usize) -> (Vec<Event>, bool) {
        let mut decoder = Decoder::new(limit);
        let mut events = Vec::new();
        for piece in pieces {
            let mut input = Bytes::copy_from_slice(piece);
            loop {
                match decoder.next(&mut input) {
                    Ok(Some(event)) => events.push(event),
                    Ok(None) => break,
                    Err(Oversized) => return (events, true),
                }
            }
        }
        let last = decoder.finish();
        let oversized = last.is_err();
        events.extend(last.ok().flatten());
        (events, oversized)
    }

    fn data(stream: &str) -> Vec<String> {
        let (events, _) = read(&[stream.as_bytes()], 1000);
        events.into_iter().map(|event| String::from_utf8(event.data).unwrap()).collect()
    }

    fn lines() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "data: ?[a-c:]{0,8}",
            "event:[a-c]{0,3}",
            ": [a-c]{0,4}",
            "id: 7",
            "[a-z]{0,4}",
            Just(String::new()),
        ];
        let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
        let text = prop::collection::vec((line, end), 0..40);
        text.prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
    }

    proptest! {
        #[test]
        fn the_split_of_the_bytes_does_not_matter(
            stream in lines(),
            cuts in prop::collection::vec(0_usize..400, 0..12),
            limit in prop_oneof![Just(12_usize), Just(1000)],
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&pieces, limit), read(&[bytes], limit));
        }

        #[test]
        fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            read(&[&bytes], 100);
        }
    }

    #[test]
    fn data_lines_of_one_event_are_joined() {
        assert_eq!(data("data: a\ndata:b\n\ndata: c\r\n\r\n"), ["a\nb", "c"]);
    }

    #[test]
    fn comments_and_unknown_fields_are_skipped() {
        assert_eq!(data(": hi\nretry: 5\ndata: a\nx\n\n:\n\n"), ["a"]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    }

    #[test]
    fn an_event_over_the_limit_is_refused() {
        assert!(read(&[b"data: 1\n\ndata: 0123456789\n\n"], 12).1);
        assert!(read(&[b"data: 0123\ndata: 4567\ndata: 89ab\n\n"], 12).1);
    }
}

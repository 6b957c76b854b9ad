//! Frames of RFC 6455, as far as a load needs them.
//!
//! Refuses fragments and masks of servers: no contender sends any.

/// A text frame.
pub(crate) const TEXT: u8 = 1;
/// A binary frame.
pub(crate) const BINARY: u8 = 2;
/// The frame that ends a connection.
pub(crate) const CLOSE: u8 = 8;
/// The question whether the peer is there.
pub(crate) const PING: u8 = 9;
/// The answer to it.
pub(crate) const PONG: u8 = 10;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const TWO_BYTES: u8 = 126;
const EIGHT_BYTES: u8 = 127;

/// One whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
}

/// The first frame of what a server sent, and what follows it; `None` as long as it is not whole.
pub(crate) fn split(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (&[first, length], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match length {
        TWO_BYTES => {
            rest.split_first_chunk().map(|(it, rest)| (u16::from_be_bytes(*it).into(), rest))?
        }
        EIGHT_BYTES => {
            rest.split_first_chunk().map(|(it, rest)| (u64::from_be_bytes(*it), rest))?
        }
        short => (short.into(), rest),
    };
    let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((Frame { opcode: first & 0x0f, payload }, rest))
}

/// A frame as a server sends it.
pub(crate) fn of_server(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, 0, payload.len());
    frame.extend_from_slice(payload);
    frame
}

/// A frame as a client sends it; the mask of zeros changes nothing.
pub(crate) fn of_client(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, MASKED, payload.len());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn head(opcode: u8, mask: u8, length: usize) -> Vec<u8> {
    let mut head = vec![FINAL | opcode];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) if length < TWO_BYTES => head.push(mask | length),
        (_, Ok(length)) => {
            head.push(mask | TWO_BYTES);
            head.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            head.push(mask | EIGHT_BYTES);
            head.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_is_read_as_it_was_written() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = of_server(TEXT, &payload);
            let whole = bytes.len();
            bytes.extend_from_slice(b"next");
            let (frame, rest) = split(&bytes).unwrap();
            assert_eq!((frame.opcode, frame.payload, rest), (TEXT, &*payload, &b"next"[..]));
            assert_eq!(split(&bytes[..whole - 1]), None, "{length}");
        }
    }
}

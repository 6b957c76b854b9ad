//! One fault of the link as people write it: `NAME=TIME:SHARE@PATH`.
//!
//! Draws no lots: it is told them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const MAX_PAUSE: Duration = Duration::from_mins(10);
/// How long a control unit stays away when nobody says.
const ABSENCE: Duration = Duration::from_secs(5);
/// Shares are counted in millionths.
const WHOLE: u32 = 1_000_000;

/// What can happen to a request or its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Waits before it is carried out.
    Latency,
    /// Is answered 500, 502, 503 or 504 and not carried out.
    ServerError,
    /// An event stream breaks off in the middle of an event.
    CutStream,
    /// An event stream ends between two events, as if it were over.
    EndStream,
    /// Fewer bytes than announced.
    Truncate,
    /// The right bytes as `text/html`.
    ContentType,
    /// JSON that does not parse.
    Malformed,
    /// The control unit is not there for a while.
    Vanish,
    /// The connection is reset, and nothing was carried out.
    ResetBefore,
    /// The connection is reset after the request was carried out.
    ResetAfter,
}

/// How many of the requests that a rule concerns are hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    /// Millionths.
    Of(u32),
    First(u64),
}

/// One fault, whom it hits and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    kind: Kind,
    /// The least and the longest time; `None` for a fault that takes none.
    pause: Option<(Duration, Duration)>,
    share: Share,
    /// Below the base of the vehicle; empty for everywhere.
    path: String,
}

/// A word that is no fault of a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFault {
    /// There is no fault of that name.
    #[error(
        "`{0}` is no fault: latency, 5xx, cut-sse, end-sse, truncate, content-type, malformed, \
         vanish, reset-before and reset-after are"
    )]
    Name(String),
    /// The fault has a share, number or time that cannot be read.
    #[error("`{word}`: `{part}` is neither a share such as 5% nor a number such as 3x{times}")]
    Amount {
        /// The whole word.
        word: String,
        /// What cannot be read.
        part: String,
        /// What else it may be.
        times: &'static str,
    },
    /// The fault does not say how often, or how long.
    #[error("`{0}` does not say {1}")]
    Missing(String, &'static str),
    /// The path does not begin with a slash.
    #[error("`{0}`: a path begins with a slash, such as @/components/engine_ecu")]
    Path(String),
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Latency,
        Self::ServerError,
        Self::CutStream,
        Self::EndStream,
        Self::Truncate,
        Self::ContentType,
        Self::Malformed,
        Self::Vanish,
        Self::ResetBefore,
        Self::ResetAfter,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::ServerError => "5xx",
            Self::CutStream => "cut-sse",
            Self::EndStream => "end-sse",
            Self::Truncate => "truncate",
            Self::ContentType => "content-type",
            Self::Malformed => "malformed",
            Self::Vanish => "vanish",
            Self::ResetBefore => "reset-before",
            Self::ResetAfter => "reset-after",
        }
    }

    fn takes_time(self) -> bool {
        matches!(self, Self::Latency | Self::Vanish)
    }

    fn times(self) -> &'static str {
        if self.takes_time() {
            " nor a time such as 50ms or 20ms..80ms, 10 minutes at most"
        } else {
            ""
        }
    }
}

impl Rule {
    /// Whether a request could be hit.
    pub(super) fn concerns(&self, kind: Kind, path: &str) -> bool {
        let below = path.strip_prefix(&self.path);
        self.kind == kind && below.is_some_and(|it| it.is_empty() || it.starts_with('/'))
    }

    /// Whether the request that came in this turn is hit; turns are counted from 0.
    pub(super) fn hits(&self, turn: u64, lot: u64) -> bool {
        match self.share {
            Share::Of(millionths) => lot % u64::from(WHOLE) < u64::from(millionths),
            Share::First(number) => turn < number,
        }
    }

    /// How long the fault lasts.
    pub(super) fn pause(&self, lot: u64) -> Duration {
        let (least, longest) = self.pause.unwrap_or_default();
        let span_ms = u64::try_from(longest.saturating_sub(least).as_millis()).unwrap_or_default();
        least + Duration::from_millis((lot >> 20) % (span_ms + 1))
    }
}

impl FromStr for Rule {
    type Err = NoFault;

    fn from_str(word: &str) -> Result<Self, NoFault> {
        let (fault, path) = word.split_once('@').unwrap_or((word, ""));
        let (name, amount) = fault.split_once('=').unwrap_or((fault, ""));
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == name);
        let kind = kind.ok_or_else(|| NoFault::Name(name.to_owned()))?;
        if !path.is_empty() && !path.starts_with('/') {
            return Err(NoFault::Path(word.to_owned()));
        }
        let (mut pause, mut share) = (None, None);
        for part in amount.split(':').filter(|part| !part.is_empty()) {
            let time = kind.takes_time().then(|| times(part)).flatten();
            pause = pause.or(time);
            share = share.or(Share::of(part));
            if time.is_none() && Share::of(part).is_none() {
                let (word, part) = (word.to_owned(), part.to_owned());
                return Err(NoFault::Amount { word, part, times: kind.times() });
            }
        }
        let path = path.trim_end_matches('/').to_owned();
        Self { kind, pause, share: Share::Of(WHOLE), path }.shared(share, word)
    }
}

impl Rule {
    /// Fills in what may be left out: latency hits all, and absence has its length.
    fn shared(mut self, share: Option<Share>, word: &str) -> Result<Self, NoFault> {
        let missing = |what| NoFault::Missing(word.to_owned(), what);
        if self.kind == Kind::Latency {
            self.pause.ok_or_else(|| missing("how long, such as latency=50ms"))?;
            self.share = share.unwrap_or(self.share);
            return Ok(self);
        }
        if self.kind == Kind::Vanish {
            self.pause = self.pause.or(Some((ABSENCE, ABSENCE)));
        }
        self.share = share.ok_or_else(|| missing("how often, such as =5% or =3x"))?;
        Ok(self)
    }
}

impl Share {
    fn of(part: &str) -> Option<Self> {
        if let Some(number) = part.strip_suffix('x') {
            return number.parse().ok().map(Self::First);
        }
        let percent: f64 = part.strip_suffix('%')?.parse().ok()?;
        if !(0.0..=100.0).contains(&percent) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to a million"
        )]
        Some(Self::Of((percent * f64::from(WHOLE / 100)).round() as u32))
    }
}

/// The bounds of `50ms` or `20ms..80ms`.
fn times(part: &str) -> Option<(Duration, Duration)> {
    let (least, longest) = part.split_once("..").unwrap_or((part, part));
    let (least, longest) = (time(least)?, time(longest)?);
    (least <= longest && longest <= MAX_PAUSE).then_some((least, longest))
}

fn time(text: &str) -> Option<Duration> {
    if let Some(number_ms) = text.strip_suffix("ms") {
        return number_ms.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}=", self.kind.word())?;
        if let Some((least, longest)) = self.pause {
            write!(formatter, "{}ms..{}ms:", least.as_millis(), longest.as_millis())?;
        }
        match self.share {
            Share::Of(millionths) => {
                write!(formatter, "{}%", f64::from(millionths) / f64::from(WHOLE / 100))?;
            }
            Share::First(number) => write!(formatter, "{number}x")?,
        }
        if self.path.is_empty() { Ok(()) } else { write!(formatter, "@{}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(word: &str) -> String {
        word.parse::<Rule>().unwrap_err().to_string()
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        let words = [
            "latency=50ms..50ms:100%",
            "latency=20ms..1000ms:10%@/components",
            "5xx=0.5%",
            "vanish=5000ms..5000ms:3x",
        ];
        for word in words {
            assert_eq!(word.parse::<Rule>().unwrap().to_string(), word);
        }
        assert_eq!("latency=50ms".parse::<Rule>(), words[0].parse());
        assert_eq!("vanish=3x".parse::<Rule>(), words[3].parse());
    }

    #[test]
    fn a_wrong_word_is_named_with_the_right_ones() {
        assert!(refusal("explosion=1%").contains("`explosion` is no fault: latency, 5xx"));
        assert!(refusal("5xx=often").contains("`often` is neither a share"));
        assert!(refusal("5xx=50ms").contains("`50ms` is neither"));
        assert!(refusal("5xx=101%").contains("`101%`"));
        assert!(refusal("latency=9ms..3ms").contains("a time such as 50ms"));
        assert!(refusal("latency=700s").contains("10 minutes"));
        assert!(refusal("latency").contains("how long"));
        assert!(refusal("cut-sse").contains("how often"));
        assert!(refusal("5xx=1%@components").contains("begins with a slash"));
    }
}

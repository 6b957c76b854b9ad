//! The log of an entity: read, followed, configured.
//!
//! Sorts and merges nothing. The standard has no pages and no stream: who follows a log reads it again
//! and again, and is told when entries may have passed in between.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem;
use std::time::Duration;

use ::sovd::{Call, Client, Error, Link, LogEntry, LogSeverity, Logs};
use model::Timestamp;
use model::catalog::logs::{LogSeverity as Severity, Question};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::asker::Asker;
use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::read_back;
use super::failure;
use super::feed::Gap;
use super::live::{Begun, Left, Span, Tally};
use crate::clock;
use crate::order::End;

/// How often a log is read that is followed.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of entries in one part, about.
const PAGE_BYTES: usize = 256 * 1024;

/// A part with entries.
#[derive(Serialize)]
struct Page<'a> {
    items: &'a [&'a RawValue],
}

/// Which entries of a log are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    severity: Option<LogSeverity>,
    since: Option<Timestamp>,
}

/// A log at the vehicle.
struct Log {
    client: Client,
    entries: Link,
    filter: Filter,
}

/// The entries of the last read, by a hash of their text: a log may say the same twice.
#[derive(Default)]
struct Seen {
    times: HashMap<u64, usize>,
    at: Option<Timestamp>,
}

/// What a read showed beyond the one before.
struct Fresh {
    entries: Vec<LogEntry>,
    /// Nothing of the read before is there any more: what came in between may have passed.
    gap: Option<Gap>,
}

impl Attempt<'_> {
    /// Carries out a command about logs and recordings.
    pub(super) async fn about_logs(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::Read { entity, severity, since } => {
                reading(stop, self.read_log(entity, Filter::new(*severity, *since))).await
            }
            Q::Follow { entity, severity, since, duration } => {
                let span = Span { stop, duration: (*duration).into() };
                self.follow_log(span, entity, Filter::new(*severity, *since)).await
            }
            Q::Config { entity, items } => self.configure_log(stop, entity, items.as_deref()).await,
            Q::CommlogStart { entity, config, stream, duration } => {
                let span = Span { stop, duration: (*duration).into() };
                self.record(span, entity, config, stream.as_deref()).await
            }
            Q::CommlogStop { entity, id } => self.end_recording(stop, entity, id).await,
            Q::CommlogFetch { entity, id } => reading(stop, self.fetch_recording(entity, id)).await,
        }
    }

    /// The entries, as many to a part as fit.
    async fn read_log(&mut self, entity: &str, filter: Filter) -> Result<(), End> {
        let log = self.log(entity, filter).await?;
        let mut entries = log.call().await.map_err(failure::of_read)?;
        entries.retain(|entry| filter.covers(entry));
        let mut pages = pages(&entries).into_iter().peekable();
        if pages.peek().is_none() {
            return self.outbox.last(&Page { items: &[] }).await;
        }
        while let Some(items) = pages.next() {
            self.outbox.answer(pages.peek().is_none(), &Page { items: &items }).await?;
        }
        Ok(())
    }

    /// New entries as they come.
    async fn follow_log(
        &mut self,
        span: Span<'_>,
        entity: &str,
        filter: Filter,
    ) -> Result<(), End> {
        let log = reading(span.stop, self.log(entity, filter)).await?;
        let mut tally = Tally::default();
        let closing = span.begin().run(self.read_on(&log, &mut tally)).await?;
        self.close(closing, Vec::new(), &tally).await
    }

    async fn read_on(&mut self, log: &Log, tally: &mut Tally) -> Result<Left, End> {
        let mut asker = Asker::default();
        let mut reads = interval(PAUSE);
        reads.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = Seen::default();
        let mut is_first = true;
        loop {
            reads.tick().await;
            let entries = asker.insist(|| log.call()).await;
            let entries =
                entries.map_err(|end| if is_first { end } else { failure::after_begin(end) })?;
            if mem::take(&mut is_first) {
                self.outbox.part(&Begun::polling(PAUSE)).await?;
            }
            let Fresh { entries, gap } = seen.fresh(entries, log.filter);
            if let Some(gap) = gap {
                self.outbox.part(&tally.gap("logs", &gap)).await?;
            }
            tally.count(entries.len());
            for items in pages(&entries) {
                self.outbox.part(&Page { items: &items }).await?;
            }
        }
    }

    /// Sets what is logged, or its default again, and reads it back.
    async fn configure_log(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        items: Option<&[Value]>,
    ) -> Result<(), End> {
        let (client, place) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let Logs { config, .. } = places(&target).await?;
            Ok((target.client, config))
        })
        .await?;
        let call = match items {
            Some(items) => client.set_log_items(&place, items),
            None => client.reset_log_config(&place),
        };
        if self.change(call).await?.is_none() {
            return Ok(());
        }
        let config = client.log_config(&place).await;
        self.finish(read_back(config.map(|config| config.raw))?).await
    }

    async fn log(&self, entity: &str, filter: Filter) -> Result<Log, End> {
        let target = self.entity(entity).await?;
        let Logs { entries, .. } = places(&target).await?;
        Ok(Log { client: target.client, entries, filter })
    }
}

impl Filter {
    fn new(severity: Option<Severity>, since: Option<Timestamp>) -> Self {
        let severity = severity.map(|severity| match severity {
            Severity::Fatal => LogSeverity::Fatal,
            Severity::Error => LogSeverity::Error,
            Severity::Warn => LogSeverity::Warn,
            Severity::Info => LogSeverity::Info,
            Severity::Debug => LogSeverity::Debug,
        });
        Self { severity, since }
    }

    /// Of the severity the vehicle judges; an entry without a time of its own may be new.
    fn covers(self, entry: &LogEntry) -> bool {
        let at = entry.timestamp.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
        self.since.zip(at).is_none_or(|(since, at)| at >= since)
    }
}

impl Log {
    fn call(&self) -> Call<Vec<LogEntry>> {
        let call = self.client.log_entries(&self.entries);
        match self.filter.severity {
            Some(severity) => call.severity(severity),
            None => call,
        }
    }
}

impl Seen {
    /// Remembers a read. Of the first one only what is asked for by its time is fresh.
    fn fresh(&mut self, mut entries: Vec<LogEntry>, filter: Filter) -> Fresh {
        let mut times = HashMap::new();
        for entry in &entries {
            *times.entry(hash(entry)).or_insert(0) += 1;
        }
        let is_first = self.at.is_none();
        let from = self.at.replace(clock::now());
        let mut before = mem::replace(&mut self.times, times);
        let had_any = !before.is_empty();
        let has_overlap = entries.iter().any(|entry| before.contains_key(&hash(entry)));
        entries.retain(|entry| match before.get_mut(&hash(entry)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            Some(_) | None => filter.covers(entry) && !(is_first && filter.since.is_none()),
        });
        let gap =
            from.filter(|_| had_any && !has_overlap).map(|from| Gap { from, until: clock::now() });
        Fresh { entries, gap }
    }
}

fn hash(entry: &LogEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    entry.raw.get().hash(&mut hasher);
    hasher.finish()
}

/// Where the log is; a server that has one may lack the page that says so.
async fn places(target: &Target<'_>) -> Result<Logs, End> {
    let Target { vehicle, entity, .. } = target;
    let is_announced = entity.links.contains_key("logs");
    match vehicle.client.logs(entity).await {
        Err(Error::Refused { status: 404, .. } | Error::Malformed { .. }) if is_announced => {
            let at = |name| entity.place_of("logs", name);
            Ok(Logs { entries: at("entries"), config: at("config") })
        }
        found => found.map_err(failure::of_read),
    }
}

/// Entries by parts, each of them at least one.
fn pages(entries: &[LogEntry]) -> Vec<Vec<&RawValue>> {
    let mut pages: Vec<Vec<&RawValue>> = Vec::new();
    let mut left = 0;
    for LogEntry { raw, .. } in entries {
        let bytes = raw.get().len();
        match pages.last_mut() {
            Some(page) if bytes <= left => page.push(raw),
            _ => {
                pages.push(vec![raw]);
                left = PAGE_BYTES;
            }
        }
        left = left.saturating_sub(bytes);
    }
    pages
}

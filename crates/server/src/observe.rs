//! Logs and metrics: the one place that knows the names of metrics.
//!
//! Refuses to know what is worth saying; and no vehicle, user or command is ever a label.

use crate::config::{LogConfig, LogFormat};
use metrics::{
    Counter, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use model::command::Phase;
use std::error::Error;
use std::io::{IsTerminal, stderr};
use std::panic::{self, PanicHookInfo};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

const HTTP_REQUESTS: &str = "fleetwire_http_requests_total";
const HTTP_SECONDS: &str = "fleetwire_http_request_duration_seconds";
const SOCKETS: &str = "fleetwire_websocket_connections_active";
const SOCKETS_REJECTED: &str = "fleetwire_websocket_rejections_total";
const SOCKETS_CLOSED: &str = "fleetwire_websocket_closes_total";
const STREAMS: &str = "fleetwire_event_streams_active";
const TOPICS: &str = "fleetwire_topics_active";
const SUBSCRIPTIONS: &str = "fleetwire_bus_subscriptions_active";
const EVENTS_DELIVERED: &str = "fleetwire_events_delivered_total";
const LOG_READS: &str = "fleetwire_log_reads_total";
const EVENTS_STORED: &str = "fleetwire_events_stored_total";
const PARTS_DROPPED: &str = "fleetwire_vehicle_parts_dropped_total";
const COMMANDS_SUBMITTED: &str = "fleetwire_commands_submitted_total";
const COMMAND_TRANSITIONS: &str = "fleetwire_command_transitions_total";
const COMMANDS_IN_FLIGHT: &str = "fleetwire_commands_in_flight";
const LOGIN_FAILURES: &str = "fleetwire_login_failures_total";
const TAKEOVERS: &str = "fleetwire_commands_taken_over_total";
const WATCHERS_BEHIND: &str = "fleetwire_watchers_behind";
const NODES: &str = "fleetwire_nodes_alive";
const BUS_CONNECTED: &str = "fleetwire_bus_connected";
const BUS_SECONDS: &str = "fleetwire_bus_publish_duration_seconds";
const BUS_DROPPED: &str = "fleetwire_bus_dropped_total";
const BUS_HEARD: &str = "fleetwire_bus_heard_total";
const EXTERNAL: &str = "fleetwire_external_events_total";
const STORE_WRITE_SECONDS: &str = "fleetwire_store_write_duration_seconds";

/// Upper bounds of the duration histograms, in seconds: from a ring hit to a hung database.
const BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// How often recorded durations are put into their buckets, so that they take no memory unscraped.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("log.filter must be levels such as info or info,fleetwire_server=debug")]
    Filter(#[from] ParseError),
    /// Something else in the process logs already.
    #[error("the log of this process has been set up before")]
    Taken(#[from] TryInitError),
}

/// Logs to the standard error output from here on, panics included.
///
/// # Errors
///
/// [`LogError::Filter`] and [`LogError::Taken`].
pub fn init_logs(config: &LogConfig) -> Result<(), LogError> {
    let is_json = match config.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !stderr().is_terminal(),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse(&config.filter)?)
        .with_ansi(!is_json && stderr().is_terminal())
        .with_writer(stderr);
    if is_json {
        log.json().flatten_event(true).finish().try_init()?;
    } else {
        log.finish().try_init()?;
    }
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    let message = panic.payload_as_str();
    tracing::error!(location, message, "panic");
}

/// An error and its causes on one line, for the log.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // A transparent error repeats its cause.
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    line
}

/// The metrics of this process: there is one set, however many servers run in it.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Metrics").finish_non_exhaustive()
    }
}

/// Starts to record, or joins who does already.
pub fn install() -> Metrics {
    static RECORDING: OnceLock<PrometheusHandle> = OnceLock::new();
    Metrics(RECORDING.get_or_init(record).clone())
}

fn record() -> PrometheusHandle {
    let durations = Matcher::Suffix("_duration_seconds".into());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(durations, &BUCKETS);
    let recorder = builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("metrics go elsewhere: this process had a recorder before");
    }
    describe();
    begin();
    handle
}

impl Metrics {
    /// All of them in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Keeps what is recorded small until `shutdown`.
    pub async fn keep(self, shutdown: CancellationToken) {
        let mut upkeep = tokio::time::interval(UPKEEP);
        while shutdown.run_until_cancelled(upkeep.tick()).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

/// An increase from nothing is none: what alarms look at begins at 0.
fn begin() {
    for phase in Phase::ALL {
        counter!(COMMAND_TRANSITIONS, "state" => phase.word()).increment(0);
    }
    for became in ["recorded", "duplicate", "late", "junk", "failed"] {
        external_event_count(became, 0);
    }
    taken_over(0);
    bus_dropped(0);
}

fn external_event_count(became: &'static str, count: u64) {
    counter!(EXTERNAL, "became" => became).increment(count);
}

fn describe() {
    describe_counter!(HTTP_REQUESTS, "Requests by route, method and status");
    describe_histogram!(
        HTTP_SECONDS,
        Unit::Seconds,
        "Time to answer a request, by route and method"
    );
    describe_gauge!(SOCKETS, "Open WebSocket connections");
    describe_counter!(SOCKETS_REJECTED, "WebSocket connections that were refused, by reason");
    describe_counter!(SOCKETS_CLOSED, "WebSocket connections that ended, by reason");
    describe_gauge!(STREAMS, "Open SSE streams and waiting polls");
    describe_gauge!(TOPICS, "Commands that somebody watches");
    describe_gauge!(SUBSCRIPTIONS, "Subscriptions on the bus");
    describe_counter!(EVENTS_DELIVERED, "Events sent to watchers");
    describe_counter!(LOG_READS, "Questions to the store for watchers: pages of logs, and ends");
    describe_counter!(EVENTS_STORED, "Events of commands that were stored");
    describe_counter!(PARTS_DROPPED, "Parts from vehicles that were not recorded, by reason");
    describe_counter!(COMMANDS_SUBMITTED, "Commands that were accepted");
    describe_counter!(COMMAND_TRANSITIONS, "State changes of commands, by the new state");
    describe_gauge!(COMMANDS_IN_FLIGHT, "Commands that this node executes");
    describe_counter!(LOGIN_FAILURES, "Logins that failed, by reason");
    describe_counter!(TAKEOVERS, "Commands that were taken over from a node that died");
    describe_gauge!(WATCHERS_BEHIND, "Watchers that have not been given all there is");
    describe_gauge!(NODES, "Servers that share the database and are alive");
    describe_gauge!(BUS_CONNECTED, "Whether a connection to the bus stands, by connection");
    describe_histogram!(BUS_SECONDS, Unit::Seconds, "Time from a commit until Redis has its event");
    describe_counter!(BUS_DROPPED, "Messages that the bus did not take; the store has them");
    describe_counter!(BUS_HEARD, "Messages from the bus, by what they were");
    describe_counter!(EXTERNAL, "Events of other programs, by what became of them");
    describe_histogram!(STORE_WRITE_SECONDS, Unit::Seconds, "Time to commit a command's events");
}

/// Something that exists, counted in a gauge until it is dropped.
pub(crate) struct Counted(metrics::Gauge);

impl Counted {
    fn new(gauge: metrics::Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// A socket is open.
pub(crate) fn websocket_open() -> Counted {
    Counted::new(gauge!(SOCKETS))
}

/// An SSE stream or a long poll is open.
pub(crate) fn event_stream_open() -> Counted {
    Counted::new(gauge!(STREAMS))
}

/// A command is watched.
pub(crate) fn topic_open() -> Counted {
    Counted::new(gauge!(TOPICS))
}

/// A watcher has not been given all there is.
pub(crate) fn watcher_behind() -> Counted {
    Counted::new(gauge!(WATCHERS_BEHIND))
}

/// Commands were taken over from a node that died.
pub(crate) fn taken_over(count: usize) {
    counter!(TAKEOVERS).increment(count as u64);
}

/// So many servers share the database.
#[expect(clippy::cast_precision_loss, reason = "nobody runs 2^52 servers")]
pub(crate) fn nodes_alive(count: usize) {
    gauge!(NODES).set(count as f64);
}

/// A connection to the bus came or went.
pub(crate) fn bus_connected(connection: &'static str, is_up: bool) {
    gauge!(BUS_CONNECTED, "connection" => connection).set(if is_up { 1.0 } else { 0.0 });
}

/// Redis has taken an event.
pub(crate) fn bus_published(after: Duration) {
    histogram!(BUS_SECONDS).record(after);
}

/// Messages did not get onto, or off, the bus.
pub(crate) fn bus_dropped(count: u64) {
    counter!(BUS_DROPPED).increment(count);
}

/// A message came over the bus: an event or a notice, or junk.
pub(crate) fn bus_heard(is_known: bool) {
    static EVENTS: LazyLock<Counter> = LazyLock::new(|| counter!(BUS_HEARD, "what" => "event"));
    static JUNK: LazyLock<Counter> = LazyLock::new(|| counter!(BUS_HEARD, "what" => "junk"));
    if is_known { EVENTS.increment(1) } else { JUNK.increment(1) }
}

/// Another program said something about a command.
pub(crate) fn external_event(became: &'static str) {
    external_event_count(became, 1);
}

/// The bus is subscribed to so many commands.
#[expect(clippy::cast_precision_loss, reason = "nobody watches 2^52 commands")]
pub(crate) fn bus_subscriptions(count: usize) {
    gauge!(SUBSCRIPTIONS).set(count as f64);
}

/// A socket was refused.
pub(crate) fn websocket_rejected(reason: &'static str) {
    counter!(SOCKETS_REJECTED, "reason" => reason).increment(1);
}

/// A socket has ended.
pub(crate) fn websocket_closed(reason: &'static str) {
    counter!(SOCKETS_CLOSED, "reason" => reason).increment(1);
}

/// Events went out to a watcher.
pub(crate) fn events_delivered(count: usize) {
    // Looking a counter up by its name each time costs as much as it counts.
    static COUNTER: LazyLock<Counter> = LazyLock::new(|| counter!(EVENTS_DELIVERED));
    COUNTER.increment(count as u64);
}

/// The store was asked for a page of a log.
pub(crate) fn page_read() {
    static PAGES: LazyLock<Counter> = LazyLock::new(|| counter!(LOG_READS, "what" => "page"));
    PAGES.increment(1);
}

/// The store was asked where so many logs end.
pub(crate) fn ends_read(logs: usize) {
    static ENDS: LazyLock<Counter> = LazyLock::new(|| counter!(LOG_READS, "what" => "end"));
    ENDS.increment(logs as u64);
}

/// Events of a command have been stored, in this time.
pub(crate) fn events_stored(count: usize, took: Duration) {
    counter!(EVENTS_STORED).increment(count as u64);
    histogram!(STORE_WRITE_SECONDS).record(took);
}

/// A part from a vehicle was not recorded.
pub(crate) fn parts_dropped(reason: &'static str) {
    counter!(PARTS_DROPPED, "reason" => reason).increment(1);
}

/// A command was accepted.
pub(crate) fn command_submitted() {
    counter!(COMMANDS_SUBMITTED).increment(1);
}

/// A command is now in this state.
pub(crate) fn command_transition(state: &'static str) {
    counter!(COMMAND_TRANSITIONS, "state" => state).increment(1);
}

/// This node executes so many commands now.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 commands run at once")]
pub(crate) fn commands_in_flight(count: usize) {
    gauge!(COMMANDS_IN_FLIGHT).set(count as f64);
}

/// A login failed.
pub(crate) fn login_failed(reason: &'static str) {
    counter!(LOGIN_FAILURES, "reason" => reason).increment(1);
}

/// A request was answered. `route` is the template, never the address with its ids.
pub(crate) fn http_request(route: &str, method: &str, status: u16, took: Duration) {
    let (route, method) = (route.to_owned(), method.to_owned());
    counter!(
        HTTP_REQUESTS,
        "route" => route.clone(), "method" => method.clone(), "status" => status.to_string()
    )
    .increment(1);
    histogram!(HTTP_SECONDS, "route" => route, "method" => method).record(took);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn an_error_is_told_with_its_causes() {
        assert_eq!(chain(&Outer(std::io::Error::other("inner"))), "outer: inner");
    }

    #[test]
    fn recording_twice_is_one_set_and_guards_give_back() {
        let (first, second) = (install(), install());
        let guard = topic_open();
        assert!(first.render().contains("fleetwire_topics_active 1"));
        drop(guard);
        assert!(second.render().contains("fleetwire_topics_active 0"));
    }

    #[test]
    fn durations_are_histograms() {
        let metrics = install();
        http_request("/api/v1/vehicles", "GET", 200, Duration::from_millis(3));
        let text = metrics.render();
        assert!(text.contains("fleetwire_http_request_duration_seconds_bucket"));
        assert!(text.contains(r#"status="200""#));
    }
}

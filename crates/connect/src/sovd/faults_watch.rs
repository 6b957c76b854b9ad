//! Watching faults: they are read whenever the vehicle rings, or at a pace, and compared.
//!
//! Refuses to take the bell for the news: what has changed is what a read shows.

use std::collections::BTreeMap;
use std::time::Duration;

use ::sovd::{Call, Client, Condition, Fault, Trigger, TriggerRequest};
use model::command::Refusal;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::asker::Asker;
use super::attempt::{Attempt, Target, preparing};
use super::failure;
use super::faults::{Filter, text};
use super::feed::{Feed, Gap, News, Rhythm};
use super::kept::Kept;
use super::live::{Begun, Left, Span, Tally, Term};
use super::pages::Pages;
use crate::clock;
use crate::order::End;

/// Whether an entity has them.
const TRIGGERS: &str = "triggers";
/// How often a server is asked that does not ring.
const PAUSE: Duration = Duration::from_secs(1);
/// How much later than a look the next one is, however often the vehicle rings.
const MOMENT: Duration = Duration::from_millis(250);

/// What became of a fault.
#[derive(Serialize)]
struct Change<'a> {
    change: Turn,
    fault: &'a RawValue,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Turn {
    /// It was there when the watch began.
    Present,
    Appeared,
    Changed,
    /// It is no longer among those that are watched.
    Healed,
}

/// The faults by code and memory.
type Faults = BTreeMap<(String, Option<String>), Box<RawValue>>;

/// What the looks have shown so far.
#[derive(Default)]
struct Seen {
    asker: Asker,
    /// `None` before the first look.
    faults: Option<Faults>,
}

/// What says that it is time to look.
enum Bell {
    Feed(Box<Feed>),
    Clock(Interval),
}

/// What a bell says.
enum Ring {
    /// Look, at the vehicle's time if it gave one.
    Look(Option<String>),
    Gap(Gap),
    Gone,
}

/// What is watched of whom.
#[derive(Clone, Copy)]
struct Watched<'a> {
    target: &'a Target<'a>,
    status: &'a Map<String, Value>,
}

impl<'a> Attempt<'a> {
    /// The entity, unless it has no faults: one that does not announce them may have them all the same.
    async fn with_faults(&self, entity: &str) -> Result<Target<'a>, End> {
        let target = self.entity(entity).await?;
        if !target.entity.links.contains_key("faults") {
            target.client.faults(&target.entity).await.map_err(failure::of_read)?;
        }
        Ok(target)
    }
}

impl Attempt<'_> {
    /// One part per change, after one for each fault that is there at the beginning.
    pub(super) async fn watch_faults(
        &mut self,
        span: Span<'_>,
        entity: &str,
        status: &Map<String, Value>,
    ) -> Result<(), End> {
        let target = preparing(span.stop, self.with_faults(entity)).await?;
        let term = span.begin();
        let (trigger, kept) = self.set_bell(&target, span.duration).await?.unzip();
        let (begun, bell) = Bell::of(&target, trigger.as_ref(), &term);
        let mut tally = Tally::default();
        let closing = term.run(async {
            self.outbox.part(&begun).await?;
            self.compare(Watched { target: &target, status }, bell, &mut tally).await
        });
        let closing = closing.await?;
        self.close(closing, kept.into_iter().collect(), &tally).await
    }

    /// Lets the vehicle ring when its faults change; `None` if it cannot, or rings anyway.
    async fn set_bell(
        &self,
        target: &Target<'_>,
        lifetime: Duration,
    ) -> Result<Option<(Trigger, Kept)>, End> {
        let has_triggers = target.entity.links.contains_key(TRIGGERS);
        if !has_triggers || target.entity.fault_stream().is_some() {
            return Ok(None);
        }
        let request = TriggerRequest {
            multishot: true,
            lifetime: Some(lifetime),
            ..TriggerRequest::new("faults", Condition::OnChange)
        };
        let call = target.client.create_trigger(&target.entity, &request);
        match self.make(target, call, |it| &it.href, Client::delete_trigger).await {
            Ok(made) => Ok(Some(made)),
            Err(End::Refused(Refusal::Unsupported, _)) => Ok(None),
            Err(end) => Err(end),
        }
    }

    /// Looks whenever it has rung, once for all that rings within a moment.
    async fn compare(
        &mut self,
        watched: Watched<'_>,
        mut bell: Bell,
        tally: &mut Tally,
    ) -> Result<Left, End> {
        let (mut seen, mut rung) = (Seen::default(), None);
        let mut next_look = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = sleep_until(next_look), if rung.is_some() => {
                    self.look(watched, &mut seen, rung.take().flatten(), tally).await?;
                    next_look = Instant::now() + MOMENT;
                }
                ring = bell.ring() => match ring.map_err(failure::after_begin)? {
                    Ring::Look(at) => rung = Some(at),
                    Ring::Gap(gap) => {
                        self.outbox.part(&tally.gap("faults", &gap)).await?;
                        rung = Some(None);
                    }
                    Ring::Gone => {
                        if let Some(at) = rung {
                            self.look(watched, &mut seen, at, tally).await?;
                        }
                        return Ok(Left::Gone);
                    }
                },
            }
        }
    }

    /// Reads the faults, and shows what has changed.
    async fn look(
        &mut self,
        watched: Watched<'_>,
        seen: &mut Seen,
        at: Option<String>,
        tally: &mut Tally,
    ) -> Result<(), End> {
        let mut pages = Pages::none();
        while pages.are_missing() {
            let page = seen.asker.insist(|| pages.ask(watched.call())).await;
            let added = page.and_then(|page| pages.add(page).map_err(failure::of_read));
            added.map_err(failure::after_begin)?;
        }
        if let Some(gap) = seen.asker.gap() {
            self.outbox.part(&tally.gap("faults", &gap)).await?;
        }
        let now = watched.keyed(pages.into_entries());
        self.show(seen.faults.as_ref(), &now, at, tally).await?;
        seen.faults = Some(now);
        Ok(())
    }

    /// One part per difference.
    async fn show(
        &mut self,
        before: Option<&Faults>,
        now: &Faults,
        at: Option<String>,
        tally: &mut Tally,
    ) -> Result<(), End> {
        let at = at.unwrap_or_else(|| clock::now().to_string());
        for (code, change) in differences(before, now) {
            self.outbox.part(&tally.sample(code, Some(&at), change)).await?;
        }
        Ok(())
    }
}

impl Watched<'_> {
    fn call(&self) -> Call<Vec<Fault>> {
        Filter::by_status(self.status).ask(&self.target.client, &self.target.entity)
    }

    /// A server may not know the filter: then the faults themselves tell, as far as they can.
    fn keyed(&self, mut faults: Vec<Fault>) -> Faults {
        faults.retain(|fault| self.covers(fault));
        faults.into_iter().map(|fault| ((fault.code, fault.scope), fault.raw)).collect()
    }

    fn covers(&self, fault: &Fault) -> bool {
        let told = || fault.status.as_object().into_iter().flatten();
        let fits = |(key, value): (&String, &Value)| {
            let is = told().find(|(name, _)| name.eq_ignore_ascii_case(key));
            is.is_none_or(|(_, is)| truth(&text(is)) == truth(&text(value)))
        };
        self.status.is_empty() || self.status.iter().any(fits)
    }
}

impl Bell {
    /// What rings, and how the first part says so.
    fn of<'a>(
        target: &Target<'_>,
        trigger: Option<&'a Trigger>,
        term: &Term<'_>,
    ) -> (Begun<'a>, Self) {
        let feed = |events, subject| {
            let subject = (subject, Rhythm::Sporadic);
            Self::Feed(Box::new(Feed::new(&target.client, events, subject, term.nearly)))
        };
        if let Some(trigger) = trigger {
            let begun = Begun::Trigger { items: vec![&trigger.raw] };
            return (begun, feed(trigger.events.clone(), trigger.href.clone()));
        }
        if let Some(stream) = target.entity.fault_stream() {
            return (Begun::Stream, feed(stream.clone(), target.entity.href.clone()));
        }
        let mut clock = interval(PAUSE);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        (Begun::polling(PAUSE), Self::Clock(clock))
    }

    async fn ring(&mut self) -> Result<Ring, End> {
        match self {
            Self::Clock(clock) => {
                clock.tick().await;
                Ok(Ring::Look(None))
            }
            Self::Feed(feed) => Ok(match feed.next().await? {
                News::Event(event) => Ring::Look(event.timestamp),
                News::Open(None) => Ring::Look(None),
                News::Open(Some(gap)) => Ring::Gap(gap),
                News::Gone => Ring::Gone,
            }),
        }
    }
}

/// What changed, in the order of the codes; what there is for who has seen nothing before.
fn differences<'a>(
    before: Option<&'a Faults>,
    now: &'a Faults,
) -> impl Iterator<Item = (&'a str, Change<'a>)> {
    let seen = move |key| before.and_then(|before| before.get(key));
    let turn = move |key, fault: &RawValue| match seen(key) {
        _ if before.is_none() => Some(Turn::Present),
        None => Some(Turn::Appeared),
        Some(known) => (known.get() != fault.get()).then_some(Turn::Changed),
    };
    let there = now.iter().filter_map(move |(key, fault)| Some((key, turn(key, fault)?, fault)));
    let gone = before.into_iter().flatten().filter(|(key, _)| !now.contains_key(*key));
    let gone = gone.map(|(key, fault)| (key, Turn::Healed, fault));
    there.chain(gone).map(|((code, _), change, fault)| (code.as_str(), Change { change, fault }))
}

/// Servers write flags as words and as numbers.
fn truth(text: &str) -> &str {
    match text {
        "1" => "true",
        "0" => "false",
        other => other,
    }
}

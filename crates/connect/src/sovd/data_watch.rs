//! Watching values: by subscriptions, or by asking again and again where a server has none.
//!
//! Refuses to smooth anything: a sample that could not be read is one, and what was lost is a gap.

use std::time::Duration;

use ::sovd::{Client, Interval as Pace, Link};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use model::catalog::data::Interval;
use model::command::Refusal;
use tokio::time::{MissedTickBehavior, interval};

use super::asker::{Asked, Asker};
use super::attempt::{Attempt, Target, preparing};
use super::failure;
use super::feed::{Feed, News, Rhythm};
use super::kept::Kept;
use super::live::{Begun, Left, Span, Tally, Term, Value};
use crate::clock;
use crate::order::End;

/// Whether an entity has them.
const SUBSCRIPTIONS: &str = "cyclic-subscriptions";

/// A value that is watched.
struct Watched {
    id: String,
    place: Link,
}

/// Subscriptions at the vehicle, in the order of what they are for.
#[derive(Default)]
struct Subscribed {
    subscriptions: Vec<::sovd::Subscription>,
    kept: Vec<Kept>,
}

impl Attempt<'_> {
    /// One part per sample.
    pub(super) async fn watch_data(
        &mut self,
        span: Span<'_>,
        entity: &str,
        ids: &[String],
        interval: Interval,
    ) -> Result<(), End> {
        let (target, watched) = preparing(span.stop, async {
            let target = self.entity(entity).await?;
            let mut watched = Vec::with_capacity(ids.len());
            for id in ids {
                let place = target.vehicle.item(&target.entity, id).await?.href;
                watched.push(Watched { id: id.clone(), place });
            }
            Ok((target, watched))
        })
        .await?;
        // From before the first subscription on: none of them is over before the watch is.
        let term = span.begin();
        match self.subscribe(&term, &target, &watched, (pace(interval), span.duration)).await? {
            Some(subscribed) => self.hear(term, &target, &watched, subscribed).await,
            None => self.ask_again(span, &target.client, &watched, pause(interval)).await,
        }
    }

    /// Subscribes to each value, as long as the term is not over; `None` if the server has no
    /// subscriptions.
    async fn subscribe(
        &self,
        term: &Term<'_>,
        target: &Target<'_>,
        watched: &[Watched],
        (pace, duration): (Pace, Duration),
    ) -> Result<Option<Subscribed>, End> {
        let mut subscribed = Subscribed::default();
        if !target.entity.links.contains_key(SUBSCRIPTIONS) {
            return Ok(None);
        }
        for Watched { place, .. } in watched.iter().take_while(|_| !term.is_over()) {
            let resource = target.entity.relative(place);
            let call = target.client.subscribe(&target.entity, &resource, pace, duration);
            match self.make(target, call, |it| &it.href, Client::delete_subscription).await {
                Ok((subscription, kept)) => {
                    subscribed.kept.push(kept);
                    subscribed.subscriptions.push(subscription);
                }
                Err(End::Refused(Refusal::Unsupported, _)) if subscribed.kept.is_empty() => {
                    return Ok(None);
                }
                Err(end) if subscribed.kept.is_empty() => return Err(end),
                Err(end) => return Err(failure::after_begin(end)),
            }
        }
        Ok(Some(subscribed))
    }

    async fn hear(
        &mut self,
        term: Term<'_>,
        target: &Target<'_>,
        watched: &[Watched],
        subscribed: Subscribed,
    ) -> Result<(), End> {
        let Subscribed { subscriptions, kept } = subscribed;
        let mut tally = Tally::default();
        let feeds: Vec<_> = (watched.iter().zip(&subscriptions))
            .map(|(watched, it)| {
                let subject = (it.href.clone(), Rhythm::Steady);
                let feed = Feed::new(&target.client, it.events.clone(), subject, term.nearly);
                (watched.id.clone(), feed)
            })
            .collect();
        let items = subscriptions.iter().map(|it| &*it.raw).collect();
        let begun = Begun::Subscription { items };
        let closing = term.run(async {
            self.outbox.part(&begun).await?;
            self.tell(feeds, &mut tally).await
        });
        let closing = closing.await?;
        self.close(closing, kept, &tally).await
    }

    /// Hands on what the feeds bring, whichever comes first, until one of them ends.
    async fn tell(&mut self, feeds: Vec<(String, Feed)>, tally: &mut Tally) -> Result<Left, End> {
        let mut news: FuturesUnordered<_> =
            feeds.into_iter().map(|(id, feed)| heard(id, feed)).collect();
        while let Some((id, feed, heard)) = news.next().await {
            match heard.map_err(failure::after_begin)? {
                News::Event(event) => self.outbox.part(&tally.event(&id, &event)).await?,
                News::Open(Some(gap)) => self.outbox.part(&tally.gap(&id, &gap)).await?,
                News::Open(None) => {}
                News::Gone => return Ok(Left::Gone),
            }
            news.push(self::heard(id, feed));
        }
        Ok(Left::Gone)
    }

    async fn ask_again(
        &mut self,
        span: Span<'_>,
        client: &Client,
        watched: &[Watched],
        pause: Duration,
    ) -> Result<(), End> {
        let mut tally = Tally::default();
        let polled = self.poll(client, watched, pause, &mut tally);
        let closing = span.begin().run(polled).await?;
        self.close(closing, Vec::new(), &tally).await
    }

    async fn poll(
        &mut self,
        client: &Client,
        watched: &[Watched],
        pause: Duration,
        tally: &mut Tally,
    ) -> Result<Left, End> {
        let mut polls = interval(pause);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asker = Asker::default();
        self.outbox.part(&Begun::polling(pause)).await?;
        loop {
            polls.tick().await;
            for Watched { id, place } in watched {
                let asked = asker.ask(client.read(place).raw()).await;
                let value = match asked.map_err(failure::after_begin)? {
                    Asked::Silence => break,
                    Asked::Answer(payload) => Ok(payload),
                    Asked::Refused(error) => Err(error),
                };
                if let Some(gap) = asker.gap() {
                    self.outbox.part(&tally.gap(id, &gap)).await?;
                }
                let now = clock::now().to_string();
                let value = match &value {
                    Ok(payload) => Value::Payload(Some(payload)),
                    Err(error) => Value::Error(error),
                };
                self.outbox.part(&tally.sample(id, Some(&now), value)).await?;
            }
        }
    }
}

async fn heard(id: String, mut feed: Feed) -> (String, Feed, Result<News, End>) {
    let heard = feed.next().await;
    (id, feed, heard)
}

fn pace(interval: Interval) -> Pace {
    match interval {
        Interval::Fast => Pace::Fast,
        Interval::Normal => Pace::Normal,
        Interval::Slow => Pace::Slow,
    }
}

/// How often a server without subscriptions is asked.
fn pause(interval: Interval) -> Duration {
    match interval {
        Interval::Fast => Duration::from_millis(500),
        Interval::Normal => Duration::from_secs(1),
        Interval::Slow => Duration::from_secs(2),
    }
}

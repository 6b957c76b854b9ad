//! Triggers: set for as long as somebody listens, listed, deleted.
//!
//! Leaves none behind that it has set, and evaluates no condition: the vehicle does.

use ::sovd::{Client, Condition, Trigger, TriggerRequest};
use model::catalog::triggers::{Condition as Wish, Question};
use serde_json::Number;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::plain;
use super::failure;
use super::feed::{Feed, News, Rhythm};
use super::live::{Begun, Left, Span, Tally};
use super::pages::all;
use super::vehicle::not_offered;
use crate::order::End;

impl Attempt<'_> {
    /// Carries out a command about triggers.
    pub(super) async fn about_triggers(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        match question {
            Question::Create {
                entity,
                resource,
                condition,
                path,
                multishot,
                persistent,
                lifetime,
            } => {
                let span = Span { stop, duration: (*lifetime).into() };
                let request = TriggerRequest {
                    path: path.clone(),
                    multishot: *multishot,
                    persistent: *persistent,
                    lifetime: Some(span.duration),
                    ..TriggerRequest::new(resource.as_str(), wanted(condition))
                };
                self.await_trigger(span, entity, &request).await
            }
            Question::List { entity } => {
                reading(stop, async {
                    let Target { client, entity, .. } = self.entity(entity).await?;
                    self.hand_on_list(|| client.triggers(&entity), plain).await
                })
                .await
            }
            Question::Delete { entity, id } => self.delete_trigger(stop, entity, id).await,
        }
    }

    /// One part each time that the vehicle tells.
    async fn await_trigger(
        &mut self,
        span: Span<'_>,
        entity: &str,
        request: &TriggerRequest,
    ) -> Result<(), End> {
        let target = preparing(span.stop, self.entity(entity)).await?;
        let term = span.begin();
        let call = target.client.create_trigger(&target.entity, request);
        let made = self.make(&target, call, |it| &it.href, Client::delete_trigger);
        let (trigger, kept) = made.await?;
        let subject = (trigger.href.clone(), Rhythm::Sporadic);
        let mut feed = Feed::new(&target.client, trigger.events.clone(), subject, term.nearly);
        let mut tally = Tally::default();
        let closing = term.run(async {
            self.outbox.part(&Begun::Trigger { items: vec![&trigger.raw] }).await?;
            loop {
                match feed.next().await.map_err(failure::after_begin)? {
                    News::Event(event) => {
                        self.outbox.part(&tally.event(&request.resource, &event)).await?;
                        if !request.multishot && event.error.is_none() {
                            return Ok(Left::Fired);
                        }
                    }
                    News::Open(Some(gap)) => {
                        self.outbox.part(&tally.gap(&request.resource, &gap)).await?;
                    }
                    News::Open(None) => {}
                    News::Gone => return Ok(Left::Gone),
                }
            }
        });
        let closing = closing.await?;
        self.close(closing, vec![kept], &tally).await
    }

    async fn delete_trigger(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        id: &str,
    ) -> Result<(), End> {
        let (target, place) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let triggers = all(|| target.client.triggers(&target.entity)).await;
            let triggers = triggers.map_err(failure::of_read)?;
            let found = triggers.iter().find(|trigger| trigger.id.as_deref() == Some(id));
            let Some(Trigger { href, .. }) = found else {
                let ids = triggers.iter().filter_map(|trigger| trigger.id.clone());
                return Err(not_offered("trigger", id, ids));
            };
            let place = href.clone();
            Ok((target, place))
        })
        .await?;
        self.acknowledge(target.client.delete_trigger(&place)).await
    }
}

fn wanted(condition: &Wish) -> Condition {
    match condition {
        Wish::OnChange {} => Condition::OnChange,
        Wish::OnChangeTo { value } => Condition::OnChangeTo(value.clone()),
        Wish::EnterRange { lower_bound, upper_bound } => {
            Condition::EnterRange { lower: number(*lower_bound), upper: number(*upper_bound) }
        }
        Wish::LeaveRange { lower_bound, upper_bound } => {
            Condition::LeaveRange { lower: number(*lower_bound), upper: number(*upper_bound) }
        }
    }
}

/// No JSON has a number that is not finite.
fn number(bound: f64) -> Number {
    Number::from_f64(bound).unwrap_or_else(|| Number::from(0))
}

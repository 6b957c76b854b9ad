//! Recordings of an entity's communication: made for a while, ended, fetched.
//!
//! Refuses to leave one running that it has started, and deletes none: somebody will want to fetch it.

use ::sovd::{Acknowledged, Call, Client, CommunicationLog, Link};
use model::command::Refusal;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::catalog::read_back;
use super::download::Expected;
use super::failure;
use super::kept::{Kept, answered};
use super::live::{Closing, Left, Span};
use super::pages::all;
use super::vehicle::not_offered;
use crate::order::End;

/// The last part of a recording.
#[derive(Serialize)]
struct Recorded<'a> {
    ended: Closing,
    /// As the vehicle describes it, with the place of what was recorded.
    recording: &'a RawValue,
}

impl Attempt<'_> {
    /// A part when it has begun, and one when it is over.
    pub(super) async fn record(
        &mut self,
        span: Span<'_>,
        entity: &str,
        config: &Map<String, Value>,
        stream: Option<&str>,
    ) -> Result<(), End> {
        let target = preparing(span.stop, self.entity(entity)).await?;
        let config = Value::Object(config.clone());
        let mut call = target.client.create_communication_log(&target.entity, config);
        if let Some(stream) = stream {
            call = call.query("stream", stream);
        }
        // One that has not begun is of no use to anybody.
        let made = self.make(&target, call, |it| &it.href, delete);
        let (recording, unused) = made.await?;
        let place = recording.href.clone();
        if recording.active != Some(true) {
            let started = answered(target.client.record(&place, true)).await;
            started.map_err(failure::after_begin)?;
        }
        let kept = unused.instead(|client, place| client.record(place, false));
        let term = span.begin();
        let closing = term.run(async {
            self.outbox.part(&recording.raw).await?;
            std::future::pending::<Result<Left, End>>().await
        });
        let closing = closing.await?;
        self.close_recording(closing, kept, &target.client, &place).await
    }

    /// It is over when the vehicle says so, whoever has ended it.
    async fn close_recording(
        &mut self,
        ended: Closing,
        kept: Kept,
        client: &Client,
        place: &Link,
    ) -> Result<(), End> {
        let confirmed = kept.removed().await;
        let seen = client.communication_log(place).await;
        let is_over = seen.as_ref().is_ok_and(|recording| recording.active == Some(false));
        if !confirmed && !is_over {
            return Err(End::Lost);
        }
        if ended == Closing::Stopped {
            return Err(End::Stopped);
        }
        match seen {
            Ok(seen) => self.outbox.last(&Recorded { ended, recording: &seen.raw }).await,
            Err(error) => self.finish(read_back(Err(error))?).await,
        }
    }

    /// Ends a recording, and says how it stands.
    pub(super) async fn end_recording(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        id: &str,
    ) -> Result<(), End> {
        let (client, recording) = preparing(stop, self.recording(entity, id)).await?;
        if self.change(client.record(&recording.href, false)).await?.is_none() {
            return Ok(());
        }
        let ended = client.communication_log(&recording.href).await;
        self.finish(read_back(ended.map(|ended| ended.raw))?).await
    }

    /// Downloads what was recorded.
    pub(super) async fn fetch_recording(&mut self, entity: &str, id: &str) -> Result<(), End> {
        let (client, recording) = self.recording(entity, id).await?;
        let Some(log) = &recording.log else {
            let words = format!("the vehicle does not say where the recording {id} is");
            return Err(End::Refused(Refusal::Unsupported, words));
        };
        self.download(&client, log, &Expected::default()).await
    }

    async fn recording(&self, entity: &str, id: &str) -> Result<(Client, CommunicationLog), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        let recordings = all(|| client.communication_logs(&entity)).await;
        let recordings = recordings.map_err(failure::of_read)?;
        let found = recordings.iter().find(|known| known.id.as_deref() == Some(id)).cloned();
        let ids = recordings.iter().filter_map(|known| known.id.clone());
        let found = found.ok_or_else(|| not_offered("recording", id, ids))?;
        Ok((client, found))
    }
}

/// Deletes a recording with what was recorded.
fn delete(client: &Client, place: &Link) -> Call<Acknowledged> {
    client.delete_communication_log(place, true)
}

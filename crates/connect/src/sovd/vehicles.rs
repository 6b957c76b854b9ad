//! Commands about the vehicle as a whole.
//!
//! Refuses paths that lead out of the vehicle's server: a raw read stays below its base.

use model::catalog::Whole;
use model::catalog::vehicles::Question;
use model::command::Refusal;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, reading};
use super::{beside, failure};
use crate::order::End;

impl Attempt<'_> {
    pub(super) async fn about_vehicle(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::Version {} => reading(stop, self.read_version()).await,
            Q::Discover { depth } => reading(stop, self.discover(depth.map(Whole::get))).await,
            Q::Describe { entity, include_schema } => {
                reading(stop, self.describe(entity, *include_schema)).await
            }
            Q::Health { entities } => reading(stop, self.report_health(entities.as_deref())).await,
            Q::HttpRaw { path } => reading(stop, self.read_path(path)).await,
        }
    }

    async fn read_version(&mut self) -> Result<(), End> {
        let client = self.tagged(&self.vehicle().await?.client);
        let info = client.version_info().await.map_err(failure::of_read)?;
        self.outbox.last(&info.raw).await
    }

    /// What an entity says about itself; its capability description, where it has one, beside it.
    async fn describe(&mut self, entity: &str, include_schema: bool) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        let Some(described) = self.read(client.entity(&entity.href).raw()).await? else {
            return Ok(());
        };
        if !include_schema {
            return self.outbox.last(&described).await;
        }
        let docs = match client.description(&entity.href).await {
            Ok(docs) => Some(docs),
            Err(error) if error.status().is_some() => None,
            Err(error) => return Err(failure::of_read(error)),
        };
        self.outbox.last(&beside::with(&described, "docs", &docs)?).await
    }

    async fn read_path(&mut self, path: &str) -> Result<(), End> {
        let client = self.tagged(&self.vehicle().await?.client);
        let base = client.base().to_string();
        let place = client.link(&format!("{}{path}", base.trim_end_matches('/')));
        let is_below = |place: &::sovd::Link| {
            let rest = place.to_string();
            rest.strip_prefix(base.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
        };
        let Some(place) = place.filter(is_below) else {
            let words = format!("{path} is no path below the base of the vehicle's server");
            return Err(End::Refused(Refusal::Unsupported, words));
        };
        // Not `read`: a stream of the server's own is no answer in parts.
        let answer = client.entity(&place).raw().await.map_err(failure::of_read)?;
        self.outbox.last(&answer).await
    }
}

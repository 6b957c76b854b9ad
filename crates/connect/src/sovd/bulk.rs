//! Bulk data of an entity: what there is, downloads, uploads, deletions.
//!
//! Refuses to hold a file: a download is handed on in pieces.

use ::sovd::{BulkItem, Client, Link};
use model::Timestamp;
use model::catalog::bulk::Question;
use model::command::Refusal;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::download::Expected;
use super::upload::Cargo;
use super::vehicle::not_offered;
use super::{failure, pages};
use crate::order::End;

/// Of what is in a category, what is asked for.
#[derive(Clone, Copy)]
struct Made {
    before: Option<Timestamp>,
    after: Option<Timestamp>,
}

impl Attempt<'_> {
    /// Carries out a command about bulk data.
    pub(super) async fn about_bulk(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        match question {
            Question::List { entity, category, created_before, created_after } => {
                let made = Made { before: *created_before, after: *created_after };
                reading(stop, self.list_bulk(entity, category.as_deref(), made)).await
            }
            Question::Download { entity, category, id } => {
                reading(stop, async {
                    let (client, item) = self.bulk_item(entity, category, id).await?;
                    self.download(&client, &item.href, &Expected::of(&item)).await
                })
                .await
            }
            Question::Upload { entity, category, blob, content_type, name } => {
                let cargo =
                    Cargo { blob, content_type: content_type.as_deref(), name: name.as_deref() };
                let packed = cargo.packed()?;
                let found = preparing(stop, self.bulk_category(entity, category)).await?;
                let (client, category) = found;
                let last = self.bring(packed, |upload| client.upload(&category, upload)).await?;
                self.finish(last).await
            }
            Question::Delete { entity, category, id: Some(id) } => {
                let found = preparing(stop, self.bulk_item(entity, category, id)).await?;
                let (client, item) = found;
                self.acknowledge(client.delete_bulk_item(&item.href)).await
            }
            Question::Delete { entity, category, id: None } => {
                let found = preparing(stop, self.bulk_category(entity, category)).await?;
                self.delete_category(found).await
            }
        }
    }

    async fn list_bulk(
        &mut self,
        entity: &str,
        category: Option<&str>,
        Made { before, after }: Made,
    ) -> Result<(), End> {
        let Some(category) = category else {
            if before.or(after).is_some() {
                let words = "only what is in a category can be chosen by its time";
                return Err(End::Refused(Refusal::Precondition, words.to_owned()));
            }
            let Target { client, entity, .. } = self.entity(entity).await?;
            return self.hand_on(client.bulk_categories(&entity)).await;
        };
        let (client, category) = self.bulk_category(entity, category).await?;
        let mut call = client.bulk_items(&category);
        if let Some(before) = before {
            call = call.created_before(&before.to_string());
        }
        if let Some(after) = after {
            call = call.created_after(&after.to_string());
        }
        self.hand_on(call).await
    }

    /// Says what is gone and what is not; if nothing is, that is a failure.
    async fn delete_category(&mut self, (client, category): (Client, Link)) -> Result<(), End> {
        let Some(deleted) = self.change(client.delete_bulk_category(&category)).await? else {
            return Ok(());
        };
        let kept = deleted.errors.iter();
        let kept: Vec<String> =
            kept.map(|(id, error)| format!("{id}: {}", failure::words(error))).collect();
        if deleted.ids.is_empty() && !kept.is_empty() {
            return Err(End::VehicleError(kept.join("; ")));
        }
        self.outbox.last(&deleted.raw).await
    }

    async fn bulk_category(&self, entity: &str, category: &str) -> Result<(Client, Link), End> {
        let target = self.entity(entity).await?;
        let categories = target.vehicle.client.bulk_categories(&target.entity).await;
        let categories = categories.map_err(failure::of_read)?;
        let found = categories.iter().find(|known| known.id == category);
        let ids = categories.iter().map(|known| known.id.clone());
        let found = found.ok_or_else(|| not_offered("category", category, ids))?;
        Ok((target.client, found.href.clone()))
    }

    async fn bulk_item(
        &self,
        entity: &str,
        category: &str,
        id: &str,
    ) -> Result<(Client, BulkItem), End> {
        let (client, category) = self.bulk_category(entity, category).await?;
        let items = pages::all(|| client.bulk_items(&category)).await.map_err(failure::of_read)?;
        let found = items.iter().find(|item| item.id == id).cloned();
        let ids = items.iter().map(|item| item.id.clone());
        let found = found.ok_or_else(|| not_offered("item", id, ids))?;
        Ok((client, found))
    }
}

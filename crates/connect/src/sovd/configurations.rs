//! Configurations of an entity: JSON as it is, bytes as base64.
//!
//! Interprets neither, and hands on no bytes that do not fit into a part.

use ::sovd::{Client, Configuration, Error, Fetched, HeaderValue, Upload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::catalog::configurations::Question;
use model::command::Refusal;
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::{confirmation, plain, read_back};
use super::failure;
use super::lock::Last;
use super::pages::all;
use super::vehicle::not_offered;
use crate::order::End;

const PLAIN_BYTES: &str = "application/octet-stream";
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const NOT_ACCEPTABLE: u16 = 406;

/// A configuration that is no JSON.
#[derive(Serialize)]
struct Blob<'a> {
    id: &'a str,
    /// `None` if the server did not say.
    content_type: Option<String>,
    size: usize,
    #[serde(rename = "blob")]
    text: String,
}

/// What is to be written.
enum Content<'a> {
    Value { value: &'a Value, signature: Option<&'a str> },
    Bytes { bytes: Vec<u8>, kind: Option<HeaderValue> },
}

impl<'a> Attempt<'a> {
    /// Carries out a command about configurations.
    pub(super) async fn about_configurations(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        match question {
            Question::List { entity } => {
                reading(stop, async {
                    let Target { client, entity, .. } = self.entity(entity).await?;
                    self.hand_on_list(|| client.configurations(&entity), plain).await
                })
                .await
            }
            Question::Read { entity, id } => {
                reading(stop, self.read_configuration(entity, id)).await
            }
            Question::Write { entity, id, value, blob, content_type, signature } => {
                let content = match (value, blob) {
                    (Some(value), None) => {
                        Content::Value { value, signature: signature.as_deref() }
                    }
                    (None, Some(blob)) if signature.is_none() => {
                        Content::decoded(blob, content_type.as_deref())?
                    }
                    (None, Some(_)) => return Err(unfit("only a value can be signed, no bytes")),
                    (Some(_), Some(_)) | (None, None) => {
                        return Err(unfit("there must be either a value or bytes"));
                    }
                };
                self.write_configuration(stop, entity, id, content).await
            }
        }
    }

    async fn read_configuration(&mut self, entity: &str, id: &str) -> Result<(), End> {
        let (Target { client, .. }, configuration) = self.configuration(entity, id).await?;
        if configuration.is_bulk == Some(true) {
            return self.read_blob(&client, &configuration).await;
        }
        match client.configuration(&configuration.href).raw().await {
            Ok(value) => self.outbox.last(&value).await,
            Err(Error::Refused { status: NOT_ACCEPTABLE, .. }) => {
                self.read_blob(&client, &configuration).await
            }
            Err(error) => Err(failure::of_read(error)),
        }
    }

    async fn read_blob(
        &mut self,
        client: &Client,
        configuration: &Configuration,
    ) -> Result<(), End> {
        let listed = configuration.content_type.as_deref();
        let accept = listed.and_then(|kind| HeaderValue::try_from(kind).ok()).unwrap_or(ANYTHING);
        let fetched = client.configuration_content(&configuration.href, accept).await;
        let content = match fetched.map_err(failure::of_read)? {
            Fetched::Content(content) => content,
            Fetched::NotReady { .. } => {
                return Err(End::VehicleError("the configuration is not ready".to_owned()));
            }
        };
        let content_type = content.kind().or(listed).map(ToOwned::to_owned);
        let bytes = content.whole(self.outbox.max_part_bytes()).await.map_err(failure::of_read)?;
        let id = &configuration.id;
        let blob = Blob { id, content_type, size: bytes.len(), text: STANDARD.encode(&bytes) };
        self.outbox.last(&blob).await
    }

    /// Writes a configuration, and reads it back if it is JSON.
    async fn write_configuration(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        id: &str,
        content: Content<'_>,
    ) -> Result<(), End> {
        let (target, configuration) = preparing(stop, self.configuration(entity, id)).await?;
        let hold = self.hold(stop, &target, "configuration.write").await?;
        let work = async {
            match content {
                Content::Value { value, signature } => {
                    self.write_value(&target.client, &configuration, value, signature).await
                }
                Content::Bytes { bytes, kind } => {
                    self.write_bytes(&target.client, &configuration, bytes, kind).await
                }
            }
        };
        let worked = hold.during(work).await;
        self.conclude(hold, worked).await
    }

    async fn write_value(
        &mut self,
        client: &Client,
        configuration: &Configuration,
        value: &Value,
        signature: Option<&str>,
    ) -> Result<Last, End> {
        let place = &configuration.href;
        let call = client.write_configuration(place, value.clone(), signature);
        match self.change(call).await? {
            Some(_) => read_back(client.configuration(place).raw().await),
            None => Ok(None),
        }
    }

    async fn write_bytes(
        &mut self,
        client: &Client,
        configuration: &Configuration,
        bytes: Vec<u8>,
        kind: Option<HeaderValue>,
    ) -> Result<Last, End> {
        let Configuration { href, content_type, .. } = configuration;
        let listed = content_type.as_deref().and_then(|kind| HeaderValue::try_from(kind).ok());
        let plain = || HeaderValue::from_static(PLAIN_BYTES);
        let upload = Upload::bytes(kind.or(listed).unwrap_or_else(plain), bytes);
        match self.change(client.write_configuration_content(href, upload)).await? {
            Some(answer) => confirmation(answer.raw),
            None => Ok(None),
        }
    }

    async fn configuration(
        &self,
        entity: &str,
        id: &str,
    ) -> Result<(Target<'a>, Configuration), End> {
        let target = self.entity(entity).await?;
        let listed = all(|| target.vehicle.client.configurations(&target.entity)).await;
        let listed = listed.map_err(failure::of_read)?;
        let found = listed.iter().find(|configuration| configuration.id == id).cloned();
        let ids = listed.iter().map(|configuration| configuration.id.clone());
        let found = found.ok_or_else(|| not_offered("configuration", id, ids))?;
        Ok((target, found))
    }
}

impl Content<'_> {
    fn decoded(blob: &str, kind: Option<&str>) -> Result<Self, End> {
        let bytes = STANDARD.decode(blob).map_err(|_| unfit("blob is no base64"))?;
        let kind = kind.map(HeaderValue::try_from).transpose();
        let kind = kind.map_err(|_| unfit("content_type is no media type"))?;
        Ok(Self::Bytes { bytes, kind })
    }
}

fn unfit(words: &str) -> End {
    End::Refused(Refusal::Precondition, words.to_owned())
}

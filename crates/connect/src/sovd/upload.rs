//! Content that a command carries to a vehicle, in base64.
//!
//! Refuses what is no base64: nothing is sent of it.

use ::sovd::{Call, Created, HeaderValue, Upload};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::command::Refusal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::attempt::Attempt;
use super::download::hexadecimal;
use super::lock::Last;
use super::outbox;
use crate::order::End;

const PLAIN_BYTES: &str = "application/octet-stream";

/// What a command carries.
#[derive(Clone, Copy)]
pub(super) struct Cargo<'a> {
    pub(super) blob: &'a str,
    /// `None` = plain bytes.
    pub(super) content_type: Option<&'a str>,
    /// `None` = the vehicle gives it a name.
    pub(super) name: Option<&'a str>,
}

/// The last part of an upload.
#[derive(Serialize)]
struct Brought<'a> {
    id: &'a str,
    href: String,
    size: usize,
    sha256: &'a str,
    /// What the vehicle said; `None` if nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawValue>,
}

/// Content that is ready to be sent.
pub(super) struct Packed {
    pub(super) upload: Upload,
    size: usize,
    sha256: String,
}

impl Cargo<'_> {
    pub(super) fn packed(self) -> Result<Packed, End> {
        let bytes = STANDARD.decode(self.blob).map_err(|_| unfit("blob is no base64"))?;
        let kind = HeaderValue::try_from(self.content_type.unwrap_or(PLAIN_BYTES));
        let kind = kind.map_err(|_| unfit("content_type is no media type"))?;
        let (size, sha256) = (bytes.len(), hexadecimal(digest(&SHA256, &bytes).as_ref()));
        let upload = Upload::bytes(kind, bytes);
        let upload = match self.name {
            Some(name) => upload.named(name),
            None => upload,
        };
        Ok(Packed { upload, size, sha256 })
    }
}

impl Attempt<'_> {
    /// Sends content, and says what it is called there.
    pub(super) async fn bring(
        &mut self,
        packed: Packed,
        call: impl FnOnce(Upload) -> Call<Created>,
    ) -> Result<Last, End> {
        let Packed { upload, size, sha256 } = packed;
        let Some(created) = self.change(call(upload)).await? else { return Ok(None) };
        let answer = Some(&*created.raw).filter(|raw| raw.get() != RawValue::NULL.get());
        let href = created.href.to_string();
        outbox::json(&Brought { id: &created.id, href, size, sha256: &sha256, answer }).map(Some)
    }
}

fn unfit(words: &str) -> End {
    End::Refused(Refusal::Precondition, words.to_owned())
}

//! A request in the language of a classic control unit, handed to it byte by byte.
//!
//! Judges none: whoever may send them knows what they do. None is sent twice.

use ::sovd::{Content, Error, Fetched};
use model::catalog::uds::Question;
use model::command::Refusal;
use model::decode::Nrc;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::download::hexadecimal;
use super::lock::Last;
use super::outbox;
use crate::order::End;

/// With this byte begins what a control unit says when it refuses.
const NEGATIVE: u8 = 0x7F;
/// Bytes of the longest answer.
const LONGEST: usize = 64 * 1024;

/// The last part.
#[derive(Serialize)]
struct Exchanged<'a> {
    request: &'a str,
    response: String,
    positive: bool,
    /// `None` unless the control unit has refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    nrc: Option<Refused>,
}

#[derive(Serialize)]
struct Refused {
    code: String,
    /// `None` for a code that belongs to a maker.
    name: Option<String>,
}

impl Attempt<'_> {
    pub(super) async fn about_uds(
        &mut self,
        stop: &CancellationToken,
        question: &Question,
    ) -> Result<(), End> {
        let Question::Raw { entity, request } = question;
        let bytes = bytes(request).ok_or_else(|| {
            End::Refused(Refusal::Precondition, "request is no hexadecimal text".to_owned())
        })?;
        let target = preparing(stop, self.entity(entity)).await?;
        let hold = self.hold(stop, &target, "uds.raw").await?;
        let worked = hold.during(self.exchanged(&target, request, bytes)).await;
        self.conclude(hold, worked).await
    }

    async fn exchanged(
        &mut self,
        target: &Target<'_>,
        request: &str,
        bytes: Vec<u8>,
    ) -> Result<Last, End> {
        let sent = async {
            match target.client.generic_service(&target.entity, bytes).await? {
                Fetched::Content(content) => whole(content).await,
                Fetched::NotReady { .. } => Ok(Vec::new()),
            }
        };
        let response = self.changing(sent).await?;
        let positive = response.first().is_some_and(|first| *first != NEGATIVE);
        let nrc = response
            .get(2)
            .filter(|_| !positive)
            .map(|code| Refused { code: format!("0x{code:02X}"), name: Nrc::new(*code).name() });
        let response = hexadecimal(&response);
        outbox::json(&Exchanged { request, response, positive, nrc }).map(Some)
    }
}

async fn whole(content: Content) -> Result<Vec<u8>, Error> {
    content.whole(LONGEST).await
}

/// The bytes of pairs of digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|it| it.to_digit(16))
        .map(|digit| digit?.try_into().ok())
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    let is_whole = pairs.remainder().is_empty() && !digits.is_empty();
    is_whole
        .then(|| pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_two_digits_at_a_time() {
        assert_eq!(bytes("22F190"), Some(vec![0x22, 0xF1, 0x90]));
        for odd in ["", "2", "22F", "2G", "é0"] {
            assert_eq!(bytes(odd), None, "{odd}");
        }
    }
}

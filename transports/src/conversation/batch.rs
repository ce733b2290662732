//! Batches, which 2025-03-26 had and no other revision (MCP 2025-03-26, "Batching").
//!
//! On a lasting stream each message of a batch is taken as if it had come alone, and each answer
//! leaves alone: a client has to match them by id anyway.

use serde_json::value::RawValue;

use super::Conversation;
use crate::{
    fast_path::Revision,
    in_flight::Stage,
    rejection::{Batch, Rejection},
};

/// The bytes of one message of a batch, or why it is not taken.
pub type Part<'b> = Result<&'b [u8], Rejection>;

impl Conversation {
    /// The messages in `bytes`, if they are a batch and the client may send one; in the place of one
    /// that must not be there, its refusal.
    ///
    /// # Errors
    /// A refusal when the batch is empty, or holds too many messages.
    pub fn batch<'b>(&self, bytes: &'b [u8]) -> Result<Option<Vec<Part<'b>>>, Rejection> {
        if self.in_flight.stage() != Stage::Open(Revision::V_2025_03_26) {
            return Ok(None);
        }
        let messages = Batch::read(bytes).transpose()?;
        let parts = |messages: Vec<&'b RawValue>| {
            let parts = messages.into_iter();
            parts
                .map(|message| Batch::admits(message).map(|()| message.get().as_bytes()))
                .collect()
        };
        Ok(messages.map(parts))
    }
}

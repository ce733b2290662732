//! The handshake of one client: of a conversation, or of a session.

use std::sync::atomic::{AtomicU8, Ordering};

use rmcp::model::{ClientRequest, GetMeta, ProtocolVersion};

use crate::fast_path::Revision;

/// The state of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeState {
    /// The client has not begun.
    New,
    /// rmcp has not answered yet, or the client has begun more than once: then only rmcp knows
    /// which revision holds.
    Unsettled,
    /// Both sides agreed on a revision, or each request names it.
    Settled(Revision),
}

/// A [`HandshakeState`] that all messages of a client share.
pub(crate) struct Handshake(AtomicU8);

impl Default for Handshake {
    fn default() -> Self {
        Self(AtomicU8::new(NEW))
    }
}

impl Handshake {
    /// Records a request that goes to rmcp and may open the conversation.
    pub(crate) fn record_request(&self, request: &ClientRequest) {
        if self.state() == HandshakeState::New {
            match opening(request) {
                Some(Opening::Handshake) => self.0.store(UNSETTLED, Ordering::Release),
                Some(Opening::SelfContained(version)) => self.settle(&version),
                None => {}
            }
        } else if matches!(request, ClientRequest::InitializeRequest(_)) {
            self.record_second();
        }
    }

    /// Records that the client begins another handshake. rmcp then follows it in some answers and
    /// not in others, so from now on only rmcp knows which revision holds.
    pub(crate) fn record_second(&self) {
        self.0.store(REPEATED, Ordering::Release);
    }

    /// Records the revision that both sides agreed on.
    pub(crate) fn settle(&self, version: &ProtocolVersion) {
        let place = Revision::all().position(|known| known.name() == version.as_str());
        // rmcp alone speaks a revision that is unknown here.
        let place = place.and_then(|place| u8::try_from(place).ok());
        let settled = place.map_or(UNSETTLED, |place| SETTLED + place);
        let update = |now| (now != REPEATED).then_some(settled);
        // It fails only after a second handshake, which it must not undo.
        let _ = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
    }

    /// Returns the state.
    pub(crate) fn state(&self) -> HandshakeState {
        match self.0.load(Ordering::Acquire) {
            NEW => HandshakeState::New,
            UNSETTLED | REPEATED => HandshakeState::Unsettled,
            settled => Revision::all()
                .nth(usize::from(settled - SETTLED))
                .map_or(HandshakeState::Unsettled, HandshakeState::Settled),
        }
    }
}

const NEW: u8 = 0;
const UNSETTLED: u8 = 1;
/// The place of the revision is added.
const SETTLED: u8 = 2;
/// The client began a second handshake.
const REPEATED: u8 = u8::MAX;

enum Opening {
    Handshake,
    SelfContained(ProtocolVersion),
}

/// Whether rmcp takes `request` as the beginning of a conversation: `initialize`, or a request that
/// carries all metadata of 2026-07-28. Before that rmcp answers requests, and ends at anything
/// else.
fn opening(request: &ClientRequest) -> Option<Opening> {
    match request {
        ClientRequest::InitializeRequest(_) => Some(Opening::Handshake),
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => None,
        request => {
            let meta = request.get_meta();
            let version = meta.protocol_version()?;
            let missing = meta.missing_required_keys(&ProtocolVersion::V_2026_07_28);
            missing
                .is_empty()
                .then_some(Opening::SelfContained(version))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_handshake_leaves_the_revision_to_rmcp() {
        let handshake = Handshake::default();
        assert_eq!(handshake.state(), HandshakeState::New);
        handshake.settle(&ProtocolVersion::V_2025_06_18);
        assert!(matches!(handshake.state(), HandshakeState::Settled(_)));
        handshake.record_second();
        handshake.settle(&ProtocolVersion::V_2025_06_18);
        assert_eq!(handshake.state(), HandshakeState::Unsettled);
    }
}

//! The handshake of one client: of a conversation, or of a session.

use std::sync::atomic::{AtomicU8, Ordering};

use rmcp::model::{ClientRequest, GetMeta, ProtocolVersion};
use tokio::sync::{Mutex, MutexGuard};

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
pub(crate) struct Handshake {
    state: AtomicU8,
    /// Present until rmcp knows the client.
    recorded: Mutex<Option<RecordedHandshake>>,
}

/// A handshake that rmcp has to see before it can answer the client.
pub(crate) struct RecordedHandshake {
    /// The client's `initialize` request.
    pub(crate) initialize: Box<[u8]>,
    /// Whether the client has sent `notifications/initialized`.
    pub(crate) is_initialized: bool,
}

impl Default for Handshake {
    fn default() -> Self {
        Self {
            state: AtomicU8::new(NEW),
            recorded: Mutex::default(),
        }
    }
}

impl Handshake {
    /// Creates the state of a client whose `initialize` rmcp has not seen, because the fast path
    /// answered it, or another instance of the server. Without a revision only rmcp knows which one
    /// holds.
    pub(crate) fn answered(revision: Option<Revision>, initialize: &[u8]) -> Self {
        let recorded = RecordedHandshake {
            initialize: initialize.into(),
            is_initialized: false,
        };
        Self {
            state: AtomicU8::new(revision.map_or(UNSETTLED, settled_in)),
            recorded: Mutex::new(Some(recorded)),
        }
    }

    /// Records that the client has sent `notifications/initialized`. Returns whether rmcp does not
    /// need to know yet.
    pub(crate) fn record_initialized(&self) -> bool {
        // The lock is taken while rmcp learns of the client.
        let Ok(mut recorded) = self.recorded.try_lock() else {
            return false;
        };
        if let Some(recorded) = &mut *recorded {
            recorded.is_initialized = true;
        }
        recorded.is_some()
    }

    /// Whether rmcp knows the client.
    pub(crate) fn is_known_to_sdk(&self) -> bool {
        let recorded = self.recorded.try_lock();
        recorded.is_ok_and(|recorded| recorded.is_none())
    }

    /// Returns what rmcp has to be told of the client, if anything. Messages for rmcp wait while
    /// the caller holds this.
    pub(crate) async fn recorded(&self) -> MutexGuard<'_, Option<RecordedHandshake>> {
        self.recorded.lock().await
    }

    /// Records a request that goes to rmcp and may open the conversation.
    pub(crate) fn record_request(&self, request: &ClientRequest) {
        if self.state() == HandshakeState::New {
            match opening(request) {
                Some(Opening::Handshake) => self.state.store(UNSETTLED, Ordering::Release),
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
        self.state.store(REPEATED, Ordering::Release);
    }

    /// Records the revision that both sides agreed on.
    pub(crate) fn settle(&self, version: &ProtocolVersion) {
        // rmcp alone speaks a revision that is unknown here.
        let revision = Revision::named(version.as_str().as_bytes());
        let settled = revision.map_or(UNSETTLED, settled_in);
        let update = |now| (now != REPEATED).then_some(settled);
        // It fails only after a second handshake, which it must not undo.
        let _ = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
    }

    /// Returns the state.
    pub(crate) fn state(&self) -> HandshakeState {
        match self.state.load(Ordering::Acquire) {
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

/// The state of a client that agreed on `revision`.
fn settled_in(revision: Revision) -> u8 {
    let place = Revision::all().position(|known| known == revision);
    let place = place.and_then(|place| u8::try_from(place).ok());
    place.map_or(UNSETTLED, |place| SETTLED + place)
}

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

    #[tokio::test]
    async fn what_rmcp_does_not_know_is_recorded_until_it_is_told() {
        let unknown = Handshake::default();
        assert!(unknown.is_known_to_sdk() && !unknown.record_initialized());
        for revision in Revision::all() {
            let handshake = Handshake::answered(Some(revision), b"initialize");
            assert_eq!(handshake.state(), HandshakeState::Settled(revision));
            assert!(!handshake.is_known_to_sdk());
            assert!(handshake.record_initialized() && handshake.record_initialized());
            let mut recorded = handshake.recorded().await;
            assert!(!handshake.is_known_to_sdk(), "rmcp is being told");
            assert!(!handshake.record_initialized(), "rmcp is being told");
            let told = recorded.take().unwrap();
            assert!(told.is_initialized && &*told.initialize == b"initialize");
            drop(recorded);
            assert!(handshake.is_known_to_sdk() && !handshake.record_initialized());
        }
    }
}

//! What the event loop needs to begin: the plan's parts that a run and a verification have in common, and the wire.

use std::{sync::atomic::AtomicBool, time::Duration};

use mio::Registry;
use serde_json::{Map, Value};

use super::{
    address::Address,
    outcome::LoadError,
    pace::Share,
    plan::{Exchange, Shape, Target},
    revision::Revision,
    wire::{Sse, Stdio, Streamable, Wire},
};

/// What a run and a verification both need.
pub(super) struct Setup<'a> {
    pub(super) target: Target,
    pub(super) exchanges: &'a [Exchange],
    pub(super) clients: usize,
    pub(super) call_timeout: Duration,
    pub(super) revision: Revision,
    pub(super) extra_params: Map<String, Value>,
    pub(super) shape: Shape,
    pub(super) share: Share,
    pub(super) stop: &'a AtomicBool,
}

/// The wire to a target for so many clients, and for so many connections where these are a pool.
pub(super) fn wire(
    target: Target,
    registry: Registry,
    revision: Revision,
    (clients, pool): (usize, Option<usize>),
) -> Result<Box<dyn Wire>, LoadError> {
    let streamable = |registry, address: Address, path: &str| {
        Streamable::new(registry, (address, path), revision, (clients, pool))
    };
    Ok(match target {
        Target::Http { address, path, .. } if revision.has_handshake() => {
            Box::new(streamable(registry, address, &path))
        }
        Target::Http { address, path, .. } | Target::Floor { address, path, .. } => {
            Box::new(streamable(registry, address, &path).without_handshake())
        }
        Target::Sse { address, path } => Box::new(Sse::new(registry, address, &path, clients)),
        Target::Stdio { stdin, stdout } | Target::OpenStdio { stdin, stdout, .. } => {
            Box::new(Stdio::new(&registry, stdin, stdout, clients)?)
        }
    })
}

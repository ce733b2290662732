//! Work that is in flight, shared by all callers that ask for it.
//!
//! The work is a future that its callers share: whichever of them is polled moves it, so it goes on
//! as long as one of them waits and is dropped with the last one. It needs no task.
//!
//! moka's `try_get_with` does less: it caches a result that was invalidated while it was made, and
//! begins again when the first caller leaves.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::{
    FutureExt,
    future::{Shared, WeakShared},
};
use transports::{fast_path::SerializedResult, runtime::BoxFuture};

use super::{Key, SharedResult};

/// What a caller gets that asks for a key.
pub(super) enum Joined {
    /// A result that was cached in the meantime.
    Cached(SerializedResult),
    /// Work to wait for.
    InFlight(Shared<BoxFuture<SharedResult>>),
}

/// Tells apart pieces of work that had the same key one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation(u64);

/// The work in flight. It holds weak references: callers keep the work alive.
#[derive(Default)]
pub(super) struct SingleFlight(Mutex<Table>);

#[derive(Default)]
struct Table {
    in_flight: HashMap<Key, (Generation, WeakShared<BoxFuture<SharedResult>>)>,
    started: u64,
}

/// Removes the work from the table when it is dropped: when it is done, or when its last caller has
/// left.
pub(super) struct FlightGuard<'f> {
    flights: &'f SingleFlight,
    key: &'f Key,
    generation: Generation,
}

impl SingleFlight {
    /// The work for `key` that is in flight, or else what `cached` finds, or else what `start`
    /// begins.
    pub(super) fn join<F>(
        &self,
        key: &Key,
        cached: impl FnOnce() -> Option<SerializedResult>,
        start: impl FnOnce(Generation) -> F,
    ) -> Joined
    where
        F: Future<Output = SharedResult> + Send + 'static,
    {
        let mut table = self.table();
        let in_flight = table.in_flight.get(key);
        if let Some(work) = in_flight.and_then(|(_, work)| work.upgrade()) {
            return Joined::InFlight(work);
        }
        if let Some(result) = cached() {
            return Joined::Cached(result);
        }
        table.started += 1;
        let generation = Generation(table.started);
        let work: BoxFuture<SharedResult> = Box::pin(start(generation));
        let work = work.shared();
        if let Some(weak) = work.downgrade() {
            table.in_flight.insert(key.clone(), (generation, weak));
        }
        Joined::InFlight(work)
    }

    /// The guard of the work of `generation`; its future holds it.
    pub(super) fn guard<'f>(&'f self, key: &'f Key, generation: Generation) -> FlightGuard<'f> {
        FlightGuard {
            flights: self,
            key,
            generation,
        }
    }

    /// Lets the work for `key` end for those who wait for it. Callers that come later begin anew.
    pub(super) fn cut_off(&self, key: &Key) {
        self.table().in_flight.remove(key);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn is_current(&self, key: &Key, generation: Generation) -> bool {
        let in_flight = self.in_flight.get(key);
        in_flight.is_some_and(|(current, _)| *current == generation)
    }
}

impl FlightGuard<'_> {
    /// Calls `act`, if callers that come now would still join this work. It cannot be cut off
    /// meanwhile.
    pub(super) fn if_current<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        let table = self.flights.table();
        table.is_current(self.key, self.generation).then(act)
    }
}

impl Drop for FlightGuard<'_> {
    fn drop(&mut self) {
        let mut table = self.flights.table();
        // Other work may have started since this was cut off.
        if table.is_current(self.key, self.generation) {
            table.in_flight.remove(self.key);
        }
    }
}

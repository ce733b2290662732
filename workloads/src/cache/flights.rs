//! Work that is under way, and who waits for it.
//!
//! A flight is a future that all its passengers share: whichever of them is polled moves it, so it goes on
//! as long as one of them waits, and ends when the last one leaves. Nobody has to be given a task.

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

use super::{Flown, key::Key};

/// A flight that a caller is on.
pub(super) enum Flight {
    /// There was no need for one any more.
    Landed(SerializedResult),
    /// It is under way.
    Under(Shared<BoxFuture<Flown>>),
}

/// Which of the flights that had the same key one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// The flights under way. None is kept alive from here.
#[derive(Default)]
pub(super) struct Flights(Mutex<Table>);

#[derive(Default)]
struct Table {
    under_way: HashMap<Key, (Ticket, WeakShared<BoxFuture<Flown>>)>,
    started: u64,
}

/// Ends a flight when it is dropped: when its work is done, or when nobody waits for it any more.
pub(super) struct Landing<'f> {
    flights: &'f Flights,
    key: &'f Key,
    ticket: Ticket,
}

impl Flights {
    /// The flight of `key` that is under way, or else what `landed` finds, or else what `start` begins.
    pub(super) fn join<F>(
        &self,
        key: &Key,
        landed: impl FnOnce() -> Option<SerializedResult>,
        start: impl FnOnce(Ticket) -> F,
    ) -> Flight
    where
        F: Future<Output = Flown> + Send + 'static,
    {
        let mut table = self.table();
        let under_way = table.under_way.get(key);
        if let Some(flight) = under_way.and_then(|(_, flight)| flight.upgrade()) {
            return Flight::Under(flight);
        }
        if let Some(written) = landed() {
            return Flight::Landed(written);
        }
        table.started += 1;
        let ticket = Ticket(table.started);
        let flight: BoxFuture<Flown> = Box::pin(start(ticket));
        let flight = flight.shared();
        if let Some(weak) = flight.downgrade() {
            table.under_way.insert(key.clone(), (ticket, weak));
        }
        Flight::Under(flight)
    }

    /// What ends the flight of `ticket`; to be held by its future.
    pub(super) fn landing<'f>(&'f self, key: &'f Key, ticket: Ticket) -> Landing<'f> {
        Landing {
            flights: self,
            key,
            ticket,
        }
    }

    /// Lets the flight of `key` end for those who are on it, and for nobody else.
    pub(super) fn cut_off(&self, key: &Key) {
        self.table().under_way.remove(key);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Landing<'_> {
    /// Whether those who ask now are still on this flight.
    pub(super) fn is_expected(&self) -> bool {
        self.if_expected(|| ()).is_some()
    }

    /// Does something, if those who ask now are still on this flight. It cannot be cut off meanwhile.
    pub(super) fn if_expected<T>(&self, something: impl FnOnce() -> T) -> Option<T> {
        let table = self.flights.table();
        let under_way = table.under_way.get(self.key);
        let is_expected = under_way.is_some_and(|(ticket, _)| *ticket == self.ticket);
        is_expected.then(something)
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut table = self.flights.table();
        let under_way = table.under_way.get(self.key);
        // Another may have started since this one was given up.
        if under_way.is_some_and(|(ticket, _)| *ticket == self.ticket) {
            table.under_way.remove(self.key);
        }
    }
}

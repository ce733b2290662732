//! Who acts next: clients that wait for an instant, for a call to become due, or for a connection to become free.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::{Duration, Instant},
};

use super::pace::{Pace, Share, Timetable};

/// The clients that wait for their next action.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    share: Share,
    /// What is added to each instant: a trip over the wire and back.
    round_trip: Duration,
    waiting: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The calls of an open loop, once the load has begun.
    timetable: Option<Timetable>,
    /// Open loop: clients without a call, the one that has been so for longest first.
    idle: VecDeque<usize>,
    /// Clients whose message waits for a free connection, with the instant that it was due.
    queue: VecDeque<(usize, Instant)>,
}

/// A client whose action is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Turn {
    pub(super) client: usize,
    /// When it was due. With a round trip that is as much before it can be done.
    pub(super) due: Instant,
}

impl Schedule {
    pub(super) fn new(pace: Pace, share: Share, round_trip: Duration, clients: usize) -> Self {
        Self {
            pace,
            share,
            round_trip,
            waiting: BinaryHeap::with_capacity(clients),
            timetable: None,
            idle: VecDeque::with_capacity(clients),
            queue: VecDeque::with_capacity(clients),
        }
    }

    /// What is added to each trip over the wire and back.
    pub(super) fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// Whether calls are due whatever the server does.
    pub(super) fn is_open_loop(&self) -> bool {
        matches!(self.pace, Pace::Open { .. })
    }

    /// Whether instants matter that fall between those of the poll.
    pub(super) fn is_timed(&self) -> bool {
        let pauses = match self.pace {
            Pace::Closed { think_time } => !think_time.is_zero(),
            Pace::Open { .. } => true,
        };
        pauses || !self.round_trip.is_zero()
    }

    /// The load begins: calls become due.
    pub(super) fn begin(&mut self, now: Instant) {
        if let Pace::Open {
            rate_per_s,
            arrivals,
        } = self.pace
        {
            self.timetable = Some(Timetable::new(rate_per_s, arrivals, self.share, now));
        }
    }

    /// Open loop: no call is due from this instant on.
    pub(super) fn end(&mut self, at: Instant) {
        if let Some(timetable) = &mut self.timetable {
            timetable.end(at);
        }
    }

    /// Open loop: gives up the calls that were due before the end and are not made. Returns how many of them were due from
    /// `opened` on.
    pub(super) fn leave(&mut self, opened: Instant) -> u64 {
        self.timetable
            .as_mut()
            .map_or(0, |timetable| timetable.leave(opened))
    }

    /// The messages that wait for a free connection.
    pub(super) fn queued(&self) -> impl Iterator<Item = Turn> {
        let turn = |(client, due): &(usize, Instant)| Turn {
            client: *client,
            due: *due,
        };
        self.queue.iter().map(turn)
    }

    /// Whether something is to be done now or later.
    pub(super) fn is_busy(&self) -> bool {
        !self.queue.is_empty() || self.next().is_some()
    }

    /// Whether a call of an open loop is still to be made before the end.
    pub(super) fn has_calls(&self) -> bool {
        self.timetable
            .as_ref()
            .is_some_and(|one| one.next().is_some())
    }

    /// The client has become free: its next call is due after a while, or when the timetable says so.
    pub(super) fn free(&mut self, client: usize, now: Instant) {
        match self.pace {
            Pace::Closed { think_time } => self.at(client, now + think_time),
            Pace::Open { .. } => self.idle.push_back(client),
        }
    }

    /// The client acts at this instant, whatever the pace (a connection to be tried again).
    pub(super) fn at(&mut self, client: usize, due: Instant) {
        self.waiting.push(Reverse((due, client)));
    }

    /// The client's message waits for a connection.
    pub(super) fn queue(&mut self, turn: Turn) {
        self.queue.push_back((turn.client, turn.due));
    }

    /// The load begins: the client's first call is due. Clients that pause between their calls begin at equal distances
    /// within a pause, and not all at once.
    pub(super) fn start(&mut self, client: usize, clients: usize, now: Instant) {
        let Pace::Closed { think_time } = self.pace else {
            return self.free(client, now);
        };
        let Share { index, of } = self.share;
        let position = (client * of + index) as f64 / (clients * of) as f64;
        let pause = think_time + self.round_trip;
        self.at(client, now + pause.mul_f64(position));
    }

    /// Takes the client that has waited longest for a connection, if there is room for it.
    pub(super) fn pop_queued(&mut self, has_room: impl FnOnce(usize) -> bool) -> Option<Turn> {
        let (client, due) = *self.queue.front()?;
        if !has_room(client) {
            return None;
        }
        self.queue.pop_front();
        Some(Turn { client, due })
    }

    /// Takes a client whose action is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Turn> {
        let Reverse((due, client)) = *self.waiting.peek()?;
        if due + self.round_trip > now {
            return None;
        }
        self.waiting.pop();
        Some(Turn { client, due })
    }

    /// Open loop: takes a free client for a call that is due. `is_fit` says whether a client can make one.
    pub(super) fn pop_call(
        &mut self,
        now: Instant,
        mut is_fit: impl FnMut(usize) -> bool,
    ) -> Option<Turn> {
        let timetable = self.timetable.as_mut()?;
        let due = timetable.next()?;
        if due + self.round_trip > now {
            return None;
        }
        while let Some(client) = self.idle.pop_front() {
            if is_fit(client) {
                timetable.take();
                return Some(Turn { client, due });
            }
        }
        None
    }

    /// When the next action is due; a call counts only while there is a client to make it.
    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.waiting.peek().map(|Reverse((due, _))| *due);
        let call = self.timetable.as_ref().and_then(Timetable::next);
        let call = call.filter(|_| !self.idle.is_empty());
        let due = match (waiting, call) {
            (Some(waiting), Some(call)) => waiting.min(call),
            (one, other) => one.or(other)?,
        };
        Some(due + self.round_trip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::pace::Arrivals;

    fn schedule(pace: Pace, round_trip_ms: u64) -> Schedule {
        Schedule::new(pace, Share::ALL, Duration::from_millis(round_trip_ms), 3)
    }

    fn ms(from: Instant, ms: u64) -> Instant {
        from + Duration::from_millis(ms)
    }

    #[test]
    fn clients_come_up_in_the_order_they_are_due_and_not_before() {
        let start = Instant::now();
        let mut schedule = schedule(Pace::default(), 0);
        schedule.at(0, ms(start, 5));
        schedule.free(1, start);
        let client = |turn: Option<Turn>| turn.map(|turn| turn.client);
        assert_eq!(client(schedule.pop(start)), Some(1));
        assert_eq!(schedule.pop(start), None);
        assert_eq!(schedule.next(), Some(ms(start, 5)));
        assert_eq!(client(schedule.pop(ms(start, 5))), Some(0));
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn a_client_thinks_and_its_message_travels_before_it_arrives() {
        let start = Instant::now();
        let think_time = Duration::from_millis(7);
        let mut schedule = schedule(Pace::Closed { think_time }, 20);
        schedule.free(2, start);
        assert_eq!(schedule.next(), Some(ms(start, 27)));
        assert_eq!(schedule.pop(ms(start, 26)), None);
        let turn = schedule.pop(ms(start, 27)).unwrap();
        assert_eq!((turn.client, turn.due), (2, ms(start, 7)));
    }

    #[test]
    fn calls_that_nobody_is_free_for_keep_the_instant_they_were_due_at() {
        let start = Instant::now();
        let pace = Pace::Open {
            rate_per_s: 100.0,
            arrivals: Arrivals::Constant,
        };
        let mut schedule = schedule(pace, 0);
        schedule.begin(start);
        assert!(schedule.is_open_loop() && schedule.has_calls());
        assert_eq!(schedule.next(), None, "nobody is free");
        schedule.free(0, start);
        schedule.free(1, start);
        let late = ms(start, 55);
        let mut due = |is_fit: fn(usize) -> bool| {
            schedule
                .pop_call(late, is_fit)
                .map(|turn| (turn.client, turn.due))
        };
        assert_eq!(
            due(|client| client == 1),
            Some((1, start)),
            "0 is passed over"
        );
        assert_eq!(due(|_| true), None);
        schedule.free(2, late);
        let turn = schedule.pop_call(late, |_| true).unwrap();
        assert_eq!((turn.client, turn.due), (2, ms(start, 10)));
        schedule.end(ms(start, 50));
        assert_eq!(schedule.leave(start), 3);
    }

    #[test]
    fn who_waits_for_a_connection_gets_it_in_the_order_of_waiting() {
        let start = Instant::now();
        let mut schedule = schedule(Pace::default(), 0);
        for client in [2, 0] {
            schedule.queue(Turn { client, due: start });
        }
        assert_eq!(schedule.pop_queued(|_| false), None);
        let first = schedule.pop_queued(|client| client == 2);
        assert_eq!(first.map(|turn| turn.client), Some(2));
    }
}

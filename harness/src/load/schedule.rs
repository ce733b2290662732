//! Decides which client acts next, and when calls are due.
//!
//! A client waits for an instant, for a call to become due, or for a connection to become free.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};

use super::plan::{Arrivals, Pace, Shape};

/// The share of one thread in a load that several threads make.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Share {
    /// The number of the thread, from 0.
    pub(super) index: usize,
    /// The number of threads.
    pub(super) of: usize,
}

impl Share {
    /// The only thread.
    pub(super) const ALL: Self = Self { index: 0, of: 1 };

    /// This thread's part of so many things.
    pub(super) fn part(self, things: usize) -> usize {
        things / self.of + usize::from(self.index < things % self.of)
    }
}

/// The instants that the calls of an open loop are due at. They depend on nothing that happens.
#[derive(Debug)]
struct Timetable {
    start: Instant,
    rate_per_s: f64,
    arrivals: Arrivals,
    share: Share,
    generator: Xoshiro256PlusPlus,
    /// Calls taken so far.
    taken: u64,
    /// Seconds from the start to the next call.
    offset_s: f64,
    end: Option<Instant>,
}

impl Timetable {
    /// A thread's seed is its index, so that every run has the same instants.
    fn new(rate_per_s: f64, arrivals: Arrivals, share: Share, start: Instant) -> Self {
        let mut timetable = Self {
            start,
            rate_per_s,
            arrivals,
            share,
            generator: Xoshiro256PlusPlus::seed_from_u64(share.index as u64),
            taken: 0,
            offset_s: 0.0,
            end: None,
        };
        timetable.plan_next();
        timetable
    }

    /// When the next call is due; `None` after the end.
    fn next(&self) -> Option<Instant> {
        let due = self.start + Duration::from_secs_f64(self.offset_s);
        self.end.is_none_or(|end| due < end).then_some(due)
    }

    /// Takes the next call.
    fn take(&mut self) {
        self.taken += 1;
        self.plan_next();
    }

    fn plan_next(&mut self) {
        let Share { index, of } = self.share;
        match self.arrivals {
            // From the number, so that rounding does not add up.
            Arrivals::Constant => {
                self.offset_s = (self.taken as f64 * of as f64 + index as f64) / self.rate_per_s;
            }
            // An exponential distance: the logarithm of a number in (0, 1].
            Arrivals::Poisson => {
                let uniform = 1.0 - self.generator.random::<f64>();
                self.offset_s += -uniform.ln() * of as f64 / self.rate_per_s;
            }
        }
    }
}

/// A client whose action is due.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Turn {
    /// When it is due. With a round trip it can be done only that much later.
    pub(super) due: Instant,
    pub(super) client: usize,
}

/// The clients that wait for their next action.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    share: Share,
    clients: usize,
    /// Closed loop: added to the think time between two iterations.
    iteration_pause: Duration,
    ramp: Duration,
    ramp_down: Duration,
    /// The end of the window, where the clients end before it one after the other.
    end: Option<Instant>,
    /// The begin of the window.
    opened: Option<Instant>,
    give_up: Option<Duration>,
    /// Open loop: calls of the window that were given up so far.
    pub(super) given_up: usize,
    /// Added to each instant: a round trip to the server.
    pub(super) round_trip: Duration,
    waiting: BinaryHeap<Reverse<Turn>>,
    /// The calls of an open loop, once the load has begun.
    timetable: Option<Timetable>,
    /// Open loop: clients without a call, the one that has been so for longest first.
    idle: VecDeque<usize>,
    /// Clients whose message waits for a free connection.
    queue: VecDeque<Turn>,
}

impl Schedule {
    pub(super) fn new(shape: &Shape, thread: Share, clients: usize) -> Self {
        Self {
            pace: shape.pace,
            share: thread,
            clients,
            iteration_pause: shape.iteration_pause,
            ramp: shape.ramp,
            ramp_down: shape.ramp_down,
            end: None,
            opened: None,
            give_up: shape.give_up,
            given_up: 0,
            round_trip: shape.round_trip,
            waiting: BinaryHeap::with_capacity(clients),
            timetable: None,
            idle: VecDeque::with_capacity(clients),
            queue: VecDeque::with_capacity(clients),
        }
    }

    /// Whether calls are due whatever the server does.
    pub(super) fn is_open_loop(&self) -> bool {
        matches!(self.pace, Pace::Open { .. })
    }

    /// The longest time between an answer and the arrival of the client's next call, in a closed
    /// loop.
    fn longest_pause(&self) -> Duration {
        match self.pace {
            Pace::Closed { think_time } => think_time + self.iteration_pause + self.round_trip,
            Pace::Open { .. } => Duration::ZERO,
        }
    }

    /// Whether instants between whole milliseconds matter.
    pub(super) fn is_timed(&self) -> bool {
        self.is_open_loop() || !self.longest_pause().is_zero()
    }

    /// The place of a client among those of all threads, from 0 to 1.
    fn position(&self, client: usize) -> f64 {
        let Share { index, of } = self.share;
        (client * of + index) as f64 / (self.clients * of) as f64
    }

    /// The load begins: calls become due. Clients that pause between calls begin at equal distances
    /// within one pause, and not all at once; or within the ramp.
    pub(super) fn begin(&mut self, now: Instant) {
        if let Pace::Open {
            rate_per_s,
            arrivals,
        } = self.pace
        {
            self.timetable = Some(Timetable::new(rate_per_s, arrivals, self.share, now));
            self.idle.extend(0..self.clients);
            return;
        }
        let time = self.ramp.max(self.longest_pause());
        for client in 0..self.clients {
            self.at(client, now + time.mul_f64(self.position(client)));
        }
    }

    /// The window opens now and closes at this instant.
    pub(super) fn window(&mut self, opened: Instant, end: Instant) {
        self.opened = Some(opened);
        self.end = (!self.ramp_down.is_zero()).then_some(end);
    }

    /// Closed loop: whether a client that is free at this instant has made its last iteration.
    pub(super) fn has_ended(&self, client: usize, at: Instant) -> bool {
        let is_after = |end| at + self.ramp_down.mul_f64(1.0 - self.position(client)) >= end;
        self.end.is_some_and(is_after)
    }

    /// Open loop: no call is due from this instant on.
    pub(super) fn end(&mut self, at: Instant) {
        if let Some(timetable) = &mut self.timetable {
            timetable.end = Some(at);
        }
    }

    /// Open loop: the calls that were due and have no client yet.
    pub(super) fn take_calls(&mut self) -> impl Iterator<Item = Instant> {
        std::iter::from_fn(|| {
            let timetable = self.timetable.as_mut().filter(|one| one.end.is_some())?;
            let due = timetable.next()?;
            timetable.take();
            Some(due)
        })
    }

    /// Open loop: whether a call that is due before the end has no client yet.
    pub(super) fn has_calls(&self) -> bool {
        let timetable = self.timetable.as_ref();
        timetable.is_some_and(|one| one.next().is_some())
    }

    /// The client has become free for its next call, perhaps that of a new iteration. Returns when
    /// it is to make it, in a closed loop.
    pub(super) fn free(&mut self, client: usize, now: Instant, is_new: bool) -> Option<Instant> {
        let Pace::Closed { think_time } = self.pace else {
            self.idle.push_back(client);
            return None;
        };
        let mut due = now + think_time;
        if is_new {
            due += self.iteration_pause;
        }
        self.at(client, due);
        Some(due)
    }

    /// The client acts at this instant, whatever the pace (it opens a connection, for example).
    pub(super) fn at(&mut self, client: usize, due: Instant) {
        self.waiting.push(Reverse(Turn { due, client }));
    }

    /// The client's message waits for a connection.
    pub(super) fn queue(&mut self, turn: Turn) {
        self.queue.push_back(turn);
    }

    /// The messages that wait for a connection.
    pub(super) fn queued(&self) -> impl Iterator<Item = Turn> {
        self.queue.iter().copied()
    }

    /// Takes the client that has waited longest for a connection, if there is room for it.
    pub(super) fn pop_queued(&mut self, has_room: impl FnOnce(usize) -> bool) -> Option<Turn> {
        let turn = *self.queue.front()?;
        if !has_room(turn.client) {
            return None;
        }
        self.queue.pop_front()
    }

    /// Takes a client whose action is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Turn> {
        let Reverse(turn) = *self.waiting.peek()?;
        if turn.due + self.round_trip > now {
            return None;
        }
        self.waiting.pop();
        Some(turn)
    }

    /// Open loop: takes a free client for a call that is due, if `is_fit` says that it can call.
    pub(super) fn pop_call(
        &mut self,
        now: Instant,
        mut is_fit: impl FnMut(usize) -> bool,
    ) -> Option<Turn> {
        let timetable = self.timetable.as_mut()?;
        let mut due = timetable.next()?;
        while self.give_up.is_some_and(|time| due + time < now) {
            self.given_up += usize::from(self.opened.is_some_and(|opened| due >= opened));
            timetable.take();
            due = timetable.next()?;
        }
        if due + self.round_trip > now {
            return None;
        }
        while let Some(client) = self.idle.pop_front() {
            if is_fit(client) {
                timetable.take();
                return Some(Turn { due, client });
            }
        }
        None
    }

    /// When the next action is due; a call counts only while there is a client to make it.
    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.waiting.peek().map(|Reverse(turn)| turn.due);
        let call = self.timetable.as_ref().filter(|_| !self.idle.is_empty());
        let call = call.and_then(Timetable::next);
        let due = match (waiting, call) {
            (Some(waiting), Some(call)) => waiting.min(call),
            (one, other) => one.or(other)?,
        };
        Some(due + self.round_trip)
    }

    /// Whether an action is due now or later.
    pub(super) fn is_busy(&self) -> bool {
        !self.queue.is_empty() || self.next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn offsets(rate_per_s: f64, arrivals: Arrivals, share: Share, count: usize) -> Vec<Duration> {
        let start = Instant::now();
        let mut timetable = Timetable::new(rate_per_s, arrivals, share, start);
        let next = || {
            let due = timetable.next().unwrap();
            timetable.take();
            due - start
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn constant_arrivals_do_not_drift_and_threads_take_them_in_turn() {
        let all = offsets(3.0, Arrivals::Constant, Share::ALL, 30_001);
        assert_eq!((all[0], all[30_000]), (ms(0), Duration::from_secs(10_000)));
        let second = Share { index: 1, of: 2 };
        let second = offsets(1_000.0, Arrivals::Constant, second, 4);
        assert_eq!(second, [ms(1), ms(3), ms(5), ms(7)]);
        let parts = (0..3).map(|index| Share { index, of: 3 }.part(8));
        assert_eq!(parts.sum::<usize>(), 8);
    }

    #[test]
    fn a_call_that_nobody_sends_in_time_is_given_up_and_counted() {
        let shape = Shape {
            pace: Pace::Open {
                rate_per_s: 1_000.0,
                arrivals: Arrivals::Constant,
            },
            give_up: Some(ms(10)),
            ..Shape::default()
        };
        let start = Instant::now();
        let mut schedule = Schedule::new(&shape, Share::ALL, 1);
        schedule.begin(start);
        schedule.window(start + ms(2), start + ms(100));
        let turn = schedule.pop_call(start + ms(20), |_| true).unwrap();
        assert_eq!((turn.due, schedule.given_up), (start + ms(10), 8));
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_the_exponential_distribution() {
        let offsets = offsets(1_000.0, Arrivals::Poisson, Share::ALL, 100_000);
        let ms = |at: Duration| at.as_secs_f64() * 1_000.0;
        let distance_ms = |pair: &[Duration]| ms(pair[1]) - ms(pair[0]);
        let distances: Vec<f64> = offsets.windows(2).map(distance_ms).collect();
        let count = distances.len() as f64;
        let mean = distances.iter().sum::<f64>() / count;
        let variance = distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count;
        // Both are 1 in units of the mean distance; the standard errors are 0.003 and 0.009.
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }
}

//! Waits for connections and for instants.
//!
//! The time-outs of a poll are whole milliseconds, too coarse for planned calls: a timer of the
//! kernel wakes the poll where instants matter.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Registry, Token, unix::SourceFd};
use nix::{
    sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
    time,
};

/// The token of the timer, which no connection has.
pub(super) const TIMER: Token = Token(usize::MAX);

/// The longest sleep: the stop flag and the time limits are looked at this often.
pub(super) const SLEEP: Duration = Duration::from_millis(20);

/// For an instant that is nearer than this the thread waits awake: to set the timer and to be woken
/// takes as long.
const SPIN: Duration = Duration::from_micros(20);

/// A poll with a timer.
pub(super) struct Poller {
    poll: Poll,
    /// What the last wait brought.
    pub(super) events: Events,
    /// Where instants between whole milliseconds matter.
    timer: Option<Timer>,
    /// How long the thread waited awake.
    pub(super) spun: Duration,
}

impl Poller {
    pub(super) fn new(is_timed: bool) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = is_timed.then(|| Timer::new(poll.registry())).transpose()?;
        let events = Events::with_capacity(1024);
        Ok(Self {
            poll,
            events,
            timer,
            spun: Duration::ZERO,
        })
    }

    pub(super) fn registry(&self) -> io::Result<Registry> {
        self.poll.registry().try_clone()
    }

    /// Waits until something comes in or the instant is there, asleep or awake.
    pub(super) fn wait(&mut self, until: Instant) -> io::Result<()> {
        let now = Instant::now();
        let wait = until.saturating_duration_since(now);
        let Some(timer) = &mut self.timer else {
            return self.poll(wait.min(SLEEP));
        };
        if wait >= SPIN {
            timer.set(until)?;
            return self.poll(SLEEP);
        }
        self.poll(Duration::ZERO)?;
        while self.events.is_empty() && Instant::now() < until {
            self.poll(Duration::ZERO)?;
        }
        // Not more than was planned: the thread may have lost its core meanwhile.
        self.spun += now.elapsed().min(wait);
        Ok(())
    }

    fn poll(&mut self, most: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(most)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }
}

/// A timer of the kernel.
struct Timer {
    descriptor: TimerFd,
    set: Option<Instant>,
    /// The same instant in Rust and on the timer's clock.
    origin: (Instant, Duration),
}

impl Timer {
    fn new(registry: &Registry) -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let descriptor = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let raw = descriptor.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&raw), TIMER, Interest::READABLE)?;
        let clock = time::clock_gettime(time::ClockId::CLOCK_MONOTONIC)?;
        let origin = (Instant::now(), clock.into());
        Ok(Self {
            descriptor,
            set: None,
            origin,
        })
    }

    /// Sets the timer to an absolute instant: what was done since it was planned must not delay it.
    fn set(&mut self, at: Instant) -> io::Result<()> {
        if self.set != Some(at) {
            // Edge-triggered: to set it anew clears its last expiration, so nothing has to be read.
            let (origin, clock) = self.origin;
            let at_clock = clock + at.saturating_duration_since(origin);
            let expiration = Expiration::OneShot(TimeSpec::from_duration(at_clock));
            self.descriptor
                .set(expiration, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            self.set = Some(at);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_expires_on_time_whatever_was_done_before_it_was_set() {
        let mut poller = Poller::new(true).unwrap();
        let at = Instant::now() + Duration::from_millis(400);
        std::thread::sleep(Duration::from_millis(350));
        poller.wait(at).unwrap();
        let late = Instant::now().saturating_duration_since(at);
        assert!(late < Duration::from_millis(300), "{late:?}");
        assert!(poller.spun.is_zero());
        for _ in 0..100 {
            let at = Instant::now() + SPIN / 2;
            poller.wait(at).unwrap();
            assert!(Instant::now() >= at);
        }
        assert!(!poller.spun.is_zero() && poller.spun <= 50 * SPIN);
    }
}

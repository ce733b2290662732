//! An alarm that rings at an instant: the time-outs of the poll are whole milliseconds, too coarse for planned calls.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token, unix::SourceFd};
use nix::{
    sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
    time,
};

/// The token of an alarm, which no connection has.
pub(super) const ALARM: Token = Token(usize::MAX);

/// Shorter than this it is not worth to sleep: to set the alarm and to be woken takes as long.
const SPIN: Duration = Duration::from_micros(20);

/// One alarm, which wakes the poll that it is registered with.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: TimerFd,
    set: Option<Instant>,
    /// The same instant in Rust and on the timer's clock: the timer takes instants of its clock only.
    origin: (Instant, Duration),
}

impl Alarm {
    /// An alarm that is not set.
    pub(super) fn new(registry: &Registry) -> io::Result<Self> {
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let descriptor = timer.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), ALARM, Interest::READABLE)?;
        let clock = time::clock_gettime(time::ClockId::CLOCK_MONOTONIC)?;
        Ok(Self {
            timer,
            set: None,
            origin: (Instant::now(), clock.into()),
        })
    }

    /// Sets the alarm to an instant. Returns `false`, and sets nothing, when the instant is too near to sleep.
    pub(super) fn set(&mut self, at: Instant, now: Instant) -> io::Result<bool> {
        if at.saturating_duration_since(now) < SPIN {
            return Ok(false);
        }
        if self.set != Some(at) {
            // Edge-triggered: to set it anew takes back that it rang, so that nothing has to be read.
            let (origin, clock) = self.origin;
            let at_clock = clock + at.saturating_duration_since(origin);
            let expiration = Expiration::OneShot(TimeSpec::from_duration(at_clock));
            // An absolute instant: what is done between its planning and this call must not delay it.
            self.timer
                .set(expiration, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            self.set = Some(at);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use mio::{Events, Poll};

    use super::*;

    #[test]
    fn an_alarm_rings_on_time_whatever_was_done_before_it_was_set() {
        let mut poll = Poll::new().unwrap();
        let mut alarm = Alarm::new(poll.registry()).unwrap();
        let planned = Instant::now();
        let at = planned + Duration::from_millis(40);
        std::thread::sleep(Duration::from_millis(30));
        assert!(alarm.set(at, planned).unwrap());
        let most = Some(Duration::from_secs(1));
        poll.poll(&mut Events::with_capacity(1), most).unwrap();
        let late = Instant::now().saturating_duration_since(at);
        assert!(late < Duration::from_millis(15), "{late:?}");
    }
}

//! An alarm that rings at an instant: the time-outs of the poll are whole milliseconds, too coarse for planned calls.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token, unix::SourceFd};
use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
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
        Ok(Self { timer, set: None })
    }

    /// Sets the alarm to an instant that is so far away. Returns how long the poll may sleep: `most`, for the alarm wakes
    /// it, or not at all when the instant is too near.
    pub(super) fn wake(
        &mut self,
        at: Instant,
        wait: Duration,
        most: Duration,
    ) -> io::Result<Duration> {
        if wait < SPIN {
            return Ok(Duration::ZERO);
        }
        if self.set != Some(at) {
            // Edge-triggered: to set it anew takes back that it rang, so that nothing has to be read.
            let after = Expiration::OneShot(TimeSpec::from_duration(wait));
            self.timer.set(after, TimerSetTimeFlags::empty())?;
            self.set = Some(at);
        }
        Ok(most)
    }
}

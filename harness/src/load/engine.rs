//! The event loop, and the parts of a run that are not load: handshakes, single questions, the end.

use std::{
    io,
    time::{Duration, Instant},
};

use mio::{Events, Poll};

use super::{
    client::{Mode, Reply, State},
    desk::Desk,
    message::Message,
    outcome::{CallError, ErrorKind, LoadError},
    setup::Setup,
    timer::{ALARM, Alarm},
};

/// How long the loop sleeps at most: the stop flag and the time limits are looked at this often.
const SLEEP: Duration = Duration::from_millis(20);
/// How long the sessions may take to end.
const LEAVE: Duration = Duration::from_secs(5);

/// The loop.
pub(super) struct Engine<'a> {
    poll: Poll,
    events: Events,
    /// Where instants between whole milliseconds matter.
    alarm: Option<Alarm>,
    pub(super) desk: Desk<'a>,
}

impl<'a> Engine<'a> {
    /// Prepares the loop; connects to nothing yet.
    pub(super) fn new(setup: Setup<'a>) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Io {
            doing: "make an event loop",
            source,
        };
        let poll = Poll::new().map_err(failed)?;
        let registry = poll.registry().try_clone().map_err(failed)?;
        let desk = Desk::new(setup, registry)?;
        let alarm = desk.crew.schedule.is_timed();
        let alarm = alarm.then(|| Alarm::new(poll.registry()));
        let alarm = alarm.transpose().map_err(failed)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            alarm,
            desk,
        })
    }

    /// Opens all sessions.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub(super) fn shake_hands(&mut self) -> Result<(), LoadError> {
        let crew = &mut self.desk.crew;
        let sessions = if self.desk.wire.is_shared() && crew.terms.handshakes > 0 {
            1
        } else {
            crew.clients.len()
        };
        let now = Instant::now();
        (0..sessions).for_each(|client| crew.schedule.at(client, now));
        while !self.desk.crew.is_ready() {
            if let Some((client, error)) = self.desk.crew.fatal.take() {
                return Err(LoadError::Handshake { client, error });
            }
            if self.desk.is_stopped() {
                return Err(LoadError::Stopped);
            }
            self.turn(Instant::now() + SLEEP)?;
        }
        Ok(())
    }

    /// Sends a message of the first client and waits for the answer.
    ///
    /// # Errors
    /// The outer one when the loop does not work or is stopped, the inner one when there is no answer.
    pub(super) fn ask(&mut self, message: &Message) -> Result<Result<Reply, CallError>, LoadError> {
        self.desk.crew.mode = Mode::Ask;
        self.desk.crew.reply = None;
        let mut is_sent = false;
        loop {
            if let Some(reply) = self.desk.crew.reply.take() {
                if reply.is_err() {
                    self.desk.wire.close(0);
                    self.desk.crew.down(0);
                }
                return Ok(reply);
            }
            if self.desk.is_gone() {
                return Ok(Err(CallError::new(
                    ErrorKind::Transport,
                    "the subject has ended",
                )));
            }
            if self.desk.is_stopped() {
                return Err(LoadError::Stopped);
            }
            if self.desk.crew.clients[0].state == State::Idle && !is_sent {
                is_sent = true;
                self.desk.ask(0, message);
            }
            self.turn(Instant::now() + SLEEP)?;
        }
    }

    /// Does what is due, and what comes in until then, once.
    ///
    /// # Errors
    /// When the operating system refuses to poll.
    pub(super) fn turn(&mut self, until: Instant) -> Result<(), LoadError> {
        let now = Instant::now();
        self.desk.act(now);
        self.desk.sweep(now);
        let wake = self
            .desk
            .crew
            .schedule
            .next()
            .map_or(until, |due| due.min(until))
            .min(now + SLEEP);
        let sleep = self.sleep(wake, wake.saturating_duration_since(now))?;
        match self.poll.poll(&mut self.events, Some(sleep)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(source) => {
                return Err(LoadError::Io {
                    doing: "poll the connections",
                    source,
                });
            }
        }
        for event in self.events.iter().filter(|event| event.token() != ALARM) {
            self.desk.ready(event);
            if self.desk.is_stopped() {
                break;
            }
        }
        Ok(())
    }

    /// How long the poll may sleep, which is to wake at an instant that is so far away.
    fn sleep(&mut self, wake: Instant, wait: Duration) -> Result<Duration, LoadError> {
        let Some(alarm) = &mut self.alarm else {
            return Ok(wait);
        };
        alarm
            .wake(wake, wait, SLEEP)
            .map_err(|source| LoadError::Io {
                doing: "set a timer",
                source,
            })
    }

    /// Open loop: lets the calls be made that were due before the window closed, as long as that took. Returns how many
    /// are given up then.
    pub(super) fn catch_up(&mut self, closed: Instant, limit: Duration) -> Result<u64, LoadError> {
        self.desk.crew.schedule.end(closed);
        while self.desk.crew.schedule.has_calls()
            && !self.desk.is_stopped()
            && !self.desk.is_gone()
            && closed.elapsed() < limit
        {
            self.turn(Instant::now() + SLEEP)?;
        }
        Ok(self.desk.crew.schedule.leave())
    }

    /// Waits for the calls that are outstanding; each has its time limit.
    pub(super) fn drain(&mut self) -> Result<(), LoadError> {
        self.desk.crew.mode = Mode::Finish;
        while self.desk.crew.is_calling() && !self.desk.is_stopped() {
            self.turn(Instant::now() + SLEEP)?;
        }
        Ok(())
    }

    /// Ends the sessions that the server keeps, as far as that can be done in a few seconds.
    pub(super) fn leave(&mut self) -> Result<(), LoadError> {
        self.desk.crew.mode = Mode::Finish;
        let end = Instant::now() + LEAVE.min(self.desk.call_timeout);
        (0..self.desk.crew.clients.len()).for_each(|client| self.desk.leave(client));
        let leaving = |desk: &Desk<'_>| {
            desk.crew
                .clients
                .iter()
                .filter(|one| matches!(one.state, State::Leaving | State::Ending))
                .count()
        };
        while leaving(&self.desk) > 0 && !self.desk.is_stopped() && Instant::now() < end {
            self.turn(end)?;
        }
        for _ in 0..leaving(&self.desk) {
            let error = CallError::new(
                ErrorKind::Timeout,
                "the DELETE of a session was not answered in time",
            );
            self.desk.crew.closing_errors.add(error);
        }
        Ok(())
    }
}

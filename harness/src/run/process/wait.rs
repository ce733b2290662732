//! Waiting for a child to be ready: by its port, and by whatever else tells.

use std::time::Duration;

use super::{Port, ProcessError, Ready, Running};
use crate::interrupt::Interrupt;

impl Running {
    /// Waits until the port of a child that prints no ready line answers.
    ///
    /// # Errors
    /// As [`Running::wait_ready`].
    pub fn wait_port(
        &mut self,
        port: &Port,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Ready, ProcessError> {
        let started = self.started;
        let ready = || {
            port.answers().then(|| Ready {
                place: port.url().to_owned(),
                after: started.elapsed(),
            })
        };
        match self.wait_until(limit, interrupt, ready)? {
            Some(ready) => Ok(ready),
            None => Err(ProcessError::NoAnswer {
                name: self.name.clone(),
                place: port.url().to_owned(),
                limit,
                last_lines: self.last_lines(),
            }),
        }
    }

    /// Waits until it is ready; `None` when the time is over.
    pub(super) fn wait_until(
        &mut self,
        limit: Duration,
        interrupt: &Interrupt,
        ready: impl Fn() -> Option<Ready>,
    ) -> Result<Option<Ready>, ProcessError> {
        let found = interrupt.wait(limit, || match ready() {
            Some(ready) => Some(Ok(ready)),
            None if self.has_ended() && self.log.is_closed() => Some(Err(())),
            None => None,
        });
        let name = self.name.clone();
        match found {
            Some(Ok(ready)) => Ok(Some(ready)),
            Some(Err(())) => Err(ProcessError::EndedEarly {
                name,
                last_lines: self.last_lines(),
                status: self.stop().status,
            }),
            None if interrupt.is_set() => Err(ProcessError::Interrupted { name }),
            None => Ok(None),
        }
    }

    /// For how long it has been running.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }
}

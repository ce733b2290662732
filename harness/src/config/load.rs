//! How hard it is asked: the settings of a load, and changes to them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::subject;
use crate::load::{Arrivals, MAX_CLIENTS, MAX_THREADS, Pace, Shape};

/// How hard a suite asks. Flags of `measure` override each value.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "LoadChange")]
pub struct Load {
    /// Clients, each with at most one call outstanding.
    pub clients: usize,
    /// Connections that the clients use in turn over HTTP; by default each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
    /// Open loop: calls a second, planned before the run and due whatever the server does. Without it the loop is
    /// closed: a client's next call is due when its last one is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// When the calls of an open loop are due.
    #[serde(skip_serializing_if = "is_default")]
    pub arrivals: Arrivals,
    /// Closed loop: how long a client waits between an answer and its next call, in milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub think_time_ms: f64,
    /// Added to each trip over the wire and back, the opening of a connection among them, in milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub round_trip_ms: f64,
    /// A client ends its session and its connection after so many calls, and begins anew: an iteration. Without it a
    /// session lasts as long as the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_session: Option<u32>,
    /// Threads that the clients are shared out among.
    #[serde(skip_serializing_if = "is_one")]
    pub threads: usize,
    /// Load before the measured window, in seconds.
    pub warmup_s: f64,
    /// Length of the measured window, in seconds.
    pub duration_s: f64,
    /// Trials of each subject.
    pub trials: u32,
    /// Starts of each subject whose windows are slices.
    pub processes: u32,
    /// Slices of each process, measured by turns with the other subjects; with 0 there are long
    /// trials instead. Also 0 where a definition asks for what only these have: `trials`,
    /// `duration_s`, `rate_per_s` or `calls_per_session`.
    pub slices: u32,
    /// Length of the measured part of a slice, in seconds.
    pub slice_s: f64,
    /// Load before the measured part of a slice, in seconds.
    pub lead_in_s: f64,
    /// Longest wait for an answer, in seconds.
    pub call_timeout_s: f64,
}

impl From<LoadChange> for Load {
    fn from(change: LoadChange) -> Self {
        let mut load = Self::default();
        change.apply(&mut load);
        load
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands it over like this"
)]
fn is_one(value: &usize) -> bool {
    *value == 1
}

impl Default for Load {
    fn default() -> Self {
        Self {
            clients: 50,
            connections: None,
            rate_per_s: None,
            arrivals: Arrivals::default(),
            think_time_ms: 0.0,
            round_trip_ms: 0.0,
            calls_per_session: None,
            threads: 1,
            warmup_s: 1.0,
            duration_s: 5.0,
            trials: 3,
            processes: 3,
            slices: 13,
            slice_s: 0.2,
            lead_in_s: 0.05,
            call_timeout_s: 30.0,
        }
    }
}

impl Load {
    /// Says what is wrong with the settings, if anything.
    ///
    /// # Errors
    /// A sentence with the key and its value.
    pub fn check(&self) -> Result<(), String> {
        if self.clients == 0 || self.clients > MAX_CLIENTS {
            return Err(format!(
                "clients = {} is not between 1 and {MAX_CLIENTS}",
                self.clients
            ));
        }
        if self.processes == 0 {
            return Err("processes = 0 measures nothing; 1 is the least".to_owned());
        }
        if self.trials == 0 {
            return Err(
                "trials = 0 measures nothing; 1 is the least, 3 or more show the spread".to_owned(),
            );
        }
        self.check_shape()?;
        for (key, seconds, least) in [
            ("warmup_s", self.warmup_s, 0.0),
            ("duration_s", self.duration_s, 0.05),
            ("slice_s", self.slice_s, 0.01),
            ("lead_in_s", self.lead_in_s, 0.0),
            ("call_timeout_s", self.call_timeout_s, 0.001),
        ] {
            if !(seconds >= least && subject::duration(seconds).is_some()) {
                return Err(format!(
                    "{key} = {seconds} is not a time between {least} and 86400 seconds"
                ));
            }
        }
        Ok(())
    }

    /// What is wrong with the loop and with what the clients share.
    fn check_shape(&self) -> Result<(), String> {
        if let Some(rate) = self.rate_per_s {
            if !(rate > 0.0 && rate <= MAX_RATE) {
                return Err(format!(
                    "rate_per_s = {rate} is not a rate above 0 and up to {MAX_RATE}"
                ));
            }
            if self.think_time_ms > 0.0 {
                return Err(format!(
                    "think_time_ms = {} has no meaning in an open loop (rate_per_s = {rate}): leave one of them out",
                    self.think_time_ms
                ));
            }
            if self.calls_per_session.is_some() {
                return Err(format!(
                    "calls_per_session needs a closed loop, without rate_per_s (it is {rate})"
                ));
            }
        }
        for (key, count, most) in [
            ("connections", self.connections, MAX_CLIENTS),
            ("threads", Some(self.threads), MAX_THREADS.min(self.clients)),
        ] {
            if let Some(count) = count.filter(|count| *count == 0 || *count > most) {
                return Err(format!("{key} = {count} is not between 1 and {most}"));
            }
        }
        if self.calls_per_session == Some(0) {
            return Err("calls_per_session = 0 makes no call; give 1 or more".to_owned());
        }
        if self.calls_per_session.is_some() && self.connections.is_some() {
            return Err(
                "connections has no meaning with calls_per_session: each session has its own"
                    .to_owned(),
            );
        }
        for (key, milliseconds) in [
            ("think_time_ms", self.think_time_ms),
            ("round_trip_ms", self.round_trip_ms),
        ] {
            if !(0.0..=60_000.0).contains(&milliseconds) {
                return Err(format!(
                    "{key} = {milliseconds} is not a time between 0 and 60000 milliseconds"
                ));
            }
        }
        Ok(())
    }

    /// What its clients are like.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let pace = match self.rate_per_s {
            Some(rate_per_s) => Pace::Open {
                rate_per_s,
                arrivals: self.arrivals,
            },
            None => Pace::Closed {
                think_time: milliseconds(self.think_time_ms),
            },
        };
        Shape {
            pace,
            connections: self.connections,
            round_trip: milliseconds(self.round_trip_ms),
            calls_per_session: self.calls_per_session,
        }
    }
}

/// More calls a second than any one machine makes.
const MAX_RATE: f64 = 10_000_000.0;

/// Milliseconds of a checked definition.
fn milliseconds(milliseconds: f64) -> Duration {
    subject::duration(milliseconds / 1_000.0).unwrap_or_default()
}

/// Some settings of a load, in the place of those that another definition has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadChange {
    /// In place of [`Load::clients`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<usize>,
    /// In place of [`Load::connections`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
    /// In place of [`Load::rate_per_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// In place of [`Load::arrivals`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Arrivals>,
    /// In place of [`Load::think_time_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think_time_ms: Option<f64>,
    /// In place of [`Load::round_trip_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// In place of [`Load::calls_per_session`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_session: Option<u32>,
    /// In place of [`Load::threads`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// In place of [`Load::warmup_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_s: Option<f64>,
    /// In place of [`Load::duration_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// In place of [`Load::trials`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// In place of [`Load::processes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// In place of [`Load::slices`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slices: Option<u32>,
    /// In place of [`Load::slice_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice_s: Option<f64>,
    /// In place of [`Load::lead_in_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_in_s: Option<f64>,
    /// In place of [`Load::call_timeout_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_timeout_s: Option<f64>,
}

impl LoadChange {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Puts what is given in the place of what the load says.
    pub fn apply(&self, load: &mut Load) {
        load.clients = self.clients.unwrap_or(load.clients);
        load.connections = self.connections.or(load.connections);
        load.rate_per_s = self.rate_per_s.or(load.rate_per_s);
        load.arrivals = self.arrivals.unwrap_or(load.arrivals);
        load.think_time_ms = self.think_time_ms.unwrap_or(load.think_time_ms);
        load.round_trip_ms = self.round_trip_ms.unwrap_or(load.round_trip_ms);
        load.calls_per_session = self.calls_per_session.or(load.calls_per_session);
        load.threads = self.threads.unwrap_or(load.threads);
        load.warmup_s = self.warmup_s.unwrap_or(load.warmup_s);
        load.duration_s = self.duration_s.unwrap_or(load.duration_s);
        load.trials = self.trials.unwrap_or(load.trials);
        load.processes = self.processes.unwrap_or(load.processes);
        let is_long = self.trials.is_some()
            || self.duration_s.is_some()
            || self.rate_per_s.is_some()
            || self.calls_per_session.is_some();
        let slices = if is_long { 0 } else { load.slices };
        load.slices = self.slices.unwrap_or(slices);
        load.slice_s = self.slice_s.unwrap_or(load.slice_s);
        load.lead_in_s = self.lead_in_s.unwrap_or(load.lead_in_s);
        load.call_timeout_s = self.call_timeout_s.unwrap_or(load.call_timeout_s);
    }
}

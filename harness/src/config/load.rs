//! `[load]`: how hard a suite asks.
//!
//! One struct for what a suite says, for what flags, sweeps and experiments put in its place, and
//! for what a run records. A new key is a line in the table below, and the code that uses it.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer, Serialize};

use super::subject;
use crate::load::{Arrivals, MAX_CLIENTS, MAX_THREADS, Pace, Shape};

/// How long the load before the measured windows lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Warmup {
    /// As long as the definition says.
    Fixed,
    /// Until the rate has settled.
    Auto,
}

/// Makes the struct and what has to name all keys. The text of a key is the help of its flag.
macro_rules! load {
    (
        { $($(#[$with:meta])* $key:ident: $of:ty = $default:expr;)* }
        without a default { $($(#[$without:meta])* $free:ident: $free_of:ty;)* }
        without a flag { $($(#[$quiet_with:meta])* $quiet:ident: $quiet_of:ty;)* }
    ) => {
        /// Settings of a load. A setting that is not there is left as it is by [`Load::apply`], and
        /// the function of its name gives its default.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Args)]
        #[command(next_help_heading = "Load [default: as the definition says]")]
        #[serde(deny_unknown_fields, default)]
        pub struct Load {
            $(
                $(#[$with])*
                #[arg(long)]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $key: Option<$of>,
            )*
            $(
                $(#[$without])*
                #[arg(long)]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $free: Option<$free_of>,
            )*
            $(
                $(#[$quiet_with])*
                #[arg(skip)]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $quiet: Option<$quiet_of>,
            )*
        }

        impl Load {
            /// The names of all keys.
            pub(crate) const KEYS: &[&str] =
                &[$(stringify!($key),)* $(stringify!($free),)* $(stringify!($quiet)),*];

            /// Every setting that has a default.
            #[must_use]
            pub fn defaults() -> Self {
                Self { $($key: Some($default),)* $($free: None,)* $($quiet: None),* }
            }

            fn put(&mut self, over: &Self) {
                $(self.$key = over.$key.or(self.$key);)*
                $(self.$free = over.$free.or(self.$free);)*
                $(self.$quiet = over.$quiet.or(self.$quiet);)*
            }

            $(
                #[doc = concat!("The setting `", stringify!($key), "`, or its default.")]
                #[must_use]
                pub fn $key(&self) -> $of {
                    self.$key.unwrap_or($default)
                }
            )*
        }
    };
}

load! {
    {
        /// Clients, each with at most one call outstanding
        #[arg(value_name = "N")]
        clients: usize = 50;
        /// Threads that the clients are shared out among
        #[arg(value_name = "N")]
        threads: usize = 1;
        /// When the calls of an open loop are due
        arrivals: Arrivals = Arrivals::Constant;
        /// Closed loop: how long a client waits between an answer and its next call
        #[arg(value_name = "MILLISECONDS")]
        think_time_ms: f64 = 0.0;
        /// Added to each trip over the wire and back, the opening of a connection among them
        #[arg(value_name = "MILLISECONDS")]
        round_trip_ms: f64 = 0.0;
        /// Load before the measured windows, in seconds
        #[arg(value_name = "SECONDS")]
        warmup_s: f64 = 1.0;
        /// Whether that load lasts `warmup_s`, or goes on from there until the rate has settled
        /// (`auto`: for servers with a JIT or a garbage collector)
        #[arg(value_name = "fixed|auto")]
        warmup: Warmup = Warmup::Fixed;
        /// Most of it with `warmup = "auto"`, in seconds
        #[arg(value_name = "SECONDS")]
        warmup_max_s: f64 = 60.0;
        /// How often each subject is started for slices
        #[arg(value_name = "N")]
        processes: u32 = 5;
        /// Slices of each process, by turns with the other subjects, all alive; 0: long trials. It
        /// is 0 also where `trials`, `duration_s`, `rate_per_s`, `calls_per_session` or a ramp is
        /// set and this is not
        #[arg(value_name = "N")]
        slices: u32 = 8;
        /// Length of a slice, in seconds
        #[arg(value_name = "SECONDS")]
        slice_s: f64 = 0.2;
        /// Load before each slice that is not counted, in seconds
        #[arg(value_name = "SECONDS")]
        lead_in_s: f64 = 0.05;
        /// Long trials: length of the measured window, in seconds
        #[arg(value_name = "SECONDS")]
        duration_s: f64 = 5.0;
        /// Long trials: how many of each subject
        #[arg(value_name = "N")]
        trials: u32 = 3;
        /// Longest wait for an answer, in seconds
        #[arg(value_name = "SECONDS")]
        call_timeout_s: f64 = 30.0;
    }
    without a default {
        /// Closed loop: added to the think time after an iteration, which is all steps of a suite,
        /// or else a session that ends
        #[arg(value_name = "MILLISECONDS")]
        iteration_pause_ms: f64;
        /// Closed loop: the clients begin one after the other within this time, which starts with
        /// the warm-up; a warm-up as long keeps it out of the window
        #[arg(value_name = "SECONDS")]
        ramp_s: f64;
        /// Closed loop: the clients end one after the other in this last part of the window
        #[arg(value_name = "SECONDS")]
        ramp_down_s: f64;
        /// First part of the window that counts calls and leaves their latencies out
        #[arg(value_name = "SECONDS")]
        latency_after_s: f64;
        /// Connections that the clients use in turn over HTTP; by default each has its own
        #[arg(value_name = "N")]
        connections: usize;
        /// Open loop: calls a second, planned before the run, due whatever the server does, and
        /// timed from when they were due. Without it the loop is closed: a client's next call is
        /// due when its last one is done
        #[arg(value_name = "RATE")]
        rate_per_s: f64;
        /// A client ends its session and its connection after so many calls, and begins anew.
        /// Without it a session lasts as long as the run
        #[arg(value_name = "N")]
        calls_per_session: u32;
    }
    without a flag {
        /// Physical cores of the server, in the place of `--server-cores`. The load has as many
        /// threads where `threads` is not set with it
        server_cores: usize;
    }
}

/// More calls a second than any one machine makes.
const MAX_RATE: f64 = 10_000_000.0;

/// As many cores as the kernel can number.
const MAX_CORES: usize = 1_024;

/// More processes or slices than this are a typing error.
const MAX_WINDOWS: u32 = 100_000;

impl Load {
    /// Puts what `over` sets in the place of what this sets. Who names `trials`, `duration_s`, a
    /// rate, `calls_per_session` or a ramp, and no `slices`, asks for long trials. As many threads
    /// load a server as it has cores, unless `threads` is named with them.
    pub fn apply(&mut self, over: &Self) {
        self.put(over);
        let asks_for_long_trials = over.trials.is_some()
            || over.duration_s.is_some()
            || over.rate_per_s.is_some()
            || over.calls_per_session.is_some()
            || over.ramp_s.is_some()
            || over.ramp_down_s.is_some();
        if asks_for_long_trials && over.slices.is_none() {
            self.slices = Some(0);
        }
        if over.server_cores.is_some() && over.threads.is_none() {
            self.threads = over.server_cores.map(|count| count.min(self.clients()));
        }
    }

    /// Puts the flags that were given in the place of what a definition says, and checks the
    /// result.
    pub(crate) fn apply_flags(&mut self, flags: &Self) -> anyhow::Result<()> {
        self.apply(flags);
        self.check().map_err(anyhow::Error::msg)
    }

    /// The settings of a file over the defaults, so that a record names every one of them.
    pub(super) fn over_defaults<'de, D: Deserializer<'de>>(file: D) -> Result<Self, D::Error> {
        let mut load = Self::defaults();
        load.apply(&Self::deserialize(file)?);
        Ok(load)
    }

    /// Whether it sets nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says what is wrong with the settings, if anything, with the key and its value.
    pub(crate) fn check(&self) -> Result<(), String> {
        let count = |count: Option<usize>| count.unwrap_or(1);
        let narrow = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let windows = narrow(MAX_WINDOWS);
        for (key, value, least, most) in [
            ("clients", self.clients(), 1, MAX_CLIENTS),
            (
                "threads",
                self.threads(),
                1,
                MAX_THREADS.min(self.clients()),
            ),
            ("connections", count(self.connections), 1, MAX_CLIENTS),
            ("server_cores", count(self.server_cores), 1, MAX_CORES),
            ("processes", narrow(self.processes()), 1, windows),
            ("slices", narrow(self.slices()), 0, windows),
            ("trials", narrow(self.trials()), 1, windows),
            (
                "calls_per_session",
                count(self.calls_per_session.map(narrow)),
                1,
                usize::MAX,
            ),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!("{key} = {value} is not between {least} and {most}"));
            }
        }
        for (key, seconds, least) in [
            ("warmup_s", self.warmup_s(), 0.0),
            ("warmup_max_s", self.warmup_max_s(), 0.0),
            ("slice_s", self.slice_s(), 0.01),
            ("lead_in_s", self.lead_in_s(), 0.0),
            ("duration_s", self.duration_s(), 0.05),
            ("call_timeout_s", self.call_timeout_s(), 0.001),
            ("ramp_s", self.ramp_s(), 0.0),
            ("ramp_down_s", self.ramp_down_s(), 0.0),
            ("latency_after_s", self.latency_after_s(), 0.0),
        ] {
            if !(seconds >= least && subject::duration(seconds).is_some()) {
                return Err(format!(
                    "{key} = {seconds} is not a time between {least} and 86400 seconds"
                ));
            }
        }
        for (key, milliseconds) in [
            ("think_time_ms", self.think_time_ms()),
            ("iteration_pause_ms", self.iteration_pause_ms()),
            ("round_trip_ms", self.round_trip_ms()),
        ] {
            if !(0.0..=60_000.0).contains(&milliseconds) {
                return Err(format!(
                    "{key} = {milliseconds} is not a time between 0 and 60000 milliseconds"
                ));
            }
        }
        self.check_loop()
    }

    /// Says which settings contradict each other.
    fn check_loop(&self) -> Result<(), String> {
        if self.calls_per_session.is_some() && self.connections.is_some() {
            return Err(
                "connections has no meaning with calls_per_session: each session has its own"
                    .to_owned(),
            );
        }
        self.check_window()?;
        let Some(rate) = self.rate_per_s else {
            return Ok(());
        };
        if !(rate > 0.0 && rate <= MAX_RATE) {
            return Err(format!(
                "rate_per_s = {rate} is not a rate above 0 and up to {MAX_RATE}"
            ));
        }
        for (key, is_set) in [
            ("think_time_ms", self.think_time_ms() > 0.0),
            ("iteration_pause_ms", self.iteration_pause_ms() > 0.0),
            ("ramp_s", self.ramp_s() > 0.0),
            ("ramp_down_s", self.ramp_down_s() > 0.0),
            ("calls_per_session", self.calls_per_session.is_some()),
        ] {
            if is_set {
                return Err(format!(
                    "{key} needs a closed loop, without rate_per_s (it is {rate}): leave one of them out"
                ));
            }
        }
        Ok(())
    }

    /// The setting `iteration_pause_ms`, or 0.
    #[must_use]
    pub fn iteration_pause_ms(&self) -> f64 {
        self.iteration_pause_ms.unwrap_or_default()
    }

    /// The setting `ramp_s`, or 0.
    #[must_use]
    pub fn ramp_s(&self) -> f64 {
        self.ramp_s.unwrap_or_default()
    }

    /// The setting `ramp_down_s`, or 0.
    #[must_use]
    pub fn ramp_down_s(&self) -> f64 {
        self.ramp_down_s.unwrap_or_default()
    }

    /// The setting `latency_after_s`, or 0.
    #[must_use]
    pub fn latency_after_s(&self) -> f64 {
        self.latency_after_s.unwrap_or_default()
    }

    /// Says which parts of a long trial do not fit into its window.
    fn check_window(&self) -> Result<(), String> {
        let duration = self.duration_s();
        for (key, seconds, most) in [
            ("ramp_s", self.ramp_s(), self.warmup_s() + duration),
            ("ramp_down_s", self.ramp_down_s(), duration),
            ("latency_after_s", self.latency_after_s(), duration),
        ] {
            if seconds > 0.0 && self.slices() > 0 {
                return Err(format!("{key} needs long trials: set slices = 0"));
            }
            if seconds > 0.0 && seconds >= most {
                return Err(format!(
                    "{key} = {seconds} is no part of the {most} seconds that it belongs to"
                ));
            }
        }
        Ok(())
    }

    /// What its clients are like.
    pub(crate) fn shape(&self) -> Shape {
        let pace = match self.rate_per_s {
            Some(rate_per_s) => Pace::Open {
                rate_per_s,
                arrivals: self.arrivals(),
            },
            None => Pace::Closed {
                think_time: milliseconds(self.think_time_ms()),
            },
        };
        Shape {
            pace,
            connections: self.connections,
            round_trip: milliseconds(self.round_trip_ms()),
            calls_per_session: self.calls_per_session,
            steps: None,
            iteration_pause: milliseconds(self.iteration_pause_ms()),
            ramp: seconds(self.ramp_s()),
            ramp_down: seconds(self.ramp_down_s()),
            latency_after: seconds(self.latency_after_s()),
            give_up: None,
        }
    }
}

/// Milliseconds of a checked definition.
fn milliseconds(milliseconds: f64) -> Duration {
    seconds(milliseconds / 1_000.0)
}

/// Seconds of a checked definition.
fn seconds(seconds: f64) -> Duration {
    subject::duration(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Load;

    #[test]
    fn settings_of_long_trials_ask_for_them_unless_slices_are_named() {
        let read = |text: &str| toml::from_str::<Load>(text).unwrap();
        for (over, slices) in [
            ("", 8),
            ("clients = 2", 8),
            ("trials = 5", 0),
            ("duration_s = 2", 0),
            ("rate_per_s = 10", 0),
            ("calls_per_session = 10", 0),
            ("ramp_s = 1", 0),
            ("ramp_down_s = 1", 0),
            ("slices = 5", 5),
            ("trials = 5\nslices = 5", 5),
            ("rate_per_s = 10\nslices = 5", 5),
        ] {
            let mut load = Load::defaults();
            load.apply(&read(over));
            assert_eq!(load.slices(), slices, "{over}");
            assert_eq!(load.check(), Ok(()), "{over}");
        }
    }

    #[test]
    fn parts_of_a_window_need_a_closed_loop_and_a_window_that_holds_them() {
        let read = |text: &str| toml::from_str::<Load>(text).unwrap();
        for (over, told) in [
            (
                "warmup_s = 1\nduration_s = 4\nramp_s = 4.5\nramp_down_s = 3",
                None,
            ),
            ("duration_s = 5\nramp_s = 6", Some("ramp_s")),
            ("duration_s = 5\nramp_down_s = 5", Some("ramp_down_s")),
            (
                "duration_s = 5\nlatency_after_s = 5",
                Some("latency_after_s"),
            ),
            ("latency_after_s = 1", Some("slices")),
            ("slices = 2\nramp_s = 1", Some("slices")),
            ("rate_per_s = 5\nramp_s = 1", Some("closed loop")),
            (
                "rate_per_s = 5\niteration_pause_ms = 1",
                Some("closed loop"),
            ),
        ] {
            let mut load = Load::defaults();
            load.apply(&read(over));
            let error = load.check().err().unwrap_or_default();
            assert_eq!(error.is_empty(), told.is_none(), "{over}: {error}");
            assert!(error.contains(told.unwrap_or_default()), "{over}: {error}");
        }
    }
}

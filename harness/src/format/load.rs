//! How hard it is asked: the settings of a load, and changes to them.

use serde::{Deserialize, Serialize};

use super::subjects;
use crate::load::MAX_CLIENTS;

/// How hard a suite asks. Flags of `measure` override each value.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Clients, each with one call outstanding.
    pub clients: usize,
    /// Load before the measured window, in seconds.
    pub warmup_s: f64,
    /// Length of the measured window, in seconds.
    pub duration_s: f64,
    /// Trials of each subject.
    pub trials: u32,
    /// Longest wait for an answer, in seconds.
    pub call_timeout_s: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            clients: 50,
            warmup_s: 1.0,
            duration_s: 5.0,
            trials: 3,
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
        if self.trials == 0 {
            return Err(
                "trials = 0 measures nothing; 1 is the least, 3 or more show the spread".to_owned(),
            );
        }
        for (key, seconds, least) in [
            ("warmup_s", self.warmup_s, 0.0),
            ("duration_s", self.duration_s, 0.05),
            ("call_timeout_s", self.call_timeout_s, 0.001),
        ] {
            if !(seconds >= least && subjects::duration(seconds).is_some()) {
                return Err(format!(
                    "{key} = {seconds} is not a time between {least} and 86400 seconds"
                ));
            }
        }
        Ok(())
    }
}

/// Some settings of a load, in the place of those that another definition has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadChange {
    /// In place of [`Load::clients`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<usize>,
    /// In place of [`Load::warmup_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_s: Option<f64>,
    /// In place of [`Load::duration_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// In place of [`Load::trials`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// In place of [`Load::call_timeout_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_timeout_s: Option<f64>,
}

impl LoadChange {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            clients,
            warmup_s,
            duration_s,
            trials,
            call_timeout_s,
        } = self;
        let times = [warmup_s, duration_s, call_timeout_s];
        clients.is_none() && trials.is_none() && times.iter().all(|time| time.is_none())
    }

    /// Puts what is given in the place of what the load says.
    pub fn apply(&self, load: &mut Load) {
        load.clients = self.clients.unwrap_or(load.clients);
        load.warmup_s = self.warmup_s.unwrap_or(load.warmup_s);
        load.duration_s = self.duration_s.unwrap_or(load.duration_s);
        load.trials = self.trials.unwrap_or(load.trials);
        load.call_timeout_s = self.call_timeout_s.unwrap_or(load.call_timeout_s);
    }
}

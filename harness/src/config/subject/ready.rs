//! How the harness finds out that a server can be asked.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Subject, Wire};
use crate::load::Revision;

/// What a server that was started does when it can be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadyBy {
    /// It prints a line `ready URL` (or `ready stdio`) on stderr.
    #[default]
    Line,
    /// The port of its `url` answers.
    Port,
    /// Nothing: its first answer on stdio comes when it can be asked.
    None,
}

impl ReadyBy {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands it over like this"
    )]
    pub(super) fn is_line(&self) -> bool {
        *self == Self::Line
    }
}

impl Subject {
    /// A server that nothing is said about but how it is spoken to.
    ///
    /// # Errors
    /// What is wrong with these keys: a defect of the harness.
    pub fn server(wire: Wire, revision: Revision) -> Result<Self, String> {
        // By way of its keys, so that all others are what they are in a file that does not name them.
        let keys = json!({ "transport": wire.name(), "wire": wire, "revision": revision });
        serde_json::from_value(keys).map_err(|error| error.to_string())
    }

    /// Whether somebody else has started it, so that there is a place and no command.
    #[must_use]
    pub fn runs_already(&self) -> bool {
        self.command.is_empty() && self.url.is_some()
    }

    /// Says what does not fit in how it is started and found, if anything.
    pub(super) fn check_start(&self) -> Result<(), String> {
        let (has_command, has_url) = (!self.command.is_empty(), self.url.is_some());
        if has_url && self.wire == Wire::Stdio {
            return Err("has a url, which a server on stdio has not".to_owned());
        }
        if !has_command && !has_url {
            return Err(
                "command is empty; it lists the program and its arguments (a server that runs already has a url instead)"
                    .to_owned(),
            );
        }
        if self.pid.is_some() && has_command {
            return Err(
                "pid is for a server that runs already; one with a command has its own".to_owned(),
            );
        }
        match (self.ready, has_command) {
            (ReadyBy::Port | ReadyBy::None, false) => {
                Err("ready is for a server with a command".to_owned())
            }
            (ReadyBy::Line, true) if has_url => Err(
                "has a command and a url: say ready = \"port\", or leave out the url if it prints a ready line"
                    .to_owned(),
            ),
            (ReadyBy::Port, true) if !has_url => {
                Err("ready = \"port\" needs the url of that port".to_owned())
            }
            (ReadyBy::None, true) if self.wire != Wire::Stdio => Err(
                "ready = \"none\" is for wire = \"stdio\"; over HTTP say ready = \"port\" and a url".to_owned(),
            ),
            _ => Ok(()),
        }
    }
}

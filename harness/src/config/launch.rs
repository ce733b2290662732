//! From a definition to a process that can be started: command line and environment with their
//! templates filled.

use std::collections::BTreeMap;
use std::time::Duration;

use super::subject::{Service, Subject, duration};
use super::template::{self, Context, TemplateError};

/// What can be put in front of a process: the filled command line and environment.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Additional environment variables.
    pub environment: BTreeMap<String, String>,
    /// Longest wait for the ready line.
    pub ready_within: Duration,
}

/// What subjects and services have in common: a process that gets ready. A view of their tables and
/// no table of its own, because serde does not know the place of an unknown key in a flattened one.
#[derive(Debug, Clone, Copy)]
pub struct Process<'a> {
    /// Program and arguments, with templates.
    pub command: &'a [String],
    /// Additional environment variables, with templates.
    pub environment: &'a BTreeMap<String, String>,
    /// Longest wait for the ready line, in seconds.
    pub ready_within_s: f64,
}

/// Fills all strings of a command line.
///
/// # Errors
/// As [`template::fill`].
pub fn fill_command(command: &[String], context: &Context) -> Result<Vec<String>, TemplateError> {
    command
        .iter()
        .map(|part| template::fill(part, context))
        .collect()
}

impl Process<'_> {
    /// The process ready to be started.
    ///
    /// # Errors
    /// [`TemplateError`] when its command line or environment mentions a value that does not exist.
    pub fn launch(self, context: &Context) -> Result<Launch, TemplateError> {
        Ok(Launch {
            command: fill_command(self.command, context)?,
            environment: (self.environment.iter())
                .map(|(key, text)| Ok((key.clone(), template::fill(text, context)?)))
                .collect::<Result<_, TemplateError>>()?,
            ready_within: duration(self.ready_within_s).unwrap_or_default(),
        })
    }
}

impl Subject {
    /// The subject as a process.
    #[must_use]
    pub fn process(&self) -> Process<'_> {
        Process {
            command: &self.command,
            environment: &self.environment,
            ready_within_s: self.ready_within_s,
        }
    }
}

impl Service {
    /// The service as a process.
    #[must_use]
    pub fn process(&self) -> Process<'_> {
        Process {
            command: &self.command,
            environment: &self.environment,
            ready_within_s: self.ready_within_s,
        }
    }
}

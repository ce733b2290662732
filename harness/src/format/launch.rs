//! From a definition to a process that can be started: command line and environment with their
//! templates filled.

use std::collections::BTreeMap;
use std::time::Duration;

use super::subjects::{Service, Subject, duration};
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

fn launch(
    command: &[String],
    environment: &BTreeMap<String, String>,
    ready_within_s: f64,
    context: &Context,
) -> Result<Launch, TemplateError> {
    Ok(Launch {
        command: fill_command(command, context)?,
        environment: environment
            .iter()
            .map(|(key, text)| Ok((key.clone(), template::fill(text, context)?)))
            .collect::<Result<_, TemplateError>>()?,
        ready_within: duration(ready_within_s).unwrap_or_default(),
    })
}

impl Subject {
    /// The subject ready to be started.
    ///
    /// # Errors
    /// [`TemplateError`] when its command line or environment mentions a value that does not exist.
    pub fn launch(&self, context: &Context) -> Result<Launch, TemplateError> {
        launch(
            &self.command,
            &self.environment,
            self.ready_within_s,
            context,
        )
    }
}

impl Service {
    /// The service ready to be started.
    ///
    /// # Errors
    /// As [`Subject::launch`].
    pub fn launch(&self, context: &Context) -> Result<Launch, TemplateError> {
        launch(
            &self.command,
            &self.environment,
            self.ready_within_s,
            context,
        )
    }
}

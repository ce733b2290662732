//! Whether definitions make sense, beyond what their types say.

use super::{Processes, Role, Sessions, Subject, Subjects, Wire, duration};
use crate::load::MAX_CLIENTS;

impl Subjects {
    /// Says what makes no sense, with its table.
    ///
    /// # Errors
    /// A sentence with the table's name.
    pub fn check(&self) -> Result<(), String> {
        if self.subject.is_empty() {
            return Err("there is no [subject.NAME] or [family.NAME] table in it".to_owned());
        }
        for (name, build) in &self.build {
            check_command(&format!("build.{name}"), &build.command)?;
        }
        for (name, service) in &self.service {
            let at = format!("service.{name}");
            check_name(&at, name)?;
            check_command(&at, &service.command)?;
            self.check_common(&at, service.build.as_deref(), service.ready_within_s)?;
        }
        if let Some(store) = &self.store {
            check_command("store", &store.reset)?;
            self.check_common("store", store.build.as_deref(), 0.0)?;
        }
        for (name, subject) in &self.subject {
            let at = format!("subject.{name}");
            check_name(&at, name)?;
            subject
                .check_start()
                .map_err(|message| format!("[{at}] {message}"))?;
            self.check_common(&at, subject.build.as_deref(), subject.ready_within_s)?;
            subject
                .check()
                .map_err(|message| format!("[{at}] {message}"))?;
        }
        Ok(())
    }

    fn check_common(
        &self,
        at: &str,
        build: Option<&str>,
        ready_within_s: f64,
    ) -> Result<(), String> {
        if let Some(build) = build
            && !self.build.contains_key(build)
        {
            let known = self.build.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "[{at}] names the build \"{build}\", which does not exist; known builds: {known}"
            ));
        }
        duration(ready_within_s).map(|_| ()).ok_or_else(|| {
            format!(
                "[{at}] ready_within_s = {ready_within_s} is not a time between 0 and 86400 seconds"
            )
        })
    }
}

impl Subject {
    /// Says what makes no sense, if anything.
    fn check(&self) -> Result<(), String> {
        let revision = self.revision().map_err(|error| error.to_string())?;
        let is_server_over_http = self.wire == Wire::Http && self.role == Role::Server;
        if self.role == Role::Floor && self.wire != Wire::Http {
            return Err(format!(
                "is a floor, so its wire must be \"http\", not \"{}\"",
                self.wire.name()
            ));
        }
        if self.sessions != Sessions::Stateless && !is_server_over_http {
            return Err(
                "sessions = \"stateful\" or \"shared\" has a meaning on servers with wire = \"http\" only"
                    .to_owned(),
            );
        }
        if self.processes != Processes::Shared && self.wire != Wire::Stdio {
            return Err(
                "processes = \"per_client\" or \"per_call\" needs wire = \"stdio\"".to_owned(),
            );
        }
        match (self.sessions, self.shared_sessions) {
            (Sessions::Shared, Some(1..=MAX_CLIENTS))
            | (Sessions::Stateless | Sessions::Stateful, None) => {}
            (Sessions::Shared, count) => {
                let count = count.map_or_else(|| "nothing".to_owned(), |count| count.to_string());
                return Err(format!(
                    "sessions = \"shared\" needs shared_sessions = 1 to {MAX_CLIENTS}, not {count}"
                ));
            }
            (_, Some(count)) => {
                return Err(format!(
                    "shared_sessions = {count} needs sessions = \"shared\""
                ));
            }
        }
        let can_do_without = is_server_over_http && self.sessions == Sessions::Stateless;
        if !revision.has_handshake() && !can_do_without {
            return Err(format!(
                "revision {revision} has no sessions, and the load client speaks it to servers with wire = \"http\" only"
            ));
        }
        match self.fast_path.as_deref() {
            None | Some("on" | "off") => Ok(()),
            Some(other) => Err(format!("fast_path = \"{other}\" is neither on nor off")),
        }
    }
}

/// Names become file names and table cells: letters, digits, `-`, `_` and `.` only.
pub(in crate::config) fn check_name(at: &str, name: &str) -> Result<(), String> {
    let right = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && !name.starts_with('.') && name.len() <= 64 && name.chars().all(right) {
        return Ok(());
    }
    Err(format!(
        "[{at}] is not a usable name: 1 to 64 letters, digits, '-', '_' or '.', and no '.' in front"
    ))
}

fn check_command(at: &str, command: &[String]) -> Result<(), String> {
    if command.first().is_none_or(String::is_empty) {
        return Err(format!(
            "[{at}] command is empty; it lists the program and its arguments"
        ));
    }
    Ok(())
}

//! What has to be said of servers that others have started, and of answers that nobody has worked out.

use crate::format::subjects::Subject;
use crate::format::suite::Suite;
use crate::format::warning::Warning;
use crate::load::Target;

/// The doubts that a subject and its suite bring with them, whatever a trial finds.
pub(super) fn doubts(subject: &Subject, suite: &Suite, is_remote: bool) -> Vec<Warning> {
    [
        (Warning::NotStarted, subject.runs_already()),
        (Warning::Remote, is_remote),
        (Warning::LearnedAnswer, suite.expect_learned),
    ]
    .into_iter()
    .filter_map(|(warning, is_raised)| is_raised.then_some(warning))
    .collect()
}

/// Whether the wire leaves this machine.
pub(super) fn is_remote(target: &Target) -> bool {
    match target {
        Target::Http { address, .. }
        | Target::Sse { address, .. }
        | Target::Floor { address, .. } => !address.socket.ip().is_loopback(),
        Target::Stdio { .. } => false,
    }
}

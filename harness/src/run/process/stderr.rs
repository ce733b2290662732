//! Reads a child's stderr for as long as there is any: finds the ready line, keeps the last lines,
//! and never lets the child wait for a reader.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Lines kept for a report of a child's death.
const LINES: usize = 20;

/// Bytes kept of one line.
const LINE_BYTES: usize = 1_000;

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    ready: Option<(String, Instant)>,
    closed: bool,
}

/// What a child has written on stderr.
#[derive(Debug, Default)]
pub(super) struct StderrLog(Mutex<State>);

impl StderrLog {
    /// Starts the thread that reads; it ends with the stream.
    pub(super) fn drain(this: &Arc<Self>, stderr: ChildStderr) -> io::Result<()> {
        let log = Arc::clone(this);
        std::thread::Builder::new()
            .name("stderr".to_owned())
            .spawn(move || log.read(stderr))
            .map(|_| ())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, mut stderr: impl Read) {
        let mut buffer = [0; 4_096];
        let mut line = Vec::new();
        loop {
            let count = match stderr.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let now = Instant::now();
            for piece in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
                let room = LINE_BYTES.saturating_sub(line.len());
                line.extend_from_slice(&piece[..piece.len().min(room)]);
                if piece.ends_with(b"\n") {
                    self.add(&line, now);
                    line.clear();
                }
            }
        }
        if !line.is_empty() {
            self.add(&line, Instant::now());
        }
        self.state().closed = true;
    }

    fn add(&self, line: &[u8], now: Instant) {
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        let mut state = self.state();
        if state.ready.is_none()
            && let Some(place) = text.strip_prefix("ready ")
        {
            state.ready = Some((place.trim().to_owned(), now));
        }
        if state.lines.len() == LINES {
            state.lines.pop_front();
        }
        state.lines.push_back(text);
    }

    /// What followed `ready`, and when the line was read.
    pub(super) fn ready(&self) -> Option<(String, Instant)> {
        self.state().ready.clone()
    }

    /// Whether the stream has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// The lines kept, one below the other.
    pub(super) fn last_lines(&self) -> String {
        let state = self.state();
        if state.lines.is_empty() {
            return "  (it wrote nothing)".to_owned();
        }
        let lines: Vec<String> = state.lines.iter().map(|line| format!("  {line}")).collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES, LINES, StderrLog};

    #[test]
    fn the_first_ready_line_counts_and_memory_is_bounded() {
        let log = StderrLog::default();
        let mut text = "starting\nready http://127.0.0.1:1/mcp\nready again\n".to_owned();
        text.push_str(&"x".repeat(10 * LINE_BYTES));
        for line in 0..2 * LINES {
            text = text + "\nline " + &line.to_string();
        }
        log.read(text.as_bytes());
        assert_eq!(
            log.ready().map(|(place, _)| place).as_deref(),
            Some("http://127.0.0.1:1/mcp")
        );
        assert!(log.is_closed());
        let lines = log.last_lines();
        assert_eq!(lines.lines().count(), LINES);
        assert!(lines.ends_with("line 39"), "{lines}");
        assert!(StderrLog::default().last_lines().contains("nothing"));
    }
}

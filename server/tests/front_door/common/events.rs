//! Event streams (WHATWG HTML, "Server-sent events") out of a response's body.

use std::io;

use serde_json::Value;

use super::http::Connection;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// `message` unless the stream says otherwise.
    pub(crate) name: String,
    pub(crate) data: String,
}

/// Reads the events of the current response of a connection.
pub(crate) struct Events {
    pub(crate) connection: Connection,
    unread: String,
}

impl Events {
    pub(crate) fn of(connection: Connection) -> Self {
        Self {
            connection,
            unread: String::new(),
        }
    }

    /// The next event that carries data, or nothing at the end of the stream.
    ///
    /// # Errors
    /// What reading the connection reports.
    pub(crate) fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let block: String = self.unread.drain(..end + 2).collect();
                if let Some(event) = event(&block) {
                    return Ok(Some(event));
                }
            } else if let Some(piece) = self.connection.piece()? {
                self.unread += &String::from_utf8(piece).expect("events are UTF-8");
            } else {
                assert_eq!(self.unread, "", "the stream ended within an event");
                return Ok(None);
            }
        }
    }

    /// The next message of the server, or nothing at the end of the stream.
    ///
    /// # Errors
    /// What reading the connection reports.
    pub(crate) fn message(&mut self) -> io::Result<Option<Value>> {
        let Some(event) = self.next()? else {
            return Ok(None);
        };
        assert_eq!(event.name, "message");
        Ok(Some(serde_json::from_str(&event.data).expect("JSON")))
    }
}

/// An event, unless it is a comment or has no data.
fn event(block: &str) -> Option<Event> {
    let mut event = Event {
        name: "message".into(),
        data: String::new(),
    };
    for line in block.lines() {
        match line.split_once(": ").unwrap_or((line, "")) {
            ("event", name) => event.name = name.into(),
            ("data", data) => event.data += data,
            _ => {}
        }
    }
    (!event.data.is_empty()).then_some(event)
}

//! Event streams (WHATWG HTML, section 9.2) from bytes that come in pieces of any size.

/// Parses one event stream.
#[derive(Debug, Default)]
pub(in crate::load) struct EventParser {
    /// The begin of a line that is not complete.
    held: Vec<u8>,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    /// A line has been read, so a byte order mark can no longer come.
    started: bool,
    fields: Fields,
}

/// What is read of the event under way.
#[derive(Debug, Default)]
struct Fields {
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl EventParser {
    /// Takes bytes; `each` gets the name (empty for the default, `message`) and the data of every
    /// complete event. Comments, ids, retry times and events without data are skipped.
    pub(in crate::load) fn push(&mut self, mut input: &[u8], mut each: impl FnMut(&[u8], &[u8])) {
        while !input.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                if input[0] == b'\n' {
                    input = &input[1..];
                    continue;
                }
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', input) else {
                self.held.extend_from_slice(input);
                return;
            };
            self.after_cr = input[end] == b'\r';
            let line = if self.held.is_empty() {
                &input[..end]
            } else {
                self.held.extend_from_slice(&input[..end]);
                &self.held
            };
            let line = if self.started {
                line
            } else {
                line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
            };
            self.started = true;
            self.fields.line(line, &mut each);
            self.held.clear();
            input = &input[end + 1..];
        }
    }

    /// Bytes held for the event under way: what a limit is set on.
    pub(in crate::load) fn held(&self) -> usize {
        self.held.len() + self.fields.data.len()
    }

    /// Makes ready for another stream; the buffers stay.
    pub(in crate::load) fn clear(&mut self) {
        self.held.clear();
        self.after_cr = false;
        self.started = false;
        self.fields.clear();
    }
}

impl Fields {
    fn line(&mut self, line: &[u8], each: &mut impl FnMut(&[u8], &[u8])) {
        if line.is_empty() {
            if self.has_data {
                each(&self.name, &self.data);
            }
            self.clear();
            return;
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            _ => {}
        }
    }

    fn clear(&mut self) {
        self.name.clear();
        self.data.clear();
        self.has_data = false;
    }
}

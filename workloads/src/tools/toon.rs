//! TOON (Token-Oriented Object Notation), as far as a table needs it: fields of an object, and an
//! array of uniform objects in tabular form. <https://github.com/toon-format/spec>, sections 7 to 9
//! and 12.
//!
//! The official crate, `toon-format`, builds a tree of values for each call, brings a command line
//! with it, and switches on `serde_json/preserve_order` for the whole program.

use std::fmt::{self, Write as _};

use serde::Serialize;

/// A value that is neither list nor object.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Cell<'a> {
    /// A string.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Number(f64),
}

/// A document being written; it ends without a line break, as documents do.
#[derive(Default)]
pub(super) struct Document(String);

impl Document {
    /// Adds the field `name`, which must be a name that needs no quotes.
    pub(super) fn field(mut self, name: &str, value: Cell<'_>) -> Self {
        self.begin_line();
        // Writing to a String cannot fail, here and below.
        let _ = write!(self.0, "{name}: {}", Toon(value));
        self
    }

    /// Adds the field `name` with a table of `rows`, each of which has a cell for every one of
    /// `columns`.
    pub(super) fn table<'a, R>(
        mut self,
        name: &str,
        columns: &[&str],
        rows: impl ExactSizeIterator<Item = R>,
    ) -> Self
    where
        R: Iterator<Item = Cell<'a>>,
    {
        self.begin_line();
        let (count, columns) = (rows.len(), columns.join(","));
        // An empty array has no columns (section 9.1).
        let _ = match count {
            0 => write!(self.0, "{name}[0]:"),
            _ => write!(self.0, "{name}[{count}]{{{columns}}}:"),
        };
        for row in rows {
            self.0.push_str("\n  ");
            for (at, cell) in row.enumerate() {
                if at > 0 {
                    self.0.push(',');
                }
                let _ = write!(self.0, "{}", Toon(cell));
            }
        }
        self
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn begin_line(&mut self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
    }
}

/// For people: as it is.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Integer(number) => number.fmt(formatter),
            // Neither an exponent nor a fraction of zeros, which is TOON's canonical form too.
            Self::Number(number) => (number + 0.0).fmt(formatter),
        }
    }
}

/// A cell as TOON writes it.
struct Toon<'a>(Cell<'a>);

impl fmt::Display for Toon<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cell::Text(text) if needs_quotes(text) => {
                formatter.write_char('"')?;
                for character in text.chars() {
                    match character {
                        '"' => formatter.write_str("\\\"")?,
                        '\\' => formatter.write_str("\\\\")?,
                        '\n' => formatter.write_str("\\n")?,
                        '\r' => formatter.write_str("\\r")?,
                        '\t' => formatter.write_str("\\t")?,
                        other => formatter.write_char(other)?,
                    }
                }
                formatter.write_char('"')
            }
            cell => cell.fmt(formatter),
        }
    }
}

/// Whether a string has to be quoted (section 7.2). All that begins like a number, a list item or a
/// comment is, though some of it need not be: quoting more is allowed, and readers get the same.
fn needs_quotes(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return true;
    };
    let begins_like_another_kind = first.is_ascii_digit() || matches!(first, '-' | '+' | '.' | '#');
    let has_syntax = text.contains([',', ':', '"', '\\', '[', ']', '{', '}', '\n', '\r', '\t']);
    begins_like_another_kind
        || has_syntax
        || text.trim() != text
        || matches!(text, "true" | "false" | "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_where_they_would_be_read_as_something_else() {
        for (text, written) in [
            ("Acme Books Item 2", "Acme Books Item 2"),
            ("SKU-000002", "SKU-000002"),
            ("na\u{ef}ve", "na\u{ef}ve"),
            ("", "\"\""),
            (" x", "\" x\""),
            ("x ", "\"x \""),
            ("true", "\"true\""),
            ("True", "True"),
            ("null", "\"null\""),
            ("42", "\"42\""),
            ("-3.14", "\"-3.14\""),
            ("1e-6", "\"1e-6\""),
            ("05", "\"05\""),
            ("- item", "\"- item\""),
            ("# note", "\"# note\""),
            ("a:b", "\"a:b\""),
            ("a,b", "\"a,b\""),
            ("[a]", "\"[a]\""),
            ("{a}", "\"{a}\""),
            ("a\"b\\c\n\r\t", "\"a\\\"b\\\\c\\n\\r\\t\""),
        ] {
            assert_eq!(Toon(Cell::Text(text)).to_string(), written);
        }
    }

    #[test]
    fn numbers_are_canonical() {
        for (number, written) in [
            (50.0, "50"),
            (50.2, "50.2"),
            (0.01, "0.01"),
            (-0.0, "0"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
        ] {
            assert_eq!(Toon(Cell::Number(number)).to_string(), written);
        }
    }
}

//! Tables, whose columns are data, and documents of tables and text. Both are drawn as aligned
//! text, as Markdown, as CSV or as JSON, so all four say the same.

use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

/// How a table or a document is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Markdown, padded so that it can be read as it is.
    Markdown,
    /// Columns with blanks between them.
    Text,
    /// Comma-separated values (RFC 4180), for programs.
    Csv,
    /// JSON, for programs: a row is an object by the keys of the columns.
    Json,
}

/// A cell: a text for people and a value for programs. Numbers are rounded for people only.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    shown: String,
    value: Value,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self {
            value: text.as_str().into(),
            shown: text,
        }
    }
}

/// A count.
impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::shown(count, count.to_string())
    }
}

/// With as many digits as a measured figure can carry.
impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        let digits = match value.unwrap_or(0.0).abs() {
            0.0..10.0 => 3,
            10.0..100.0 => 2,
            _ => 0,
        };
        Self::number(value, digits)
    }
}

impl Cell {
    /// A number with so many digits; a missing one is a dash for people and nothing for programs.
    pub(crate) fn number(value: Option<f64>, digits: usize) -> Self {
        let shown = value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
        Self::shown(value, shown)
    }

    /// A value for programs, which people see as this text.
    pub(crate) fn shown(value: impl Into<Value>, shown: impl Into<String>) -> Self {
        Self {
            shown: shown.into(),
            value: value.into(),
        }
    }

    /// The text for people.
    pub(crate) fn for_people(self) -> String {
        self.shown
    }

    /// The text of a CSV file. Whole numbers have no fraction.
    fn csv(&self) -> String {
        let text = match &self.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_f64() => {
                number.as_f64().unwrap_or_default().to_string()
            }
            other => other.to_string(),
        };
        if text.contains(['"', ',', '\n', '\r']) {
            return format!("\"{}\"", text.replace('"', "\"\""));
        }
        text
    }
}

type Read<'c, R> = Box<dyn Fn(&R) -> Cell + 'c>;

/// The columns of a table of such rows: each has a key for programs, a head for people, and its
/// cell of a row. A column without a key is for people only, one without a head for programs only.
pub(crate) struct Columns<'c, R>(Vec<(&'c str, &'c str, Read<'c, R>)>);

impl<'c, R: 'c> Columns<'c, R> {
    /// No columns.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// And one more.
    pub(crate) fn add(
        mut self,
        key: &'c str,
        head: &'c str,
        cell: impl Fn(&R) -> Cell + 'c,
    ) -> Self {
        self.0.push((key, head, Box::new(cell)));
        self
    }

    /// And one of texts.
    pub(crate) fn text(self, key: &'c str, head: &'c str, text: fn(&R) -> &str) -> Self {
        self.add(key, head, move |row| text(row).into())
    }

    /// And one of figures.
    pub(crate) fn figure(
        self,
        key: &'c str,
        head: &'c str,
        figure: impl Fn(&R) -> Option<f64> + 'c,
    ) -> Self {
        self.add(key, head, move |row| figure(row).into())
    }

    /// And one of counts.
    pub(crate) fn count(self, key: &'c str, head: &'c str, count: fn(&R) -> u64) -> Self {
        self.add(key, head, move |row| count(row).into())
    }

    /// And one of what is so or is not, for programs.
    pub(crate) fn flag(self, key: &'c str, flag: fn(&R) -> bool) -> Self {
        self.add(key, "", move |row| Cell::shown(flag(row), ""))
    }

    /// And these.
    pub(crate) fn with(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// The same columns of rows that have such a row in them.
    pub(crate) fn of<O: 'c>(self, row: fn(&O) -> &R) -> Columns<'c, O> {
        let columns = self.0.into_iter().map(|(key, head, cell)| {
            let cell: Read<'c, O> = Box::new(move |other| cell(row(other)));
            (key, head, cell)
        });
        Columns(columns.collect())
    }
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// The key and the head of each column.
    columns: Vec<(String, String)>,
    left: usize,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns; of those that people see the first `left` are flush left, the
    /// others flush right.
    pub(crate) fn new(header: &[&str], left: usize) -> Self {
        let column = |head: &&str| ((*head).to_owned(), (*head).to_owned());
        Self {
            columns: header.iter().map(column).collect(),
            left,
            rows: Vec::new(),
        }
    }

    /// The table of these rows.
    pub(crate) fn of<'r, R: 'r>(
        columns: &Columns<'_, R>,
        left: usize,
        rows: impl IntoIterator<Item = &'r R>,
    ) -> Self {
        let names = columns
            .0
            .iter()
            .map(|(key, head, _)| ((*key).to_owned(), (*head).to_owned()));
        let cells = |row| columns.0.iter().map(|(_, _, cell)| cell(row)).collect();
        Self {
            columns: names.collect(),
            left,
            rows: rows.into_iter().map(cells).collect(),
        }
    }

    /// Adds a row of texts. Missing cells stay empty.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(Cell::from).collect());
    }

    /// The table, each line ended.
    pub(crate) fn draw(&self, style: Style) -> String {
        match style {
            Style::Json => json(self),
            Style::Csv => {
                let line = |cells: Vec<String>| cells.join(",") + "\n";
                let keys = self.columns.iter().map(|(key, _)| key.as_str().into());
                let rows = std::iter::once(keys.collect()).chain(self.rows.iter().cloned());
                let of_programs = |row: Vec<Cell>| {
                    let cells = row.iter().zip(&self.columns);
                    let cells = cells.filter(|(_, (key, _))| !key.is_empty());
                    line(cells.map(|(cell, _)| cell.csv()).collect())
                };
                rows.map(of_programs).collect()
            }
            Style::Text | Style::Markdown => self.for_people(style),
        }
    }

    fn for_people(&self, style: Style) -> String {
        let columns = self.columns.iter().enumerate();
        let seen = columns.filter(|(_, (_, head))| !head.is_empty());
        let seen: Vec<(usize, &String)> = seen.map(|(at, (_, head))| (at, head)).collect();
        let cells = |row: &Vec<Cell>| -> Vec<String> {
            let cells = seen.iter().map(|(at, _)| row.get(*at));
            cells
                .map(|cell| cell.map_or_else(String::new, |cell| cell.shown.clone()))
                .collect()
        };
        let heads: Vec<String> = seen.iter().map(|(_, head)| (*head).clone()).collect();
        let rows: Vec<Vec<String>> = self.rows.iter().map(cells).collect();
        let width = |column: usize| {
            let cells = rows.iter().chain([&heads]).map(|row| &row[column]);
            cells.map(|cell| cell.chars().count()).fold(3, usize::max)
        };
        let widths: Vec<usize> = (0..heads.len()).map(width).collect();
        let rule = |(column, width): (usize, &usize)| match style {
            Style::Markdown if column >= self.left => format!("{}:", "-".repeat(width - 1)),
            _ => "-".repeat(*width),
        };
        let rule: Vec<String> = widths.iter().enumerate().map(rule).collect();
        let (before, between, after) = match style {
            Style::Markdown => ("| ", " | ", " |"),
            _ => ("", "  ", ""),
        };
        let mut text = String::new();
        for row in [&heads, &rule].into_iter().chain(&rows) {
            let padded = |(column, (cell, width)): (usize, (&String, &usize))| {
                if column < self.left {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            };
            let cells = row.iter().zip(&widths).enumerate().map(padded);
            let line = cells.collect::<Vec<_>>().join(between);
            text.push_str(format!("{before}{line}{after}").trim_end());
            text.push('\n');
        }
        text
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|row| Row(&self.columns, row)))
    }
}

struct Row<'t>(&'t [(String, String)], &'t [Cell]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cells = self.0.iter().zip(self.1);
        let cells = cells.filter(|((key, _), _)| !key.is_empty());
        serializer.collect_map(cells.map(|((key, _), cell)| (key, &cell.value)))
    }
}

/// A value as JSON, the last line ended.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    // What is drawn has nothing that JSON cannot say.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// Who reads a part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    All,
    People,
    Programs,
}

#[derive(Debug)]
enum Part {
    Heading(usize, String),
    Text(String),
    Fact(String, Value),
    Table(Readers, String, Table),
}

/// What a verb found, part by part. JSON is one object of the facts and tables by their keys, CSV
/// the tables that have rows, with an empty line between them.
#[derive(Debug, Default)]
pub(crate) struct Document(Vec<Part>);

impl Document {
    /// A heading, for people.
    pub(crate) fn heading(&mut self, level: usize, title: &str) {
        self.0.push(Part::Heading(level, title.to_owned()));
    }

    /// Text for people, as it is.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.0.push(Part::Text(text.into()));
    }

    /// A value for programs.
    pub(crate) fn fact(&mut self, key: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.0.push(Part::Fact(key.to_owned(), value));
    }

    /// Sentences: a list with a title for people, where there are some.
    pub(crate) fn list(&mut self, key: &str, title: &str, items: &[String]) {
        if !items.is_empty() {
            self.say(format!("\n{title}:\n\n- {}\n", items.join("\n- ")));
        }
        self.fact(key, items);
    }

    /// A table for all readers.
    pub(crate) fn table(&mut self, key: &str, table: Table) {
        self.0
            .push(Part::Table(Readers::All, key.to_owned(), table));
    }

    /// A table for people.
    pub(crate) fn table_for_people(&mut self, table: Table) {
        self.0
            .push(Part::Table(Readers::People, String::new(), table));
    }

    /// A table for programs.
    pub(crate) fn table_for_programs(&mut self, key: &str, table: Table) {
        self.0
            .push(Part::Table(Readers::Programs, key.to_owned(), table));
    }

    /// The document.
    pub(crate) fn draw(&self, style: Style) -> String {
        match style {
            Style::Json => json(self),
            Style::Csv => {
                let table = |part: &Part| match part {
                    Part::Table(Readers::All | Readers::Programs, _, table) => {
                        (!table.rows.is_empty()).then(|| table.draw(Style::Csv))
                    }
                    _ => None,
                };
                let tables: Vec<String> = self.0.iter().filter_map(table).collect();
                tables.join("\n")
            }
            Style::Text | Style::Markdown => {
                let mut text = String::new();
                for part in &self.0 {
                    match part {
                        Part::Heading(level, title) => heading(&mut text, style, *level, title),
                        Part::Text(part) => text.push_str(part),
                        Part::Table(Readers::All | Readers::People, _, table) => {
                            text.push_str(&table.draw(style));
                        }
                        Part::Fact(..) | Part::Table(..) => {}
                    }
                }
                text
            }
        }
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for part in &self.0 {
            match part {
                Part::Fact(key, value) => map.serialize_entry(key, value)?,
                Part::Table(Readers::All | Readers::Programs, key, table) => {
                    map.serialize_entry(key, table)?;
                }
                _ => {}
            }
        }
        map.end()
    }
}

fn heading(text: &mut String, style: Style, level: usize, title: &str) {
    let before = if text.is_empty() { "" } else { "\n" };
    // Writing into a string does not fail.
    let _ = match style {
        Style::Markdown => writeln!(text, "{before}{} {title}\n", "#".repeat(level)),
        _ => writeln!(
            text,
            "{before}{title}\n{}\n",
            "=".repeat(title.chars().count())
        ),
    };
}

#[cfg(test)]
mod tests {
    use super::{Columns, Document, Style, Table};

    #[test]
    fn columns_are_aligned_in_both_styles() {
        let mut table = Table::new(&["subject", "n"], 1);
        table.row(vec!["a".to_owned(), "12345".to_owned()]);
        table.row(vec!["longer-name".to_owned()]);
        assert_eq!(
            table.draw(Style::Markdown),
            "| subject     |     n |\n| ----------- | ----: |\n| a           | 12345 |\n| longer-name |       |\n"
        );
        assert_eq!(
            table.draw(Style::Text),
            "subject          n\n-----------  -----\na            12345\nlonger-name\n"
        );
        table.row(vec!["a, \"b\"".to_owned(), "1".to_owned()]);
        assert_eq!(
            table.draw(Style::Csv),
            "subject,n\na,12345\nlonger-name\n\"a, \"\"b\"\"\",1\n"
        );
    }

    #[test]
    fn people_and_programs_read_the_columns_and_parts_that_are_theirs() {
        let columns = Columns::<(f64, u64)>::new()
            .figure("a_ms", "a ms", |row| Some(row.0))
            .add("", "both", |row| format!("{:.0}/{}", row.0, row.1).into())
            .count("count", "", |row| row.1)
            .figure("b", "b", |_| None);
        let table = Table::of(&columns, 0, &[(12.3456, 7)]);
        let mut found = Document::default();
        found.fact("run", "x");
        found.heading(1, "Run x");
        found.list("left_out", "Left out", &["one".to_owned()]);
        found.table("rows", table.clone());
        found.table_for_people(table.clone());
        let text = found.draw(Style::Text);
        assert!(text.starts_with("Run x\n=====\n\n\nLeft out:\n\n- one\n a ms  both    b\n"));
        assert!(text.ends_with("12.35  12/7    -\n") && text.matches("12/7").count() == 2);
        assert_eq!(found.draw(Style::Csv), "a_ms,count,b\n12.3456,7,\n");
        let json = found.draw(Style::Json).replace([' ', '\n'], "");
        let row = r#"{"a_ms":12.3456,"count":7,"b":null}"#;
        assert_eq!(
            json,
            format!(r#"{{"run":"x","left_out":["one"],"rows":[{row}]}}"#)
        );
    }
}

//! Tables, drawn as aligned text, as Markdown, or as CSV.

use std::fmt::Write as _;

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Markdown, padded so that it can be read as it is.
    Markdown,
    /// Columns with blanks between them.
    Text,
    /// Comma-separated values (RFC 4180), for programs.
    Csv,
}

/// A cell: numbers are rounded for people and whole for programs.
#[derive(Debug, Clone)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A number that was not had.
    Missing,
    /// A number, with the digits that people are shown.
    Number(f64, usize),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
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
    /// A number with so many digits.
    #[must_use]
    pub fn number(value: Option<f64>, digits: usize) -> Self {
        value.map_or(Self::Missing, |value| Self::Number(value, digits))
    }

    pub(crate) fn text(&self, style: Style) -> String {
        match (self, style) {
            (Self::Text(text), _) => text.clone(),
            (Self::Missing, Style::Csv) => String::new(),
            (Self::Missing, _) => "-".to_owned(),
            (Self::Number(value, _), Style::Csv) => value.to_string(),
            (Self::Number(value, digits), _) => format!("{value:.digits$}"),
        }
    }
}

/// A table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// For people.
    heads: Vec<String>,
    /// For programs.
    keys: Vec<String>,
    left: usize,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns; the first `left` are flush left, the others flush right.
    #[must_use]
    pub fn new(header: &[&str], left: usize) -> Self {
        let columns: Vec<(&str, &str)> = header.iter().map(|head| (*head, *head)).collect();
        Self::keyed(&columns, left)
    }

    /// A table whose columns have a key for programs and a head for people.
    #[must_use]
    pub fn keyed(columns: &[(&str, &str)], left: usize) -> Self {
        Self {
            heads: columns.iter().map(|(_, head)| (*head).to_owned()).collect(),
            keys: columns.iter().map(|(key, _)| (*key).to_owned()).collect(),
            left,
            rows: Vec::new(),
        }
    }

    /// Adds a row of texts. Missing cells stay empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.cells(cells.into_iter().map(Cell::Text).collect());
    }

    /// Adds a row.
    pub fn cells(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table, each line ended.
    #[must_use]
    pub fn draw(&self, style: Style) -> String {
        let texts = |row: &Vec<Cell>| row.iter().map(|cell| cell.text(style)).collect();
        let rows: Vec<Vec<String>> = self.rows.iter().map(texts).collect();
        if style == Style::Csv {
            return std::iter::once(&self.keys)
                .chain(&rows)
                .map(|row| csv_line(row))
                .collect();
        }
        let width = |(column, head): (usize, &String)| {
            let cells = rows.iter().filter_map(|row| row.get(column)).chain([head]);
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        };
        let widths: Vec<usize> = self.heads.iter().enumerate().map(width).collect();
        let rule = |(column, width): (usize, &usize)| match style {
            Style::Markdown if column >= self.left => format!("{}:", "-".repeat(width - 1)),
            _ => "-".repeat(*width),
        };
        let rule: Vec<String> = widths.iter().enumerate().map(rule).collect();
        let mut text = String::new();
        for row in [&self.heads, &rule].into_iter().chain(&rows) {
            self.line(&mut text, row, &widths, style);
        }
        text
    }

    fn line(&self, text: &mut String, cells: &[String], widths: &[usize], style: Style) {
        let (before, between, after) = match style {
            Style::Markdown => ("| ", " | ", " |"),
            Style::Text | Style::Csv => ("", "  ", ""),
        };
        let mut line = before.to_owned();
        for (column, width) in widths.iter().enumerate() {
            if column > 0 {
                line.push_str(between);
            }
            let cell = cells.get(column).map_or("", String::as_str);
            // Writing into a string does not fail.
            let _ = if column < self.left {
                write!(line, "{cell:<width$}")
            } else {
                write!(line, "{cell:>width$}")
            };
        }
        line.push_str(after);
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn csv_line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::{Cell, Style, Table};

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
    fn numbers_are_rounded_for_people_and_whole_for_programs() {
        let mut table = Table::keyed(&[("a_ms", "a ms"), ("b", "b")], 0);
        table.cells(vec![Some(12.3456).into(), Cell::from(None)]);
        assert!(table.draw(Style::Text).ends_with("12.35    -\n"));
        assert_eq!(table.draw(Style::Csv), "a_ms,b\n12.3456,\n");
    }
}

//! Aligned tables: as Markdown, or bare for a terminal.

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

/// A table of cells that are text already.
#[derive(Debug, Clone, Default)]
pub struct Table {
    header: Vec<String>,
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns; the first `left` are flush left, the others flush right.
    #[must_use]
    pub fn new(header: &[&str], left: usize) -> Self {
        Self {
            header: header.iter().map(ToString::to_string).collect(),
            left,
            rows: Vec::new(),
        }
    }

    /// Adds a row. Missing cells stay empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize, name: &String| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .chain([name])
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        };
        self.header
            .iter()
            .enumerate()
            .map(|(column, name)| width(column, name))
            .collect()
    }

    /// The table, each line ended.
    #[must_use]
    pub fn draw(&self, style: Style) -> String {
        if style == Style::Csv {
            return self.csv();
        }
        let widths = self.widths();
        let mut text = String::new();
        self.line(&mut text, &self.header, &widths, style);
        let rule: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| match style {
                Style::Markdown if column >= self.left => format!("{}:", "-".repeat(width - 1)),
                Style::Markdown | Style::Text | Style::Csv => "-".repeat(*width),
            })
            .collect();
        self.line(&mut text, &rule, &widths, style);
        for row in &self.rows {
            self.line(&mut text, row, &widths, style);
        }
        text
    }

    /// A line for the header and for each row, without a rule.
    fn csv(&self) -> String {
        let quoted = |cell: &String| {
            if cell.contains(['"', ',', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        };
        let line = |cells: &Vec<String>| {
            let cells: Vec<String> = cells.iter().map(quoted).collect();
            cells.join(",") + "\n"
        };
        let rows = self.rows.iter().map(line);
        std::iter::once(line(&self.header)).chain(rows).collect()
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

#[cfg(test)]
mod tests {
    use super::{Style, Table};

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
}

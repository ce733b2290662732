//! Bars of block characters, for terminals and for code blocks of pages.

use std::fmt::Write as _;

/// Length of the longest bar, in columns.
const LONGEST: f64 = 32.0;

/// One bar.
#[derive(Debug)]
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) name: String,
    /// Its length beside the others; nothing where there is no figure.
    pub(crate) length: Option<f64>,
    /// The figure.
    pub(crate) text: String,
    /// What stands behind the bar.
    pub(crate) note: String,
}

/// Draws bars below each other; the longest one has all columns.
pub(crate) fn draw(bars: &[Bar]) -> String {
    let width = |text: fn(&Bar) -> &String| {
        let all = bars.iter().map(|bar| text(bar).chars().count());
        all.max().unwrap_or(0)
    };
    let (names, figures) = (width(|bar| &bar.name), width(|bar| &bar.text));
    let lengths = bars.iter().filter_map(|bar| bar.length);
    let longest = lengths.fold(f64::MIN_POSITIVE, f64::max);
    let mut text = String::new();
    for bar in bars {
        let blocks = blocks(bar.length.unwrap_or(0.0) / longest * LONGEST);
        let (name, figure, note) = (&bar.name, &bar.text, &bar.note);
        let line = format!("    {name:<names$}  {figure:>figures$} {blocks} {note}");
        // Writing into a string does not fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// A bar of so many columns, to an eighth of one.
fn blocks(columns: f64) -> String {
    const PARTS: [&str; 8] = [
        "", "\u{258f}", "\u{258e}", "\u{258d}", "\u{258c}", "\u{258b}", "\u{258a}", "\u{2589}",
    ];
    let eighths = usize::try_from(crate::results::whole(columns * 8.0)).unwrap_or(0);
    let part = PARTS.get(eighths % 8).copied().unwrap_or_default();
    "\u{2588}".repeat(eighths / 8) + part
}

#[cfg(test)]
mod tests {
    use super::{Bar, blocks, draw};

    #[test]
    fn bars_are_as_long_as_asked_for() {
        assert_eq!(blocks(2.0), "\u{2588}\u{2588}");
        assert_eq!(blocks(1.5), "\u{2588}\u{258c}");
        assert_eq!(blocks(0.0), "");
    }

    #[test]
    fn the_longest_bar_has_all_columns_and_names_and_figures_are_aligned() {
        let bar = |name: &str, length: Option<f64>, text: &str, note: &str| Bar {
            name: name.to_owned(),
            length,
            text: text.to_owned(),
            note: note.to_owned(),
        };
        let bars = [
            bar("a", Some(10.0), "10.0", "(tie)"),
            bar("long", Some(2.5), "2.5", ""),
            bar("b", None, "-", ""),
        ];
        let (whole, quarter) = ("\u{2588}".repeat(32), "\u{2588}".repeat(8));
        let wanted =
            format!("    a     10.0 {whole} (tie)\n    long   2.5 {quarter}\n    b        -\n");
        assert_eq!(draw(&bars), wanted);
    }
}

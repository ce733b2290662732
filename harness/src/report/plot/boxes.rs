//! Bars and heat maps.

use plotters::prelude::{ChartBuilder, Color as _, PathElement, Rectangle, ShapeStyle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Chart, GRID, INK, Places, WIDTH, series, short, svg, text};

/// Height of a bar with its gap.
const BAR: u32 = 26;

/// A bar.
#[derive(Debug, Clone)]
pub(in crate::report) struct Bar {
    pub(in crate::report) name: String,
    pub(in crate::report) value: f64,
    /// Where each part of the value ends, and how it is filled; none where it has no parts.
    pub(in crate::report) parts: Vec<(f64, Fill)>,
    /// Where the value lies, where an interval is known.
    pub(in crate::report) ends: Option<(f64, f64)>,
    pub(in crate::report) holds: bool,
}

/// How a part of a bar is filled.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) enum Fill {
    Dark,
    Light,
    /// In the colour of a series.
    Series(usize),
}

/// Bars from left to right, the first on top.
///
/// # Errors
/// When the picture cannot be drawn.
pub(in crate::report) fn bars(bars: &[Bar]) -> anyhow::Result<String> {
    let count = u32::try_from(bars.len()).unwrap_or(u32::MAX / BAR);
    svg(count * BAR + 10, |area| {
        let ends = bars
            .iter()
            .map(|bar| bar.ends.map_or(bar.value, |(_, high)| high.max(bar.value)));
        let most = ends.fold(f64::MIN_POSITIVE, f64::max);
        let middle = |place: usize| place as f64 + 0.5;
        let longest = bars.iter().map(|bar| bar.name.chars().count()).max();
        let letters = u32::try_from(longest.unwrap_or(0)).unwrap_or(0);
        let mut chart = ChartBuilder::on(area)
            .margin(4)
            .y_label_area_size((letters * 9 + 14).min(WIDTH / 2))
            .build_cartesian_2d(
                Places::new(0.0, most * 1.28, std::iter::empty()),
                Places::new(bars.len() as f64, 0.0, (0..bars.len()).map(middle)),
            )?;
        let name = |at: f64| {
            let bar = bars
                .iter()
                .enumerate()
                .find(|(place, _)| (middle(*place) - at).abs() < 0.1);
            bar.map_or_else(String::new, |(_, bar)| bar.name.clone())
        };
        chart
            .configure_mesh()
            .disable_mesh()
            .disable_x_axis()
            .axis_style(GRID)
            .label_style(text())
            .y_label_formatter(&|at| name(*at))
            .draw()?;
        for (place, bar) in bars.iter().enumerate() {
            draw_bar(&mut chart, bar, place as f64, most * 0.02)?;
        }
        Ok(())
    })
}

fn draw_bar(chart: &mut Chart<'_, '_>, bar: &Bar, top: f64, gap: f64) -> anyhow::Result<()> {
    let colour = series(0);
    let rectangle = |from, to, style: ShapeStyle| {
        std::iter::once(Rectangle::new([(from, top + 0.2), (to, top + 0.8)], style))
    };
    let whole = [(bar.value, Fill::Dark)];
    if bar.holds {
        let parts = if bar.parts.is_empty() {
            &whole[..]
        } else {
            &bar.parts
        };
        let mut from = 0.0;
        for (until, fill) in parts {
            chart.draw_series(rectangle(from, *until, fill.style()))?;
            from = *until;
        }
    } else {
        chart.draw_series(rectangle(0.0, bar.value, colour.stroke_width(1)))?;
    }
    let mut end = bar.value;
    if let Some((low, high)) = bar.ends {
        let line = vec![(low, top + 0.5), (high, top + 0.5)];
        chart.draw_series(std::iter::once(PathElement::new(line, INK.stroke_width(2))))?;
        end = end.max(high);
    }
    let style = text().pos(Pos::new(HPos::Left, VPos::Center));
    let value = Text::new(short(bar.value), (end + gap, top + 0.5), style);
    chart.draw_series(std::iter::once(value))?;
    Ok(())
}

impl Fill {
    fn style(self) -> ShapeStyle {
        match self {
            Self::Dark => series(0).filled(),
            Self::Light => series(0).mix(0.45).filled(),
            Self::Series(number) => series(number).filled(),
        }
    }
}

/// A heat map: a row for each of `rows`, a cell in each for each of `columns`. The darkest cell has
/// the largest value.
///
/// # Errors
/// When the picture cannot be drawn.
pub(in crate::report) fn heat_map(
    columns: &[String],
    rows: &[String],
    cells: &[Vec<Option<f64>>],
) -> anyhow::Result<String> {
    let height = u32::try_from(rows.len()).unwrap_or(1) * 44 + 50;
    svg(height, |area| {
        let middles = |count: usize| (0..count).map(|place| place as f64 + 0.5);
        let mut chart = ChartBuilder::on(area)
            .margin(4)
            .x_label_area_size(36)
            .y_label_area_size(104)
            .build_cartesian_2d(
                Places::new(0.0, columns.len() as f64, middles(columns.len())),
                Places::new(rows.len() as f64, 0.0, middles(rows.len())),
            )?;
        let name = |names: &[String], at: f64| {
            let place = (0..names.len()).find(|place| (*place as f64 + 0.5 - at).abs() < 0.1);
            place.map_or_else(String::new, |place| names[place].clone())
        };
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(GRID)
            .label_style(text())
            .x_label_formatter(&|at| name(columns, *at))
            .y_label_formatter(&|at| name(rows, *at))
            .draw()?;
        let values = || cells.iter().flatten().flatten().copied();
        let (least, most) = (
            values().fold(f64::INFINITY, f64::min),
            values().fold(0.0, f64::max),
        );
        for (row, cells) in cells.iter().enumerate() {
            for (column, value) in cells.iter().enumerate() {
                let Some(value) = *value else { continue };
                let share = if most > least {
                    (value / least).ln() / (most / least).ln()
                } else {
                    0.0
                };
                draw_cell(&mut chart, (column as f64, row as f64), value, share)?;
            }
        }
        Ok(())
    })
}

fn draw_cell(
    chart: &mut Chart<'_, '_>,
    (left, top): (f64, f64),
    value: f64,
    share: f64,
) -> anyhow::Result<()> {
    // Never so dark that the text on it cannot be read.
    let colour = series(1).mix(0.08 + 0.42 * share).filled();
    let cell = Rectangle::new(
        [(left + 0.02, top + 0.04), (left + 0.98, top + 0.96)],
        colour,
    );
    chart.draw_series(std::iter::once(cell))?;
    let style = text().pos(Pos::new(HPos::Center, VPos::Center));
    chart.draw_series(std::iter::once(Text::new(
        short(value),
        (left + 0.5, top + 0.5),
        style,
    )))?;
    Ok(())
}

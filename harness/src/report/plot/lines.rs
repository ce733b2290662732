//! Lines over two axes.

use plotters::prelude::{ChartBuilder, Circle, Color as _, RGBColor, ShapeStyle};
use plotters::series::{DashedLineSeries, LineSeries};

use super::{Chart, GRID, HEIGHT, INK, Places, Scale, series, short, svg, text};

/// Points of a line that are marked; with more it is a curve.
const MARKED: usize = 20;

/// An axis: what it shows, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Axis<'a> {
    pub(in crate::report) name: &'a str,
    pub(in crate::report) scale: Scale,
}

/// A point of a line.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Point {
    pub(in crate::report) x: f64,
    pub(in crate::report) y: f64,
    /// Drawn full; what does not hold is hollow.
    pub(in crate::report) holds: bool,
}

/// A line; the colour is that of its place.
pub(in crate::report) type Line = Vec<Point>;

/// Lines over two axes, in the order of their colours.
///
/// # Errors
/// When the picture cannot be drawn.
pub(in crate::report) fn lines(x: Axis<'_>, y: Axis<'_>, lines: &[Line]) -> anyhow::Result<String> {
    svg(HEIGHT, |area| {
        let points = || lines.iter().flatten();
        let (left, right) = x.scale.ends(points().map(|point| x.scale.place(point.x)));
        let (bottom, top) = y.scale.ends(points().map(|point| y.scale.place(point.y)));
        let marks = |axis: Axis<'_>, low, high| -> Vec<(f64, f64)> {
            let ticks = axis.scale.ticks(low, high).into_iter();
            ticks
                .map(|value| (axis.scale.place(value), value))
                .collect()
        };
        let (across, up) = (marks(x, left, right), marks(y, bottom, top));
        let mut chart = ChartBuilder::on(area)
            .margin(4)
            .margin_right(36)
            .margin_top(12)
            .x_label_area_size(54)
            .y_label_area_size(74)
            .build_cartesian_2d(
                Places::new(left, right, across.iter().map(|(at, _)| *at)),
                Places::new(bottom, top, up.iter().map(|(at, _)| *at)),
            )?;
        let label = |axis: Axis<'_>, marks: &[(f64, f64)], at: f64| {
            let found = marks.iter().find(|(place, _)| (place - at).abs() < 1e-9);
            match (found, axis.scale) {
                (None, _) => String::new(),
                (Some((_, value)), Scale::Nines) => format!("{value}%"),
                (Some((_, value)), _) => short(*value),
            }
        };
        chart
            .configure_mesh()
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(text())
            .axis_desc_style(text())
            .x_label_formatter(&|at| label(x, &across, *at))
            .y_label_formatter(&|at| label(y, &up, *at))
            .x_desc(x.name)
            .y_desc(y.name)
            .draw()?;
        for (place, line) in lines.iter().enumerate() {
            let at = |point: &Point| (x.scale.place(point.x), y.scale.place(point.y));
            draw_line(&mut chart, line, series(place), at)?;
        }
        Ok(())
    })
}

/// A line with a mark on each point where it has few of them, full where the figure holds. With
/// many points it is dashed where they do not hold.
fn draw_line(
    chart: &mut Chart<'_, '_>,
    line: &[Point],
    colour: RGBColor,
    at: impl Fn(&Point) -> (f64, f64),
) -> anyhow::Result<()> {
    let places = line.iter().map(&at);
    let style = colour.stroke_width(2);
    if line.len() > MARKED {
        if line.iter().all(|point| point.holds) {
            chart.draw_series(LineSeries::new(places, style))?;
        } else {
            chart.draw_series(DashedLineSeries::new(places, 5, 3, style))?;
        }
        return Ok(());
    }
    chart.draw_series(LineSeries::new(places, style))?;
    for point in line {
        let style: ShapeStyle = if point.holds {
            colour.filled()
        } else {
            colour.stroke_width(2)
        };
        chart.draw_series(std::iter::once(Circle::new(at(point), 4, style)))?;
    }
    Ok(())
}

//! How pictures are drawn: lines, bars and heat maps as SVG, in the colours of a light page.
//!
//! The page gives every colour of [`PALETTE`] a second value for dark screens, by rules for the
//! attributes that hold the first one. So a picture that is taken out of the page stays a picture.

mod boxes;
mod lines;

use std::fmt::Write as _;

use anyhow::anyhow;
use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::{
    Cartesian2d, DrawingArea, IntoDrawingArea as _, IntoFont as _, RGBColor, SVGBackend, TextStyle,
};
use serde::Serialize;

pub(super) use boxes::{Bar, Fill, bars, heat_map};
pub(super) use lines::{Axis, Line, Point, lines};

/// A colour: its name in the style sheet, on light screens, and on dark ones.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Colour {
    name: &'static str,
    light: &'static str,
    dark: &'static str,
    #[serde(skip)]
    rgb: RGBColor,
}

macro_rules! colour {
    ($name:literal, $light:literal, $dark:literal, $red:literal, $green:literal, $blue:literal) => {
        Colour {
            name: $name,
            light: $light,
            dark: $dark,
            rgb: RGBColor($red, $green, $blue),
        }
    };
}

/// Text and axes, the grid, and then the colours of the series, which people who see no red or no
/// green can tell apart.
pub(super) const PALETTE: [Colour; 8] = [
    colour!("plot-ink", "#1B2330", "#E6EAF0", 0x1B, 0x23, 0x30),
    colour!("plot-grid", "#DCE1E8", "#343C4A", 0xDC, 0xE1, 0xE8),
    colour!("series-0", "#0B5FA5", "#6CB6FF", 0x0B, 0x5F, 0xA5),
    colour!("series-1", "#B8500A", "#F0A45D", 0xB8, 0x50, 0x0A),
    colour!("series-2", "#0A7A5C", "#5FD3B0", 0x0A, 0x7A, 0x5C),
    colour!("series-3", "#8A3FA0", "#D9A3EA", 0x8A, 0x3F, 0xA0),
    colour!("series-4", "#6B6400", "#DDD25C", 0x6B, 0x64, 0x00),
    colour!("series-5", "#B0355C", "#FF93B4", 0xB0, 0x35, 0x5C),
];

const INK: RGBColor = PALETTE[0].rgb;
const GRID: RGBColor = PALETTE[1].rgb;

/// Series that have colours of their own.
pub(super) const SERIES: usize = PALETTE.len() - 2;

/// Width of every picture; the page scales it.
const WIDTH: u32 = 480;

/// Height of a picture with lines.
const HEIGHT: u32 = 300;

/// Size of the texts.
const FONT: u32 = 18;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Places, Places>>;

/// The places of an axis, from one end to the other, and those that have a mark.
struct Places {
    from: f64,
    to: f64,
    marks: Vec<f64>,
}

impl Places {
    fn new(from: f64, to: f64, marks: impl Iterator<Item = f64>) -> Self {
        Self {
            from,
            to,
            marks: marks.collect(),
        }
    }
}

impl Ranged for Places {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a place on a picture of 480 points"
    )]
    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.marks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.from..self.to
    }
}

/// How an axis places its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From zero, in even steps.
    Linear,
    /// Each step is ten times the one before.
    Log,
    /// Shares in percent: 0, 90, 99, 99.9, each as far from the next.
    Nines,
}

impl Scale {
    pub(super) fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(f64::MIN_POSITIVE).log10(),
            Self::Nines => -(1.0 - value / 100.0).log10(),
        }
    }

    /// The values at which an axis from one place to another has marks.
    fn ticks(self, low: f64, high: f64) -> Vec<f64> {
        let inside = |value: &f64| (low - 1e-9..=high + 1e-9).contains(&self.place(*value));
        let found: Vec<f64> = match self {
            Self::Linear => {
                let step = even_step((high - low) / 4.0);
                (0..=20).map(|count| f64::from(count) * step).collect()
            }
            Self::Log => {
                let digits: &[f64] = if high - low > 2.5 {
                    &[1.0]
                } else {
                    &[1.0, 2.0, 5.0]
                };
                let decades = (-9..=9).map(|power| 10_f64.powi(power));
                decades
                    .flat_map(|ten| digits.iter().map(move |digit| digit * ten))
                    .collect()
            }
            Self::Nines => vec![0.0, 90.0, 99.0, 99.9, 99.99],
        };
        found.into_iter().filter(inside).collect()
    }

    /// The ends of an axis that shows these places.
    fn ends(self, places: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
        let low = places.clone().fold(f64::INFINITY, f64::min);
        let high = places.fold(f64::NEG_INFINITY, f64::max);
        match self {
            Self::Linear => (0.0, if high > 0.0 { high * 1.06 } else { 1.0 }),
            Self::Nines => (0.0, high),
            Self::Log => {
                let air = ((high - low) * 0.06).max(0.05);
                (low - air, high + air)
            }
        }
    }
}

/// The next of 1, 2, 5, 10 times a power of ten.
fn even_step(least: f64) -> f64 {
    let ten = 10_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * ten);
    steps
        .into_iter()
        .find(|step| *step >= least * 0.999)
        .unwrap_or(ten)
}

/// A value in few letters: 12k, 1.5M.
pub(super) fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        1e6.. => (value / 1e6, "M"),
        1e4.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

fn series(place: usize) -> RGBColor {
    PALETTE[2 + place % SERIES].rgb
}

fn text() -> TextStyle<'static> {
    TextStyle::from(("sans-serif", FONT).into_font()).color(&INK)
}

fn svg(height: u32, draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>) -> anyhow::Result<String> {
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, (WIDTH, height)).into_drawing_area();
        draw(&area)?;
        area.present()
            .map_err(|error| anyhow!("a picture could not be drawn: {error}"))?;
    }
    Ok(drawn)
}

/// A picture as a file of its own, with a page behind it and its dark colours.
pub(super) fn standalone(svg: &str) -> String {
    let mut dark = String::from("svg{background:#181e28}");
    for colour in PALETTE {
        let (from, to) = (colour.light, colour.dark);
        for property in ["fill", "stroke"] {
            let _ = write!(dark, "[{property}=\"{from}\"]{{{property}:{to}}}");
        }
    }
    let style = format!(
        "\n<style>svg{{background:#ffffff}}@media(prefers-color-scheme:dark){{{dark}}}</style>"
    );
    let end = svg.find('>').map_or(0, |at| at + 1);
    format!("{}{style}{}\n", &svg[..end], svg[end..].trim_end())
}

#[cfg(test)]
mod tests {
    use super::{Axis, Bar, Fill, PALETTE, Point, Scale, bars, heat_map, lines, short};

    #[test]
    fn every_colour_of_a_picture_is_one_of_the_palette() {
        let axis = |name, scale| Axis { name, scale };
        let point = |x: f64, holds| Point { x, y: x * x, holds };
        let line = vec![point(1.0, true), point(10.0, false), point(1_000.0, true)];
        let bar = Bar {
            name: "a".to_owned(),
            value: 3.0,
            parts: vec![(1.0, Fill::Dark), (3.0, Fill::Light)],
            ends: Some((2.0, 4.0)),
            holds: true,
        };
        let names = ["a".to_owned(), "b".to_owned()];
        let drawn = [
            lines(axis("x", Scale::Log), axis("y", Scale::Linear), &[line]).unwrap(),
            bars(&[
                bar.clone(),
                Bar {
                    holds: false,
                    ..bar
                },
            ])
            .unwrap(),
            heat_map(
                &names,
                &names,
                &[vec![Some(1.0), None], vec![Some(2.0), Some(9.0)]],
            )
            .unwrap(),
        ];
        for svg in drawn {
            let colours = svg.split(['"', ' ']).filter(|word| word.starts_with('#'));
            assert!(colours.clone().count() > 3, "{svg}");
            for colour in colours {
                assert!(
                    PALETTE.iter().any(|one| one.light == colour),
                    "{colour} in {svg}"
                );
            }
        }
    }

    #[test]
    fn axes_have_round_marks() {
        assert_eq!(Scale::Linear.ticks(0.0, 870.0), [0.0, 500.0]);
        assert_eq!(Scale::Linear.ticks(0.0, 790.0), [0.0, 200.0, 400.0, 600.0]);
        assert_eq!(Scale::Log.ticks(0.0, 1.0), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(Scale::Log.ticks(0.0, 3.0), [1.0, 10.0, 100.0, 1_000.0]);
        assert_eq!(Scale::Nines.ticks(0.0, 2.5), [0.0, 90.0, 99.0]);
    }

    #[test]
    fn values_are_short() {
        let shown = [0.5, 12.34, 150.0, 9_999.0, 15_000.0, 1_500_000.0].map(short);
        assert_eq!(shown, ["0.5", "12.3", "150", "9999", "15k", "1.5M"]);
    }
}

//! The report that people look at: one HTML file and one Markdown file of recorded runs.
//!
//! `answers` is the first screen, `tables` the ranked rows, `pictures` what is drawn and `plot`
//! how, `again` the commands that make rows again, `claims` what others published, and `page` puts
//! them into the template; `blocks` are the parts of a run that documents show, and `splice` puts
//! them there. Everything comes from the folders of runs, so the same folders always give the same
//! files. The figures are those of `analysis`; nothing is computed twice.

mod again;
mod answers;
pub(crate) mod blocks;
mod claims;
mod page;
mod pictures;
mod plot;
pub(crate) mod splice;
mod tables;

use std::path::{Path, PathBuf};

use crate::analysis::dataset::Dataset;
use crate::analysis::summary::Report;
use crate::render::table::Style;
use crate::render::text::render;
use crate::results::write_atomically;
use answers::Answers;
use claims::Published;

/// The report of one run as text, with the first screen where the style has one: a terminal shows
/// the end of what is printed, a file its beginning.
pub(crate) fn tables_and_answers(run: &Dataset, summary: &Report, style: Style) -> String {
    let tables = render(summary, style);
    let answers = Answers::of(&[(run, summary)]);
    match style {
        Style::Text => tables + &answers.text(),
        Style::Markdown => answers.markdown() + &tables,
        Style::Csv | Style::Json => tables,
    }
}

/// Writes `report.html` of these runs, and `report.md` of the first of them; returns the path of
/// the page.
///
/// # Errors
/// When a run cannot be read, or a file not be written.
pub(crate) fn write(runs: &[(&Dataset, &Report)], into: &Path) -> anyhow::Result<PathBuf> {
    let page = into.join("report.html");
    let indexed = runs.iter().enumerate();
    let published: Vec<Published> = indexed
        .flat_map(|(index, (_, summary))| Published::of(index, &summary.replay))
        .collect();
    let html = page::html(runs, &published)?;
    write_atomically(&page, html.as_bytes())?;
    let mut text = String::new();
    for (run, summary) in runs {
        text.push_str(&tables_and_answers(run, summary, Style::Markdown));
    }
    write_atomically(&into.join("report.md"), text.as_bytes())?;
    Ok(page)
}

//! What documents show of a run: a small table, a picture, the verdicts of claims, and what to use
//! in which situation. The same figures and drawings as in the report, as Markdown.

use std::collections::BTreeMap;

use super::answers::{Answers, situations};
use super::claims::Published;
use super::pictures::{Source, for_documents};
use super::plot::standalone;
use crate::analysis::dataset::Dataset;
use crate::analysis::metric::Metric;
use crate::analysis::summary::{Report, Row, SuiteTable};
use crate::render::table::{Cell, Style, Table};
use crate::results::environment::Environment;

/// The file of the picture, beside the run.
pub(crate) const PICTURE: &str = "picture.svg";

/// A block of a document.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Block {
    /// What a call costs, a row for each transport and a column for each suite.
    Costs,
    /// One picture.
    Picture,
    /// A line for each published claim.
    Claims,
    /// What to use in which situation.
    Situations,
}

/// A run, and where it lies as seen from a document.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// The run.
    pub(crate) run: &'a Dataset,
    /// Its summary.
    pub(crate) summary: &'a Report,
    /// The path of its folder in links of the document.
    pub(crate) link: &'a str,
}

impl Block {
    /// Whether a file beside the run belongs to it.
    pub(crate) const fn has_file(self) -> bool {
        matches!(self, Self::Picture)
    }

    /// The text of the block, each line ended; nothing where the run does not hold it.
    ///
    /// # Errors
    /// When the data of the run cannot be read, or the picture not be drawn.
    pub(crate) fn draw(self, from: Shown<'_>) -> anyhow::Result<Option<String>> {
        let drawn = match self {
            Self::Costs => costs(from),
            // It stands below a table that says where its figures come from.
            Self::Picture => return picture(from),
            Self::Claims => claims(from),
            Self::Situations => decisions(from),
        };
        Ok(drawn.map(|text| text + "\n" + &provenance(from)))
    }
}

/// The picture of a run as a file; nothing where it has none.
///
/// # Errors
/// When it cannot be drawn.
pub(crate) fn picture_file(run: &Dataset, summary: &Report) -> anyhow::Result<Option<String>> {
    Ok(for_documents(run, summary)?.map(|picture| standalone(&picture.svg)))
}

/// CPU time per call of the cheapest server of each transport, with and without its fast path.
fn costs(from: Shown<'_>) -> Option<String> {
    let suites = Source::of(from.run, from.summary).plain_suites();
    let cheapest: Vec<_> = suites
        .iter()
        .map(|suite| cheapest(from.run, suite))
        .collect();
    let mut kinds: Vec<&(String, String)> = cheapest.iter().flat_map(BTreeMap::keys).collect();
    kinds.sort();
    kinds.dedup();
    if kinds.is_empty() {
        return None;
    }
    let names = suites.iter().map(|suite| format!("`{}`", suite.suite));
    let heads: Vec<String> = ["transport".to_owned(), "fast path".to_owned()]
        .into_iter()
        .chain(names)
        .collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut table = Table::new(&heads, 2);
    for kind in kinds {
        let (transport, fast_path) = kind.clone();
        let figure = |of: &BTreeMap<_, f64>| Cell::number(of.get(kind).copied(), 1).for_people();
        let figures = cheapest.iter().map(figure);
        table.row([transport, fast_path].into_iter().chain(figures).collect());
    }
    Some(format!(
        "Microseconds of the server's processor for a right answer, the cheapest runtime of each\n\
         transport. Fast path off is the official SDK alone.\n\n{}",
        table.draw(Style::Markdown)
    ))
}

/// The least CPU time per call that holds, by transport and fast path.
fn cheapest(run: &Dataset, suite: &SuiteTable) -> BTreeMap<(String, String), f64> {
    let mut found = BTreeMap::new();
    let ranked = |row: &&Row| row.rank.is_some() && row.cpu.is_usable();
    for row in suite.servers.iter().filter(ranked) {
        let trial = run.rows(&suite.suite, &row.subject).next();
        let value = row.figures.get(&Metric::CpuUsPerCall);
        if let Some((trial, value)) = trial.zip(value) {
            let kind = (trial.transport.clone(), trial.fast_path.clone());
            let least = found.entry(kind).or_insert(*value);
            *least = value.min(*least);
        }
    }
    found
}

fn picture(from: Shown<'_>) -> anyhow::Result<Option<String>> {
    let picture = for_documents(from.run, from.summary)?;
    Ok(picture.map(|one| {
        let (title, link, caption) = (one.title, from.link, one.caption);
        let said = wrapped(&format!(
            "{title}. {caption} Run [{}]({link}).",
            from.run.run
        ));
        format!("![{title}]({link}/{PICTURE})\n\n{said}")
    }))
}

fn claims(from: Shown<'_>) -> Option<String> {
    let found = Published::of(0, &from.summary.replay);
    let mut table = Table::new(&["claim", "verdict", "what was found here"], 3);
    for one in &found {
        let cells = [&one.id, &one.verdict, &one.sentence];
        table.row(cells.map(|text| text.replace('|', "\\|")).to_vec());
    }
    (!found.is_empty()).then(|| table.draw(Style::Markdown))
}

fn decisions(from: Shown<'_>) -> Option<String> {
    let answers = Answers::of(&[(from.run, from.summary)]);
    let is_there = !answers.decisions.is_empty();
    is_there.then(|| situations::table(&answers.decisions, Style::Markdown))
}

/// Where the figures come from.
fn provenance(from: Shown<'_>) -> String {
    let Environment {
        source,
        machine,
        trials_done,
        started,
        ..
    } = &from.run.environment;
    let commit = match (source.commit.as_str(), source.dirty) {
        ("", _) => "an unknown commit".to_owned(),
        (commit, false) => format!("commit {commit}"),
        (commit, true) => format!("commit {commit} with changes"),
    };
    let day = started.get(..10).unwrap_or(started);
    wrapped(&format!(
        "Run [{}]({}): {trials_done} trials, {commit}, {day}. {}, {} cores, {}, {}.",
        from.run.run, from.link, machine.cpu_model, machine.cores_usable, machine.os, source.rustc,
    ))
}

/// A paragraph of lines of at most 100 columns, each ended.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let own = word.chars().count();
        let is_first = width == 0;
        let is_full = width + 1 + own > 100;
        if !is_first {
            lines.push(if is_full { '\n' } else { ' ' });
        }
        width = if is_first || is_full {
            own
        } else {
            width + 1 + own
        };
        lines.push_str(word);
    }
    lines + "\n"
}

#[cfg(test)]
mod tests {
    use super::{Block, Shown, picture_file};
    use crate::analysis::dataset::golden_for_tests;
    use crate::analysis::replay::tests::answered_for_tests;
    use crate::analysis::summary::Report;

    fn drawn(block: Block, change: impl FnOnce(&mut Report)) -> Option<String> {
        let run = golden_for_tests();
        let mut summary = Report::of(&run).unwrap();
        change(&mut summary);
        let shown = Shown {
            run: &run,
            summary: &summary,
            link: "../results/reference/m/r",
        };
        block.draw(shown).unwrap()
    }

    #[test]
    fn the_table_has_the_figures_of_the_report_and_names_its_run() {
        let run = golden_for_tests();
        let summary = Report::of(&run).unwrap();
        let text = drawn(Block::Costs, |_| ()).unwrap();
        let best = summary.suites[0]
            .servers
            .iter()
            .find(|row| row.rank == Some(1));
        let best = best.unwrap().figures[&crate::analysis::metric::Metric::CpuUsPerCall];
        for part in [
            "| transport | fast path | `echo`",
            &format!(" {best:.1} |"),
            &format!("Run [{}](../results/reference/m/r): 50 trials", run.run),
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn the_picture_is_that_of_the_report_and_stands_alone() {
        let text = drawn(Block::Picture, |_| ()).unwrap();
        assert!(
            text.starts_with("![CPU time per call: echo](../results/reference/m/r/picture.svg)"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        let run = golden_for_tests();
        let summary = Report::of(&run).unwrap();
        let file = picture_file(&run, &summary).unwrap().unwrap();
        assert!(file.starts_with("<svg") && file.ends_with("</svg>\n"));
        assert!(file.contains("<style>svg{background:#ffffff}@media(prefers-color-scheme:dark)"));
        assert!(file.contains("[fill=\"#1B2330\"]{fill:#E6EAF0}"), "{file}");
    }

    #[test]
    fn a_block_is_drawn_only_of_a_run_that_holds_it() {
        assert_eq!(drawn(Block::Claims, |_| ()), None);
        assert_eq!(drawn(Block::Situations, |_| ()), None);
        let replayed = |summary: &mut Report| summary.replay = answered_for_tests();
        let text = drawn(Block::Claims, replayed).unwrap();
        assert!(text.contains("| S8 "), "{text}");
        assert!(text.contains("| explained "), "{text}");
        assert!(!text.contains("| T1 "), "{text}");
        assert_eq!(drawn(Block::Costs, replayed), None);
        assert_eq!(drawn(Block::Picture, replayed), None);
    }
}

//! The page: everything that the template shows, and the template.

use std::collections::BTreeSet;

use anyhow::Context as _;
use minijinja::value::Serde;
use minijinja::{Environment as Templates, UndefinedBehavior};
use serde::Serialize;

use super::again;
use super::answers::Answers;
use super::claims::Published;
use super::pictures::Pictures;
use super::plot::{Colour, PALETTE};
use super::tables::{RowView, TableView, number, tables};
use crate::analysis::dataset::Dataset;
use crate::analysis::summary::Report;

/// The name decides: what is put into `.html` is escaped.
const NAME: &str = "page.html";
const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// All that the template shows.
#[derive(Serialize)]
struct Page<'a> {
    title: String,
    heading: &'static str,
    has_answers: bool,
    answers: Answers,
    runs: Vec<RunView>,
    filters: Vec<Filter>,
    tables: Vec<TableView>,
    pictures: Pictures,
    claims: &'a [Published],
    warnings: Vec<WarningView>,
    palette: [Colour; PALETTE.len()],
    style: &'static str,
    script: &'static str,
}

/// On what and how a run was made.
#[derive(Serialize)]
struct RunView {
    name: String,
    command: String,
    facts: Vec<(&'static str, String)>,
}

/// A label to filter rows by.
#[derive(Serialize)]
struct Filter {
    key: &'static str,
    name: &'static str,
    values: BTreeSet<String>,
}

/// A warning, with what it spoils and what to do.
#[derive(Serialize)]
struct WarningView {
    number: usize,
    name: &'static str,
    run: String,
    trials: usize,
    of: usize,
    meaning: &'static str,
    effect: &'static str,
    remedy: &'static str,
}

/// The page of these runs.
///
/// # Errors
/// When the data of a run cannot be read, or a picture not be drawn.
pub(super) fn html(
    runs: &[(&Dataset, &Report)],
    published: &[Published],
) -> anyhow::Result<String> {
    let indexed = runs.iter().enumerate();
    let tables: Vec<TableView> = indexed
        .flat_map(|(index, (run, summary))| tables(index, run, summary))
        .collect();
    let names: Vec<&str> = runs.iter().map(|(run, _)| run.run.as_str()).collect();
    let answers = Answers::of(runs);
    let page = Page {
        title: format!("Report of {}", names.join(", ")),
        heading: match (answers.is_empty(), published) {
            (false, _) => "Which configuration to use",
            (true, []) => "What was measured",
            (true, _) => "Published claims, measured here",
        },
        has_answers: !answers.is_empty(),
        answers,
        runs: runs.iter().map(|(run, _)| run_view(run)).collect(),
        filters: filters(&tables),
        tables,
        pictures: Pictures::of(runs, published)?,
        claims: published,
        warnings: runs
            .iter()
            .flat_map(|(_, summary)| warnings(summary))
            .collect(),
        palette: PALETTE,
        style: STYLE,
        script: SCRIPT,
    };
    let mut templates = Templates::new();
    // A name that the page does not have is a mistake in the template, and not an empty text.
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates
        .add_template(NAME, PAGE)
        .context("the template of the report")?;
    let template = templates
        .get_template(NAME)
        .context("the template of the report")?;
    template
        .render(Serde(&page))
        .context("the page of the report")
}

fn run_view(run: &Dataset) -> RunView {
    let environment = &run.environment;
    let machine = &environment.machine;
    let cores = |cores: &[usize]| {
        let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
        cores.join(", ")
    };
    let source = &environment.source;
    let dirty = if source.dirty { ", with changes" } else { "" };
    let commit = if source.commit.is_empty() {
        "not known"
    } else {
        &source.commit
    };
    let facts = [
        ("Started", environment.started.clone()),
        (
            "Machine",
            format!("{}, {}", machine.host, machine.cpu_model),
        ),
        ("System", format!("{}, {}", machine.os, machine.kernel)),
        ("Server cores", cores(&environment.server_cores)),
        ("Load cores", cores(&environment.load_cores)),
        (
            "Memory",
            format!("{:.1} GB", machine.memory_bytes as f64 / 1e9),
        ),
        ("Commit", format!("{commit}{dirty}")),
        ("Compiler", source.rustc.clone()),
        ("Profile", environment.profile.clone()),
        ("Harness", environment.harness_version.clone()),
        (
            "Trials",
            format!(
                "{} of {}",
                environment.trials_done, environment.trials_planned
            ),
        ),
        ("Seed of the order", environment.seed.to_string()),
    ];
    RunView {
        name: run.run.clone(),
        command: again::of_run(environment),
        facts: facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
    }
}

/// The labels that differ between rows: one that is the same for all chooses nothing.
fn filters(tables: &[TableView]) -> Vec<Filter> {
    let rows = || tables.iter().flat_map(|table| &table.rows);
    let label = |key, name, read: fn(&RowView) -> &String| Filter {
        key,
        name,
        values: rows()
            .map(read)
            .filter(|value| !value.is_empty())
            .cloned()
            .collect(),
    };
    let all = [
        label("transport", "Transport", |row| &row.transport),
        label("runtime", "Runtime", |row| &row.runtime),
        label("fast-path", "Fast path", |row| &row.fast_path),
        label("sessions", "Sessions", |row| &row.sessions),
    ];
    all.into_iter()
        .filter(|filter| !filter.values.is_empty())
        .collect()
}

fn warnings(summary: &Report) -> impl Iterator<Item = WarningView> {
    summary.warnings.iter().map(|one| WarningView {
        number: number(one.warning),
        name: one.warning.name(),
        run: summary.run.clone(),
        trials: one.trials,
        of: one.of,
        meaning: one.warning.meaning(),
        effect: one.warning.effect().words(),
        remedy: one.warning.remedy(),
    })
}

#[cfg(test)]
mod tests {
    use super::html;
    use crate::analysis::dataset::golden_for_tests;
    use crate::analysis::replay::tests::answered_for_tests;
    use crate::analysis::summary::Report;
    use crate::report::claims::Published;

    fn page(published: &[Published]) -> String {
        let run = golden_for_tests();
        let summary = Report::of(&run).unwrap();
        html(&[(&run, &summary)], published).unwrap()
    }

    /// What stands between the quotation marks of an attribute, each time that it is there.
    fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
        let name = format!(" {name}=\"");
        let parts = page.split(name.as_str()).skip(1);
        parts.filter_map(|part| part.split('"').next()).collect()
    }

    #[test]
    fn the_page_needs_no_network_and_every_link_leads_somewhere() {
        let page = page(&[]);
        let ids = attributes(&page, "id");
        let links = attributes(&page, "href");
        assert!(links.len() > 10, "{links:?}");
        for link in links {
            let id = link.strip_prefix('#');
            assert!(
                id.is_some_and(|id| ids.contains(&id)),
                "{link} leads nowhere"
            );
        }
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "an id is there twice");
        assert_eq!(attributes(&page, "src"), [""; 0]);
        for word in ["@import", "url(", "<link", "fetch(", "XMLHttpRequest"] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn every_row_has_its_command_and_every_warning_its_remedy() {
        let page = page(&[]);
        assert!(page.contains("--suite echo --subject quick"), "{page}");
        assert!(page.contains("Remedy"), "{page}");
    }

    #[test]
    fn texts_of_servers_cannot_become_markup() {
        let mut run = golden_for_tests();
        run.trials[0].failure = "<script>alert(1)</script>".to_owned();
        let summary = Report::of(&run).unwrap();
        let page = html(&[(&run, &summary)], &[]).unwrap();
        assert!(page.contains("&lt;script&gt;alert"), "{page}");
        assert_eq!(page.matches("<script").count(), 1);
    }

    #[test]
    fn published_figures_stand_beside_measured_ones_and_a_verdict_each() {
        let page = page(&Published::of(0, &answered_for_tests()));
        for part in [
            "id=\"claim-0-0-S8\"",
            "href=\"#claim-0-0-S8\"",
            "<td class=\"number\">10 times</td>",
            "S8: explained</strong>: ",
            "S9: not testable here</strong>: ",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("T1: "), "{page}");
    }
}

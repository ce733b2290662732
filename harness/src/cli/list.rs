//! `list`: all subjects, suites and experiments.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde_json::json;

use super::report::ReportFormat;
use super::{Places, Verdict};
use crate::config::experiment::Experiment;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::config::template::text_of;
use crate::render::table::{Style, Table, json};

/// Flags of `list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// How the table is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl List {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let subjects = Subjects::read(&places.subjects())?;
        let suites = Suite::read_folder(&places.suites())?;
        // A project may have no experiments.
        let folder = places.experiments();
        let experiments = folder.is_dir().then(|| Experiment::read_folder(&folder));
        let experiments = experiments.transpose()?.unwrap_or_default();
        let all =
            json!({ "subjects": subjects.subject, "suites": suites, "experiments": experiments });
        self.format.show(&all, |all, style| {
            if style == Style::Json {
                return json(all);
            }
            let mut tables = vec![subjects_table(&subjects), suites_table(&suites)];
            if !experiments.is_empty() {
                tables.push(experiments_table(&experiments));
            }
            let tables: Vec<String> = tables.iter().map(|table| table.draw(style)).collect();
            tables.join("\n")
        })?;
        Ok(Verdict::Right)
    }
}

/// When it is measured.
fn measured(on_request: bool, from_cores: Option<usize>) -> String {
    match from_cores {
        _ if on_request => "on request".to_owned(),
        Some(cores) => format!("on {cores} cores or more"),
        None => "always".to_owned(),
    }
}

fn subjects_table(subjects: &Subjects) -> Table {
    let columns = "subject,role,transport,runtime,fast path,wire,measured,description";
    let columns: Vec<&str> = columns.split(',').collect();
    let mut table = Table::new(&columns, columns.len());
    for (name, subject) in &subjects.subject {
        table.row(vec![
            name.clone(),
            subject.role.to_string(),
            subject.transport.clone(),
            subject.runtime.clone().unwrap_or_default(),
            subject.fast_path.clone().unwrap_or_default(),
            subject.wire.to_string(),
            measured(subject.on_request, None),
            subject.description.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// A row for each suite; the suites of a sweep share one.
fn suites_table(suites: &BTreeMap<String, Suite>) -> Table {
    let columns = "suite,tool,floors,clients,seconds,trials,measured,description";
    let mut table = Table::new(&columns.split(',').collect::<Vec<_>>(), 3);
    let mut seen = BTreeSet::new();
    for (name, suite) in suites {
        let (mut name, mut description) = (name.clone(), suite.description.clone());
        let mut same = vec![suite];
        if let Some(step) = &suite.point {
            if !seen.insert(&step.sweep) {
                continue;
            }
            same = of_sweep(suites, &step.sweep);
            name = format!("{} ({} suites)", step.sweep, same.len());
            description = values(&same);
        }
        table.row(vec![
            name,
            match suite.step.len() {
                0 | 1 => suite.label(),
                steps => format!("{steps} steps"),
            },
            if suite.answer_bytes.is_some() {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
            span(&same, |suite| suite.load.clients() as f64),
            span(&same, |suite| suite.load.duration_s()),
            suite.load.trials().to_string(),
            measured(suite.on_request, suite.from_cores),
            description,
        ]);
    }
    table
}

/// The suites of a sweep, in its order.
fn of_sweep<'s>(suites: &'s BTreeMap<String, Suite>, sweep: &str) -> Vec<&'s Suite> {
    let number = |suite: &&Suite| suite.point.as_ref().map(|step| step.number);
    let is_of = |suite: &&Suite| suite.point.as_ref().is_some_and(|step| step.sweep == sweep);
    let mut found: Vec<&Suite> = suites.values().filter(is_of).collect();
    found.sort_by_key(number);
    found
}

/// The keys and values of a sweep's suites.
fn values(same: &[&Suite]) -> String {
    let mut keys = String::new();
    let mut all = Vec::new();
    for step in same.iter().filter_map(|suite| suite.point.as_ref()) {
        keys = step.keys.join(" x ");
        all.push(
            step.values
                .iter()
                .map(text_of)
                .collect::<Vec<_>>()
                .join(" x "),
        );
    }
    format!("{keys} = {}", all.join(", "))
}

/// A number of these suites, or the least and the most of it.
fn span(same: &[&Suite], read: fn(&Suite) -> f64) -> String {
    let values = same.iter().map(|suite| read(suite));
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(f64::NEG_INFINITY, f64::max);
    if least < most {
        format!("{least}..{most}")
    } else {
        least.to_string()
    }
}

fn experiments_table(experiments: &BTreeMap<String, Experiment>) -> Table {
    let mut table = Table::new(&["#", "experiment", "about", "compared"], 4);
    let mut in_order: Vec<(&String, &Experiment)> = experiments.iter().collect();
    in_order.sort_by_key(|(_, one)| one.number);
    for (name, experiment) in in_order {
        let compared: Vec<&str> = experiment
            .compare
            .iter()
            .map(|one| one.what.as_str())
            .collect();
        let (number, title) = (experiment.number.to_string(), experiment.title.clone());
        table.row(vec![number, name.clone(), title, compared.join("; ")]);
    }
    table
}

//! The first screen: which configuration to use for each kind of work, by how much it wins, and how
//! steady the machine was. The answers are those of `recommend`.

pub(super) mod situations;

use std::fmt::Write as _;

use serde::Serialize;

use super::again;
use super::tables::row_id;
use crate::analysis::dataset::Dataset;
use crate::analysis::ranking::Place;
use crate::analysis::recommend::{Recommendation, Wish, answers, recommend, scenarios};
use crate::analysis::summary::{Report, Steadiness};
use crate::config::scenario::Deployment;
use crate::config::suite::Workload;
use crate::render::bars;
use crate::render::table::{Style, Table};
use crate::results::environment::State;
use crate::stats::Ratio;
use situations::Decision;

/// The kinds of work, as people call them.
const WORKS: [(Workload, &str); 3] = [
    (Workload::Cpu, "CPU work"),
    (Workload::Database, "Database work"),
    (Workload::Io, "External API work"),
];

/// Places of an order that are shown.
const SHOWN: usize = 5;

/// Ties that are named.
const NAMED: usize = 3;

/// The first screen.
#[derive(Debug, Serialize)]
pub(super) struct Answers {
    /// A question each, with its two answers.
    pub(super) works: Vec<Work>,
    /// The situations that were measured, each with what to use in it.
    pub(super) decisions: Vec<Decision>,
    /// How steady the machine was.
    pub(super) steadiness: Vec<Fact>,
    /// What forbids to trust the run as a whole.
    pub(super) alarms: Vec<String>,
}

/// One kind of work.
#[derive(Debug, Serialize)]
pub(super) struct Work {
    name: &'static str,
    answers: Vec<Answer>,
}

/// The configuration to use in one place, or why there is none.
#[derive(Debug, Serialize)]
struct Answer {
    place: &'static str,
    found: Option<Winner>,
    why_none: String,
}

/// The configuration to use.
#[derive(Debug, Serialize)]
struct Winner {
    subject: String,
    href: String,
    command: String,
    wins: String,
    by: &'static str,
    suites: String,
    threshold: String,
    bars: Vec<Bar>,
    others: usize,
    would_change: Vec<String>,
}

/// One place of the order.
#[derive(Debug, Serialize)]
struct Bar {
    subject: String,
    href: String,
    /// How many times the cost of the first.
    ratio: f64,
    text: String,
    /// The interval, where there is one.
    interval: String,
    /// Of the longest bar, in percent.
    width: String,
    /// Whether it is not told apart from the first.
    is_tie: bool,
}

/// A figure of the steadiness.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    name: &'static str,
    value: String,
    meaning: &'static str,
}

impl Answers {
    /// The answers that these runs hold: each question goes to the first run that answers it.
    pub(super) fn of(runs: &[(&Dataset, &Report)]) -> Self {
        let work = |(workload, name): &(Workload, &'static str)| {
            let one = |deployment| answer(runs, &Wish::usual(*workload, deployment));
            Work {
                name,
                answers: [Deployment::Local, Deployment::Remote].map(one).into(),
            }
        };
        let mut works: Vec<Work> = WORKS.iter().map(work).collect();
        let decisions = situations::decisions(runs);
        // A run that was made for scenarios was not asked for kinds of work.
        if !decisions.is_empty() {
            works.retain(|work| work.answers.iter().any(|answer| answer.found.is_some()));
        }
        let first = runs.first().map(|(_, summary)| *summary);
        Self {
            works,
            decisions,
            steadiness: first.map_or_else(Vec::new, steadiness),
            alarms: runs
                .iter()
                .filter_map(|(_, summary)| alarm(summary))
                .collect(),
        }
    }

    /// Whether no question is answered.
    pub(super) fn is_empty(&self) -> bool {
        let works = self.works.iter().flat_map(|work| &work.answers);
        let mut all = works.chain(self.decisions.iter().map(|one| &one.answer));
        all.all(|answer| answer.found.is_none())
    }

    /// For a terminal, with bars; nothing where no question is answered.
    pub(super) fn text(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let title = "Which configuration to use";
        let mut text = format!("\n{title}\n{}\n", "=".repeat(title.len()));
        for alarm in &self.alarms {
            let _ = writeln!(text, "\n{alarm}");
        }
        for work in &self.works {
            for answer in &work.answers {
                answer.draw(&mut text, work.name);
            }
        }
        if !self.decisions.is_empty() {
            text.push('\n');
            text.push_str(&situations::table(&self.decisions, Style::Text));
        }
        let facts = self.steadiness.iter();
        let facts: Vec<String> = facts
            .map(|fact| format!("{} {}", fact.name, fact.value))
            .collect();
        let _ = writeln!(text, "\nThe machine: {}.", facts.join(", "));
        text
    }

    /// For report.md; nothing where no question is answered.
    pub(super) fn markdown(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let columns = ["work", "clients", "use", "by how much", "command"];
        let mut table = Table::new(&columns, 5);
        for work in &self.works {
            for answer in &work.answers {
                let mut cells = vec![work.name.to_owned(), answer.place.to_owned()];
                match &answer.found {
                    Some(found) => cells.extend([
                        found.subject.clone(),
                        found.wins.clone(),
                        format!("`{}`", found.command),
                    ]),
                    None => cells.extend(["-".to_owned(), answer.why_none.clone()]),
                }
                table.row(cells);
            }
        }
        let mut text = "# Which configuration to use\n\n".to_owned();
        if !self.works.is_empty() {
            let _ = writeln!(text, "{}", table.draw(Style::Markdown));
        }
        if !self.decisions.is_empty() {
            let situations = situations::table(&self.decisions, Style::Markdown);
            let _ = writeln!(text, "{situations}");
        }
        for alarm in &self.alarms {
            let _ = writeln!(text, "{alarm}\n");
        }
        text
    }
}

/// The answer of the first run that has one.
fn answer(runs: &[(&Dataset, &Report)], wish: &Wish) -> Answer {
    let mut answer = Answer {
        place: match wish.deployment {
            Deployment::Local => "on the same machine",
            Deployment::Remote => "on other machines",
        },
        found: None,
        why_none: "Not measured: no suite of this work in the run.".to_owned(),
    };
    for (index, (run, _)) in runs.iter().enumerate() {
        if !asks(run, wish) {
            continue;
        }
        match recommend(run, wish) {
            Ok(found) => {
                answer.found = Some(Winner::of(&found, index));
                break;
            }
            Err(why) => answer.why_none = format!("No answer: {why}"),
        }
    }
    answer
}

/// Whether a run was asked this. It has measured a scenario also where no server fits.
fn asks(run: &Dataset, wish: &Wish) -> bool {
    match &wish.scenario {
        Some(scenario) => (scenarios(run).iter()).any(|one| one.name == scenario.name),
        None => answers(run, wish),
    }
}

impl Winner {
    fn of(found: &Recommendation, run: usize) -> Self {
        let order = &found.ranking;
        let shown: Vec<&Place> = order.places.iter().take(SHOWN).collect();
        let longest = shown.iter().map(|place| place.to_first.point);
        let longest = longest.fold(1.0, f64::max);
        let suite = order.suites.first().map_or("", String::as_str);
        let href = |subject: &str| format!("#{}", row_id(run, suite, subject));
        let bar = |place: &&Place| Bar {
            subject: place.subject.clone(),
            href: href(&place.subject),
            ratio: place.to_first.point,
            text: format!("{:.2}", place.to_first.point),
            interval: if place.rank == 1 {
                String::new()
            } else {
                interval(place.to_first)
            },
            width: format!("{:.1}", place.to_first.point / longest * 100.0),
            is_tie: place.rank > 1 && place.beside_first.is_tie(),
        };
        Self {
            subject: found.subject.clone(),
            href: href(&found.subject),
            command: again::line(found.command.iter().map(String::as_str)),
            wins: wins(&order.places),
            by: order.by.name(),
            suites: order.suites.join(", "),
            threshold: order.threshold.to_string(),
            bars: shown.iter().map(bar).collect(),
            others: order.places.len() - shown.len(),
            would_change: found.would_change.clone(),
        }
    }
}

/// By how much the first of an order is ahead, and of what it is not told apart.
fn wins(places: &[Place]) -> String {
    let behind = places.get(1..).unwrap_or_default();
    let ties = behind.iter().filter(|place| place.beside_first.is_tie());
    let ties: Vec<&str> = ties.map(|place| place.subject.as_str()).collect();
    let next = behind.iter().find(|place| !place.beside_first.is_tie());
    let mut text = match next {
        None if behind.is_empty() => "The only candidate: nothing was compared.".to_owned(),
        None => "No other costs more by what the readings tell.".to_owned(),
        Some(next) => {
            let ends = next.to_first.interval.map_or_else(
                || "no interval: fewer than 3 trials".to_owned(),
                |ends| format!("95% interval {:.2} to {:.2}", ends.low, ends.high),
            );
            let point = next.to_first.point;
            format!("{} costs {point:.2} times as much ({ends}).", next.subject)
        }
    };
    if !ties.is_empty() {
        let more = ties.len().saturating_sub(NAMED);
        let names = ties[..ties.len() - more].join(", ");
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let _ = write!(text, " Tied with {names}{more}.");
    }
    text
}

fn interval(ratio: Ratio) -> String {
    ratio.interval.map_or_else(
        || "no interval".to_owned(),
        |ends| format!("{:.2} to {:.2}", ends.low, ends.high),
    )
}

impl Answer {
    fn draw(&self, text: &mut String, work: &str) {
        let Some(found) = &self.found else {
            let _ = writeln!(
                text,
                "\n{work}, clients {}: -\n  {}",
                self.place, self.why_none
            );
            return;
        };
        let _ = writeln!(
            text,
            "\n{work}, clients {}: {}\n  {}\n  By {} in {}.",
            self.place, found.subject, found.wins, found.by, found.suites
        );
        let bar = |bar: &Bar| bars::Bar {
            name: bar.subject.clone(),
            length: Some(bar.ratio),
            text: bar.text.clone(),
            note: if bar.is_tie { "(tie)" } else { "" }.to_owned(),
        };
        let drawn: Vec<bars::Bar> = found.bars.iter().map(bar).collect();
        text.push_str(&bars::draw(&drawn));
        if found.others > 0 {
            let _ = writeln!(text, "    and {} more", found.others);
        }
        let _ = writeln!(text, "  Command: {}", found.command);
    }
}

fn steadiness(summary: &Report) -> Vec<Fact> {
    let found: &Steadiness = &summary.steadiness;
    let percent = |share: Option<f64>| {
        share.map_or_else(
            || "not known".to_owned(),
            |share| format!("{:.1}%", share * 100.0),
        )
    };
    let other = format!(
        "{} of {} trials",
        found.trials_with_other_load, summary.environment.trials_done
    );
    let fact = |name, value, meaning| Fact {
        name,
        value,
        meaning,
    };
    vec![
        fact(
            "drift between rounds",
            percent(found.rounds),
            "what all subjects of a round had in common; it is taken out",
        ),
        fact(
            "noise of a reading",
            percent(found.readings),
            "standard deviation around the fit, CPU time per call",
        ),
        fact(
            "steal up to",
            percent(found.steal),
            "of a core's time in a trial, taken by the hypervisor",
        ),
        fact(
            "other load in",
            other,
            "something else ran on the cores in use",
        ),
        fact(
            "smallest difference told",
            percent(found.least_told),
            "median over neighbours of the tables",
        ),
    ]
}

/// What makes a whole run doubtful.
fn alarm(summary: &Report) -> Option<String> {
    let environment = &summary.environment;
    let run = &summary.run;
    match environment.state {
        State::Complete if environment.trials_done == environment.trials_planned => None,
        State::Complete => Some(format!(
            "{run}: {} of {} trials were left out, see what went wrong.",
            environment.trials_planned - environment.trials_done,
            environment.trials_planned
        )),
        _ => Some(format!(
            "{run} did not come to its end: {} of {} trials were made.",
            environment.trials_done, environment.trials_planned
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::Answers;
    use crate::analysis::dataset::golden_for_tests;
    use crate::analysis::summary::Report;

    #[test]
    fn the_first_screen_names_the_winner_its_margin_and_its_command() {
        let run = golden_for_tests();
        let summary = Report::of(&run).unwrap();
        let answers = Answers::of(&[(&run, &summary)]);
        let (text, markdown) = (answers.text(), answers.markdown());
        for shown in [&text, &markdown] {
            assert!(shown.contains("fake_subject stdio-right 0"), "{shown}");
            assert!(shown.contains(" times as much (95% interval "), "{shown}");
        }
        assert!(
            text.contains("CPU work, clients on other machines: quick"),
            "{text}"
        );
        assert!(
            text.contains("Database work, clients on the same machine: -"),
            "{text}"
        );
        assert!(text.contains('\u{2588}'), "{text}");
    }
}

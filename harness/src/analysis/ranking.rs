//! One order over many suites: the geometric mean of each subject's ratios to the best of every suite.
//!
//! Only suites count in which all ranked subjects have figures that hold; the others are named with the reason, because a mean
//! over other suites is a mean of something else.

use std::collections::BTreeSet;

use anyhow::bail;
use serde::Serialize;

use super::dataset::{Dataset, Reading, better};
use crate::config::bounds::Figure;
use crate::config::subject::Role;
use crate::stats::{Better, Design, Ratio, Resampled, Threshold, Verdict};

/// An order.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ranking {
    /// The run.
    pub run: String,
    /// What it goes by.
    pub by: Figure,
    /// Differences below this are ties, a share of one.
    pub threshold: Threshold,
    /// The suites that count.
    pub suites: Vec<String>,
    /// The subjects, the best first.
    pub places: Vec<Place>,
    /// Suites and subjects that do not count, each with the reason.
    pub left_out: Vec<String>,
}

/// One subject.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Place {
    /// Its place, from 1.
    pub rank: usize,
    /// The subject.
    pub subject: String,
    /// Geometric mean of how many times worse it is than the best of each suite.
    pub to_best: Ratio,
    /// What it is beside the subject above.
    pub beside_above: Verdict,
    /// What it is beside the first.
    pub beside_first: Verdict,
    /// How many times worse it is than the best, in each suite.
    pub each: Vec<(String, f64)>,
}

/// What a subject has in every suite that counts, in their order.
struct Runner<'a> {
    subject: &'a str,
    readings: Vec<Reading>,
}

/// Ranks the subjects of a run; all servers when none is named.
///
/// # Errors
/// When a name is not known, or there is nothing that could be ranked.
pub fn ranking(
    run: &Dataset,
    suites: &[String],
    subjects: &[String],
    by: Figure,
    threshold: Threshold,
) -> anyhow::Result<Ranking> {
    let mut left_out = Vec::new();
    let subjects = chosen(run, suites, subjects, by, &mut left_out)?;
    let mut runners: Vec<Runner<'_>> = subjects.into_iter().map(Runner::new).collect();
    let mut counted = Vec::new();
    for suite in suites {
        let mut readings = Vec::new();
        for runner in &runners {
            readings.push(run.reading(by, suite, runner.subject)?);
        }
        let cannot = |(runner, reading): (&Runner<'_>, &Reading)| {
            (!can_count(reading)).then(|| runner.subject.to_owned())
        };
        let missing: Vec<String> = runners.iter().zip(&readings).filter_map(cannot).collect();
        if missing.is_empty() {
            counted.push(suite.clone());
            let pairs = runners.iter_mut().zip(readings);
            pairs.for_each(|(runner, reading)| runner.readings.push(reading));
        } else {
            left_out.push(format!(
                "suite {suite}: no {} that holds of {}",
                by.name(),
                missing.join(", ")
            ));
        }
    }
    if counted.is_empty() || runners.is_empty() {
        bail!(
            "nothing can be ranked by {} in {}:\n  {}",
            by.name(),
            run.run,
            left_out.join("\n  ")
        );
    }
    Ok(Ranking {
        run: run.run.clone(),
        by,
        threshold,
        places: places(&runners, &counted, better(by), threshold),
        suites: counted,
        left_out,
    })
}

/// The subjects to rank. Where none is named: the servers that have a figure in some of the suites.
fn chosen<'a>(
    run: &'a Dataset,
    suites: &[String],
    named: &'a [String],
    by: Figure,
    left_out: &mut Vec<String>,
) -> anyhow::Result<Vec<&'a str>> {
    let asked: BTreeSet<&str> = suites
        .iter()
        .flat_map(|suite| run.subjects_in(suite))
        .collect();
    if let Some(unknown) = named.iter().find(|name| !asked.contains(name.as_str())) {
        let known = asked.into_iter().collect::<Vec<_>>().join(", ");
        bail!(
            "the run {} has no trial of \"{unknown}\" in these suites; it has: {known}",
            run.run
        );
    }
    if !named.is_empty() {
        return Ok(named.iter().map(String::as_str).collect());
    }
    let mut subjects = Vec::new();
    for subject in asked {
        let definition = run.subjects.subject.get(subject);
        if definition.is_some_and(|definition| definition.role == Role::Floor) {
            continue;
        }
        let mut counts = false;
        for suite in suites {
            counts |= can_count(&run.reading(by, suite, subject)?);
        }
        if counts {
            subjects.push(subject);
        } else {
            left_out.push(format!(
                "{subject}: no {} that holds in any suite",
                by.name()
            ));
        }
    }
    Ok(subjects)
}

fn can_count(reading: &Reading) -> bool {
    reading.value.is_some() && reading.holds
}

impl<'a> Runner<'a> {
    fn new(subject: &'a str) -> Self {
        Self {
            subject,
            readings: Vec::new(),
        }
    }

    /// How many times worse it is than others, one for each suite: as a mean with its draws.
    fn over<'r>(
        &self,
        others: impl Iterator<Item = &'r Reading>,
        better: Better,
    ) -> Option<Resampled> {
        let pairs = self.readings.iter().zip(others);
        let worse = pairs.map(|(own, other)| {
            let (of, against) = match better {
                Better::Less => (own, other),
                Better::More => (other, own),
            };
            Resampled::new(&of.samples, &against.samples, Design::SameRounds)
        });
        Resampled::mean(&worse.collect::<Option<Vec<_>>>()?)
    }
}

/// How many times worse a value is than another.
fn worse(own: &Reading, other: &Reading, better: Better) -> f64 {
    let (own, other) = (
        own.value.unwrap_or(f64::NAN),
        other.value.unwrap_or(f64::NAN),
    );
    match better {
        Better::Less => own / other,
        Better::More => other / own,
    }
}

fn places(
    runners: &[Runner<'_>],
    suites: &[String],
    better: Better,
    threshold: Threshold,
) -> Vec<Place> {
    let best = |index: usize| {
        let of_suite = runners
            .iter()
            .filter_map(move |runner| runner.readings.get(index));
        of_suite.min_by(|a, b| worse(a, b, better).total_cmp(&1.0))
    };
    let best: Vec<&Reading> = (0..suites.len()).filter_map(best).collect();
    let mut ranked: Vec<(&Runner<'_>, Ratio)> = runners
        .iter()
        .filter_map(|runner| Some((runner, runner.over(best.iter().copied(), better)?.ratio())))
        .collect();
    ranked.sort_by(|(_, a), (_, b)| a.point.total_cmp(&b.point));
    // The means are costs already, whichever way the figure is better.
    let beside = |runner: &Runner<'_>, other: &Runner<'_>| {
        let mean = runner.over(other.readings.iter(), better);
        mean.map_or(Verdict::Unknown, |mean| {
            threshold.judge(&mean.ratio(), Better::Less)
        })
    };
    let place = |(index, (runner, to_best)): (usize, &(&Runner<'_>, Ratio))| {
        let above = index.checked_sub(1).and_then(|above| ranked.get(above));
        let each = runner.readings.iter().zip(&best);
        let each = each.map(|(own, best)| worse(own, best, better));
        Place {
            rank: index + 1,
            subject: runner.subject.to_owned(),
            to_best: *to_best,
            beside_above: above.map_or(Verdict::Equal, |(above, _)| beside(runner, above)),
            beside_first: ranked
                .first()
                .map_or(Verdict::Equal, |(first, _)| beside(runner, first)),
            each: suites.iter().cloned().zip(each).collect(),
        }
    };
    ranked.iter().enumerate().map(place).collect()
}

impl Place {
    /// The place with its mark: `=` for a tie with the one above, `?` where that is not known.
    #[must_use]
    pub fn marked(&self) -> String {
        let mark = match self.beside_above {
            _ if self.rank == 1 => "",
            Verdict::Equal | Verdict::CannotTell => "=",
            Verdict::Unknown => "?",
            Verdict::Faster | Verdict::Slower => "",
        };
        format!("{}{mark}", self.rank)
    }
}

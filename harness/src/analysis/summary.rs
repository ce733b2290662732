//! What the report of a run says: a table for each suite with ranks, and what belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use super::capacity::{Capacity, capacities, kept_up};
use super::dataset::{Dataset, measured};
use super::experiments::{self, Finding};
use super::metric::Metric;
use super::ranking::{Runner, places};
use super::replay::{self, Answered};
use super::targets::{Held, hold};
use crate::config::FormatError;
use crate::config::suite::Suite;
use crate::results::environment::Environment;
use crate::results::folder::RunFolder;
use crate::results::trial::{Status, Trial};
use crate::results::warning::{Validity, Warning};
use crate::stats::{Ratio, Threshold, Verdict, median_of};

/// All that a report says.
#[derive(Debug)]
pub(crate) struct Report {
    /// Name of the folder.
    pub(crate) run: String,
    /// On what and how it was made, and whether it came to its end.
    pub(crate) environment: Environment,
    /// How steady the machine was.
    pub(crate) steadiness: Steadiness,
    /// Findings that have a bound, where the run was made for some.
    pub(crate) bounds: Vec<Finding>,
    /// Experiments, where the run was made for some.
    pub(crate) experiments: Vec<Finding>,
    /// Published claims, where the run was made to answer some.
    pub(crate) replay: Vec<Answered>,
    /// Capacities, where the run searched for them.
    pub(crate) capacities: Vec<Capacity>,
    /// What readers of a subject's rows have to know, by its name.
    pub(crate) notes: BTreeMap<String, String>,
    /// A table for each suite that has trials.
    pub(crate) suites: Vec<SuiteTable>,
    /// Warnings, with how many trials have them.
    pub(crate) warnings: Vec<WarningCount>,
}

/// How steady the machine was, as shares of one; each is absent where the run does not show it.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Steadiness {
    /// Standard deviation of the rounds: drift that all subjects shared, and that was taken out.
    /// Median over the suites, of CPU time per call.
    pub(crate) rounds: Option<f64>,
    /// Standard deviation of the readings around the fit. Median over the suites.
    pub(crate) readings: Option<f64>,
    /// The most of a core's time that the hypervisor took in a trial.
    pub(crate) steal: Option<f64>,
    /// Trials in which something else ran on the cores in use.
    pub(crate) trials_with_other_load: usize,
    /// The smallest difference that the run could have told between neighbours of its tables, in
    /// the metric that ranks. Median over the neighbours.
    pub(crate) least_told: Option<f64>,
}

/// One suite.
#[derive(Debug)]
pub(crate) struct SuiteTable {
    /// Its name.
    pub(crate) suite: String,
    /// Its definition, with the settings of the run.
    pub(crate) definition: Suite,
    /// What the ranks go by.
    pub(crate) ranked_by: Metric,
    /// Ranked subjects, the best first, and behind them those that cannot be ranked.
    pub(crate) servers: Vec<Row>,
    /// Floors.
    pub(crate) floors: Vec<Row>,
    /// What is promised of the servers, and what they did.
    pub(crate) targets: Vec<Held>,
    /// What went wrong, trial by trial.
    pub(crate) failures: Vec<Failure>,
}

/// One subject in one suite.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    /// The subject.
    pub(crate) subject: String,
    /// Its fast path: on, off, or empty where there is none.
    pub(crate) fast_path: String,
    /// The wire that it speaks.
    pub(crate) wire: String,
    /// Its place, from 1; absent when it is not ranked.
    pub(crate) rank: Option<usize>,
    /// What it is beside the row above, in the metric that ranks.
    pub(crate) beside_above: Option<Verdict>,
    /// How many times worse it is than the best in the metric that ranks; absent when not ranked.
    pub(crate) ratio_to_best: Option<Ratio>,
    /// Trials that were to be made.
    pub(crate) trials_made: usize,
    /// Trials that were measured.
    pub(crate) trials_measured: usize,
    /// Trials that were not made, because the server had not got ready twice in a row.
    pub(crate) trials_skipped: usize,
    /// Measured trials whose rate and latencies hold, at least roughly.
    pub(crate) trials_rate_holds: usize,
    /// Measured trials whose CPU time holds, at least roughly.
    pub(crate) trials_cpu_holds: usize,
    /// Of an open loop: whether it kept up with the planned rate in every trial.
    pub(crate) kept_up: bool,
    /// Numbers of the trials whose rate or CPU time lies far from the others. They count all the
    /// same.
    pub(crate) outliers: Vec<u32>,
    /// Right answers in the windows of all its trials.
    pub(crate) calls: u64,
    /// Errors in the windows of all its trials.
    pub(crate) errors: u64,
    /// Errors in the warm-ups and at the ends of the sessions of all its trials.
    pub(crate) errors_around: u64,
    /// Trials whose server did not end well.
    pub(crate) exits_unclean: u64,
    /// The metrics that it has, each over the trials in which it holds; if there are none, over all
    /// that were measured.
    pub(crate) figures: BTreeMap<Metric, f64>,
    /// How far rate and latencies hold.
    pub(crate) rate: Validity,
    /// How far CPU time per call holds.
    pub(crate) cpu: Validity,
}

/// Something that went wrong.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The subject.
    pub(crate) subject: String,
    /// The trial, from 1.
    pub(crate) trial: u32,
    /// How the trial ended.
    pub(crate) status: Status,
    /// What was seen.
    pub(crate) text: String,
}

/// A warning, and the trials that have it.
#[derive(Debug)]
pub(crate) struct WarningCount {
    /// The warning.
    pub(crate) warning: Warning,
    /// Trials that have it.
    pub(crate) trials: usize,
    /// Trials of the run.
    pub(crate) of: usize,
}

impl Report {
    /// Reads a recorded run.
    pub(crate) fn read(folder: &RunFolder) -> Result<Self, FormatError> {
        Self::of(&Dataset::read(folder.clone())?)
    }

    /// The report of a run.
    pub(crate) fn of(run: &Dataset) -> Result<Self, FormatError> {
        let mut least_told = Vec::new();
        let suites = run.suites.iter();
        let suites = suites.map(|(name, suite)| suite_table(run, name, suite, &mut least_told));
        let suites = suites.collect::<Result<Vec<_>, _>>()?;
        let (experiments, bounds) = experiments::findings(&run.folder.read_experiments()?, run)?;
        let subjects = run.subjects.subject.iter();
        Ok(Self {
            run: run.run.clone(),
            environment: run.environment.clone(),
            steadiness: Steadiness::of(run, &mut least_told),
            bounds,
            experiments,
            replay: replay::answers(&run.folder.read_replayed()?, run)?,
            capacities: capacities(run)?,
            notes: subjects
                .filter_map(|(name, subject)| Some((name.clone(), subject.note.clone()?)))
                .collect(),
            warnings: warnings(run, &suites),
            suites,
        })
    }

    /// The targets of all suites.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Held> {
        self.suites.iter().flat_map(|table| &table.targets)
    }
}

impl Steadiness {
    fn of(run: &Dataset, least_told: &mut [f64]) -> Self {
        let fits = run.suites.keys();
        let fits = fits.filter_map(|suite| run.fit(Metric::CpuUsPerCall, suite));
        let found: Vec<_> = fits.filter_map(|fit| fit.fit.steadiness()).collect();
        let steal = run
            .trials
            .iter()
            .filter_map(|trial| trial.steal_permille)
            .max();
        let has_other_load = |trial: &&Trial| trial.warnings().contains(&Warning::OtherLoad);
        let middle = |read: fn(&crate::stats::Steadiness) -> f64| {
            median_of(&mut found.iter().map(read).collect::<Vec<_>>())
        };
        Self {
            rounds: middle(|one| one.rounds),
            readings: middle(|one| one.readings),
            steal: steal.map(|permille| permille as f64 / 1e3),
            trials_with_other_load: run.trials.iter().filter(has_other_load).count(),
            least_told: median_of(least_told),
        }
    }
}

fn warnings(run: &Dataset, suites: &[SuiteTable]) -> Vec<WarningCount> {
    let few = suites.iter().flat_map(|table| {
        let rows = table.servers.iter().chain(&table.floors);
        rows.filter(|row| row.rests_on_few(table.ranked_by))
    });
    let few: usize = few.map(|row| row.trials_measured).sum();
    let count = |warning: &Warning| WarningCount {
        warning: *warning,
        trials: match warning {
            Warning::FewTrials => few,
            _ => (run.trials.iter())
                .filter(|trial| trial.warnings().contains(warning))
                .count(),
        },
        of: run.trials.len(),
    };
    let all = Warning::ALL.iter().map(count);
    all.filter(|one| one.trials > 0).collect()
}

fn suite_table(
    run: &Dataset,
    name: &str,
    definition: &Suite,
    least_told: &mut Vec<f64>,
) -> Result<SuiteTable, FormatError> {
    let rows = run
        .subjects_in(name)
        .into_iter()
        .map(|subject| row(run, name, subject));
    let rows = rows.collect::<Result<Vec<Row>, _>>()?;
    let (floors, mut servers): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| run.is_floor(&row.subject));
    let is_open_loop = definition.load.rate_per_s.is_some();
    let ranked_by = rank(run, name, &mut servers, is_open_loop, least_told)?;
    let mut targets = Vec::new();
    for row in &servers {
        if let Some(promised) = &definition.targets {
            targets.extend(hold(run, name, promised, row)?);
        }
    }
    let failed = run.trials.iter().filter(|trial| trial.suite == name);
    let failed =
        failed.filter(|trial| !trial.failure.is_empty() && trial.status != Status::Skipped);
    let failure = |trial: &Trial| Failure {
        subject: trial.subject.clone(),
        trial: trial.trial,
        status: trial.status,
        text: trial.failure.clone(),
    };
    Ok(SuiteTable {
        suite: name.to_owned(),
        definition: definition.clone(),
        ranked_by,
        servers,
        floors,
        targets,
        failures: failed.map(failure).collect(),
    })
}

fn row(run: &Dataset, suite: &str, subject: &str) -> Result<Row, FormatError> {
    let figure = |metric| run.figure(metric, suite, subject);
    let (rate, cpu) = (figure(Metric::CallsPerS)?, figure(Metric::CpuUsPerCall)?);
    let mut figures = BTreeMap::new();
    for metric in Metric::ALL {
        figures.extend(figure(*metric)?.value.map(|value| (*metric, value)));
    }
    let trials: Vec<&Trial> = run.rows(suite, subject).collect();
    let label = |read: fn(&Trial) -> &String| trials.first().map(|trial| read(trial).clone());
    let sum = |count: fn(&Trial) -> u64| trials.iter().map(|trial| count(trial)).sum();
    let skipped = trials
        .iter()
        .filter(|trial| trial.status == Status::Skipped);
    let outliers: BTreeSet<u32> = rate.outliers().chain(cpu.outliers()).collect();
    Ok(Row {
        subject: subject.to_owned(),
        fast_path: label(|trial| &trial.fast_path).unwrap_or_default(),
        wire: label(|trial| &trial.wire).unwrap_or_default(),
        rank: None,
        beside_above: None,
        ratio_to_best: None,
        trials_made: trials.len(),
        trials_measured: measured(trials.iter().copied()).count(),
        trials_skipped: skipped.count(),
        trials_rate_holds: rate.holding,
        trials_cpu_holds: cpu.holding,
        kept_up: trials.iter().all(|trial| kept_up(trial)),
        outliers: outliers.into_iter().collect(),
        calls: sum(|trial| trial.calls),
        errors: sum(|trial| trial.errors),
        errors_around: sum(Trial::errors_around),
        exits_unclean: sum(|trial| trial.exit_unclean),
        figures,
        rate: rate.validity,
        // Of a server that somebody else has started nothing is known.
        cpu: if cpu.value.is_some() {
            cpu.validity
        } else {
            Validity::DoesNotHold
        },
    })
}

impl Row {
    /// Whether every trial was measured, every answer right, and every end clean.
    fn is_right(&self) -> bool {
        self.errors == 0
            && self.errors_around == 0
            && self.exits_unclean == 0
            && self.trials_measured == self.trials_made
            && self.trials_made > 0
    }

    /// Fewer than three trials have no middle that one bad trial does not move.
    fn rests_on_few(&self, metric: Metric) -> bool {
        let holding = match metric {
            Metric::CallsPerS => self.trials_rate_holds,
            _ => self.trials_cpu_holds,
        };
        // Where the figure holds in no trial it is taken from all of them.
        let count = if holding == 0 {
            self.trials_measured
        } else {
            holding
        };
        self.trials_measured > 0 && count < 3
    }
}

/// Ranks the servers of a suite and puts them in order; says by which metric.
///
/// A subject is ranked when nothing went wrong in any trial, and in an open loop when it kept up:
/// one that did not had less to do. Subjects are ranked by calls a second. If one of them has no
/// trial whose rate holds (the client was saturated in all, say), or all have the planned rate of
/// an open loop, they are ranked by the server's CPU time per call.
fn rank(
    run: &Dataset,
    suite: &str,
    rows: &mut [Row],
    is_open_loop: bool,
    least_told: &mut Vec<f64>,
) -> Result<Metric, FormatError> {
    let can_be_ranked = |row: &&Row| row.is_right() && (!is_open_loop || row.kept_up);
    let ranked: Vec<&Row> = rows.iter().filter(can_be_ranked).collect();
    let have = |metric| ranked.iter().all(|row| row.figures.contains_key(&metric));
    let is_by_rate = !is_open_loop && ranked.iter().all(|row| row.rate.is_usable());
    let metric = if !is_by_rate && have(Metric::CpuUsPerCall) {
        Metric::CpuUsPerCall
    } else {
        Metric::CallsPerS
    };
    let mut runners = Vec::new();
    for row in ranked {
        let figures = vec![run.figure(metric, suite, &row.subject)?];
        let subject = row.subject.as_str();
        runners.push(Runner { subject, figures });
    }
    let (threshold, suites) = (Threshold::default(), [suite.to_owned()]);
    for place in places(run, runners, &suites, metric, threshold) {
        let is_first = place.rank == 1;
        if !is_first {
            least_told.extend(threshold.least_told(&place.to_above));
        }
        if let Some(row) = rows.iter_mut().find(|row| row.subject == place.subject) {
            row.rank = Some(place.rank);
            row.beside_above = (!is_first).then_some(place.beside_above);
            row.ratio_to_best = Some(place.to_best).filter(|ratio| ratio.point.is_finite());
        }
    }
    rows.sort_by_key(|row| row.rank.unwrap_or(usize::MAX));
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::{SuiteTable, suite_table};
    use crate::analysis::dataset::dataset_for_tests;
    use crate::analysis::metric::Metric;
    use crate::results::trial::Trial;
    use crate::stats::Verdict;

    /// Five trials of a subject, with what is set on each.
    fn trials(subject: &str, calls: u64, cpu_ns: u64, set: fn(&mut Trial)) -> Vec<Trial> {
        let one = |trial: u32| {
            // The machine drifts from round to round, for all alike.
            let drift = u64::from(trial % 3) + 10;
            let mut row = Trial {
                suite: "s".to_owned(),
                subject: subject.to_owned(),
                trial,
                calls: calls * 10 / drift,
                window_us: Some(1_000_000),
                server_cpu_ns_per_call: Some(cpu_ns * drift / 10),
                ..Trial::default()
            };
            set(&mut row);
            row
        };
        (1..=5).map(one).collect()
    }

    fn table(trials: Vec<Trial>, rate_per_s: Option<f64>) -> SuiteTable {
        let run = dataset_for_tests(trials);
        let mut suite = run.suites["s"].clone();
        suite.load.rate_per_s = rate_per_s;
        suite_table(&run, "s", &suite, &mut Vec::new()).unwrap()
    }

    fn ranks(table: &SuiteTable) -> Vec<(&str, Option<usize>)> {
        let rows = table.servers.iter();
        rows.map(|row| (row.subject.as_str(), row.rank)).collect()
    }

    #[test]
    fn rates_rank_where_all_of_them_hold_and_cpu_time_otherwise() {
        let full: fn(&mut Trial) = |row| row.warnings = "client_saturated".to_owned();
        let (a, b) = (
            trials("a", 1_000, 9_000, |_| ()),
            trials("b", 2_000, 9_900, |_| ()),
        );
        let found = table([a.clone(), b].concat(), None);
        assert_eq!(
            (found.ranked_by, ranks(&found)[0]),
            (Metric::CallsPerS, ("b", Some(1)))
        );
        assert_eq!(found.servers[1].beside_above, Some(Verdict::Slower));
        let point = found.servers[1].ratio_to_best.unwrap().point;
        assert!((point - 2.0).abs() < 1e-2, "{point}");
        let found = table([a, trials("b", 2_000, 9_090, full)].concat(), None);
        assert_eq!(
            (found.ranked_by, ranks(&found)[0]),
            (Metric::CpuUsPerCall, ("a", Some(1)))
        );
        assert_eq!(found.servers[1].beside_above, Some(Verdict::Equal));
    }

    #[test]
    fn a_server_that_fell_behind_the_planned_rate_is_not_ranked() {
        let planned: fn(&mut Trial) = |row| {
            row.rate_planned_per_s_milli = Some(1_000_000);
            row.calls = if row.subject == "behind" { 500 } else { 1_000 };
        };
        let all = [
            trials("kept-up", 0, 9_000, planned),
            trials("behind", 0, 5_000, planned),
        ];
        let found = table(all.concat(), Some(1_000.0));
        assert_eq!(ranks(&found), [("kept-up", Some(1)), ("behind", None)]);
        assert!(!found.servers[1].kept_up && found.ranked_by == Metric::CpuUsPerCall);
    }

    #[test]
    fn a_rough_figure_needs_a_larger_difference() {
        let rough: fn(&mut Trial) = |row| row.warnings = "client_saturated;steal".to_owned();
        let all = |set| {
            [
                trials("a", 1_000, 10_000, set),
                trials("b", 1_000, 10_500, set),
            ]
            .concat()
        };
        let full: fn(&mut Trial) = |row| row.warnings = "client_saturated".to_owned();
        assert_eq!(
            table(all(full), None).servers[1].beside_above,
            Some(Verdict::Slower)
        );
        assert_eq!(
            table(all(rough), None).servers[1].beside_above,
            Some(Verdict::Equal)
        );
    }
}

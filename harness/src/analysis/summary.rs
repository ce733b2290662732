//! What the report of a run says: a table for each suite with ranks, and what belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::bounds::{self, Judged};
use super::capacity::{Capacity, capacities, kept_up};
use super::compare::about;
use super::dataset::{Dataset, measured};
use super::experiments::{self, Weighed};
use super::metric::Metric;
use super::replay::{self, Answered};
use super::targets::{Held, hold};
use crate::config::FormatError;
use crate::config::suite::Suite;
use crate::results::environment::Environment;
use crate::results::folder::RunFolder;
use crate::results::trial::{Status, Trial};
use crate::results::warning::{Validity, Warning};
use crate::stats::{Better, Ratio, Threshold, Verdict, median_of};

/// All that a report says.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// Name of the folder.
    pub run: String,
    /// On what and how it was made, and whether it came to its end.
    pub environment: Environment,
    /// How steady the machine was.
    pub steadiness: Steadiness,
    /// Marks, where the run was made for some.
    pub marks: Vec<Judged>,
    /// Experiments, where the run was made for some.
    pub levers: Vec<Weighed>,
    /// Published claims, where the run was made to answer some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replay: Vec<Answered>,
    /// Capacities, where the run searched for them.
    pub capacities: Vec<Capacity>,
    /// What readers of a subject's rows have to know, by its name.
    pub notes: BTreeMap<String, String>,
    /// A table for each suite that has trials.
    pub suites: Vec<SuiteTable>,
    /// Warnings, with how many trials have them.
    pub warnings: Vec<WarningCount>,
}

/// How steady the machine was, as shares of one; each is absent where the run does not show it.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Steadiness {
    /// Standard deviation of the rounds: drift that all subjects shared, and that was taken out.
    /// Median over the suites, of CPU time per call.
    pub rounds: Option<f64>,
    /// Standard deviation of the readings around the fit. Median over the suites.
    pub readings: Option<f64>,
    /// The most of a core's time that the hypervisor took in a trial.
    pub steal: Option<f64>,
    /// Trials in which something else ran on the cores in use.
    pub trials_with_other_load: usize,
    /// The smallest difference that the run could have told between neighbours of its tables, in
    /// the metric that ranks. Median over the neighbours.
    pub least_told: Option<f64>,
}

/// One suite.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SuiteTable {
    /// Its name.
    pub suite: String,
    /// Its definition, with the settings of the run.
    #[cfg_attr(test, schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    pub definition: Suite,
    /// What the ranks go by.
    pub ranked_by: Metric,
    /// Ranked subjects, the best first, and behind them those that cannot be ranked.
    pub servers: Vec<Row>,
    /// Floors.
    pub floors: Vec<Row>,
    /// What is promised of the servers, and what they did.
    pub targets: Vec<Held>,
    /// What went wrong, trial by trial.
    pub failures: Vec<Failure>,
}

/// One subject in one suite.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Row {
    /// The subject.
    pub subject: String,
    /// Its fast path: on, off, or empty where there is none.
    pub fast_path: String,
    /// The wire that it speaks.
    pub wire: String,
    /// Its place, from 1; absent when it is not ranked.
    pub rank: Option<usize>,
    /// What it is beside the row above, in the metric that ranks.
    pub beside_above: Option<Verdict>,
    /// How many times worse it is than the best in the metric that ranks; absent when not ranked.
    pub ratio_to_best: Option<Ratio>,
    /// Trials that were to be made.
    pub trials_made: usize,
    /// Trials that were measured.
    pub trials_measured: usize,
    /// Trials that were not made, because the server had not got ready twice in a row.
    pub trials_skipped: usize,
    /// Measured trials whose rate and latencies hold, at least roughly.
    pub trials_rate_holds: usize,
    /// Measured trials whose CPU time holds, at least roughly.
    pub trials_cpu_holds: usize,
    /// Of an open loop: whether it kept up with the planned rate in every trial.
    pub kept_up: bool,
    /// Numbers of the trials whose rate or CPU time lies far from the others. They count all the
    /// same.
    pub outliers: Vec<u32>,
    /// Right answers in the windows of all its trials.
    pub calls: u64,
    /// Errors in the windows of all its trials.
    pub errors: u64,
    /// Errors in the warm-ups and at the ends of the sessions of all its trials.
    pub errors_around: u64,
    /// Trials whose server did not end well.
    pub exits_unclean: u64,
    /// The metrics that it has, each over the trials in which it holds; if there are none, over all
    /// that were measured.
    pub figures: BTreeMap<Metric, f64>,
    /// How far rate and latencies hold.
    #[serde(skip)]
    pub(crate) rate: Validity,
    /// How far CPU time per call holds.
    #[serde(skip)]
    pub(crate) cpu: Validity,
}

/// Something that went wrong.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// The subject.
    pub subject: String,
    /// The trial, from 1.
    pub trial: u32,
    /// How the trial ended.
    pub status: Status,
    /// What was seen.
    pub text: String,
}

/// A warning, and the trials that have it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Doubt"))]
pub struct WarningCount {
    /// The warning.
    pub warning: Warning,
    /// Trials that have it.
    pub trials: usize,
    /// Trials of the run.
    pub of: usize,
}

impl Report {
    /// Reads a recorded run.
    ///
    /// # Errors
    /// [`FormatError`] when a file of the folder is missing or damaged.
    pub fn read(folder: &RunFolder) -> Result<Self, FormatError> {
        Self::of(&Dataset::read(folder.clone())?)
    }

    /// The report of a run.
    ///
    /// # Errors
    /// [`FormatError`] when a file of the folder is missing or damaged.
    pub(crate) fn of(run: &Dataset) -> Result<Self, FormatError> {
        let mut least_told = Vec::new();
        let suites = run.suites.iter();
        let suites = suites.map(|(name, suite)| suite_table(run, name, suite, &mut least_told));
        let suites = suites.collect::<Result<Vec<_>, _>>()?;
        let bound = run.environment.capacity;
        let experiments = run.folder.read_experiments()?;
        let found = crate::results::capacity::read(&run.folder.capacities())?;
        let subjects = run.subjects.subject.iter();
        Ok(Self {
            run: run.run.clone(),
            environment: run.environment.clone(),
            steadiness: Steadiness::of(run, &mut least_told),
            marks: bounds::judge(&experiments, run)?,
            levers: experiments::weigh(&experiments, run)?,
            replay: replay::answers(&run.folder.read_replayed()?, run)?,
            capacities: bound.map_or_else(Vec::new, |bound| capacities(bound, run, &found)),
            notes: subjects
                .filter_map(|(name, subject)| Some((name.clone(), subject.note.clone()?)))
                .collect(),
            warnings: warnings(run, &suites),
            suites,
        })
    }

    /// The targets of all suites.
    pub fn targets(&self) -> impl Iterator<Item = &Held> {
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
    let count = |warning: Warning| {
        let trials = run.trials.iter();
        trials
            .filter(|trial| trial.warnings().contains(&warning))
            .count()
    };
    let few = suites.iter().flat_map(|table| {
        let rows = table.servers.iter().chain(&table.floors);
        rows.filter(|row| row.rests_on_few(table.ranked_by))
            .map(|row| row.trials_measured)
    });
    let few = (Warning::FewTrials, few.sum());
    let all = Warning::ALL
        .iter()
        .map(|warning| (*warning, count(*warning)));
    let all = all
        .filter(|(warning, _)| *warning != Warning::FewTrials)
        .chain([few]);
    let doubt = |(warning, trials)| WarningCount {
        warning,
        trials,
        of: run.trials.len(),
    };
    all.filter(|(_, trials)| *trials > 0).map(doubt).collect()
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
    let ranked_by = rank(
        run,
        name,
        &mut servers,
        definition.load.rate_per_s.is_some(),
    );
    let ratios = servers
        .windows(2)
        .filter(|pair| pair.iter().all(|row| row.rank.is_some()));
    let pairs: Vec<(&str, &str)> = ratios
        .map(|pair| (pair[1].subject.as_str(), pair[0].subject.as_str()))
        .collect();
    let neighbours = run.ratios(ranked_by, name, &pairs).into_iter().flatten();
    least_told.extend(neighbours.filter_map(|one| Threshold::default().least_told(&one.ratio())));
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
/// trial whose rate holds (the client was saturated in all, say), or all have the planned rate of an
/// open loop, they are ranked by the server's CPU time per call.
fn rank(run: &Dataset, suite: &str, rows: &mut [Row], is_open_loop: bool) -> Metric {
    let can_be_ranked = |row: &&Row| row.is_right() && (!is_open_loop || row.kept_up);
    let mut ranked: Vec<&Row> = rows.iter().filter(can_be_ranked).collect();
    let have = |metric| ranked.iter().all(|row| row.figures.contains_key(&metric));
    let is_by_rate = !is_open_loop && ranked.iter().all(|row| row.rate.is_usable());
    let by_cpu = !is_by_rate && have(Metric::CpuUsPerCall);
    let metric = if by_cpu {
        Metric::CpuUsPerCall
    } else {
        Metric::CallsPerS
    };
    let cost = |row: &Row| {
        let value = row.figures.get(&metric).copied();
        match metric.better() {
            Better::Less => value.unwrap_or(f64::INFINITY),
            Better::More => 1.0 / value.unwrap_or(f64::MIN_POSITIVE),
        }
    };
    ranked.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let names: Vec<&str> = ranked.iter().map(|row| row.subject.as_str()).collect();
    // Each beside the best and beside the one above, as how many times worse it is.
    let worse = |of: usize, other: usize| match metric.better() {
        Better::Less => (names[of], names[other]),
        Better::More => (names[other], names[of]),
    };
    let pairs =
        (0..names.len()).flat_map(|place| [worse(place, 0), worse(place, place.max(1) - 1)]);
    let found = run.ratios(metric, suite, &pairs.collect::<Vec<_>>());
    let mut places = BTreeMap::new();
    for (index, row) in ranked.iter().enumerate() {
        let above = ranked.get(index.wrapping_sub(1));
        let of = |row: &Row| match metric {
            Metric::CallsPerS => row.rate,
            _ => row.cpu,
        };
        let validity = above.map_or(Validity::Holds, |above| of(row).max(of(above)));
        let threshold = Threshold::default().at_least(validity.least_difference());
        let ratio = |place: usize| found.get(place).cloned().flatten().map(|one| one.ratio());
        // Costs, whichever way the metric is better.
        let judge = |ratio: Ratio| threshold.judge(&ratio, Better::Less);
        let beside = above.map(|_| ratio(2 * index + 1).map_or(Verdict::Unknown, judge));
        let to_best = cost(row) / cost(ranked[0]);
        let to_best = ratio(2 * index).map(|found| about(to_best, found));
        places.insert(row.subject.clone(), (index + 1, beside, to_best));
    }
    for row in rows.iter_mut() {
        if let Some((rank, beside, to_best)) = places.remove(&row.subject) {
            (row.rank, row.beside_above, row.ratio_to_best) = (Some(rank), beside, to_best);
        }
    }
    rows.sort_by_key(|row| row.rank.unwrap_or(usize::MAX));
    metric
}

#[cfg(test)]
mod tests {
    use super::{Row, SuiteTable, suite_table};
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
        let place = |row: &Row| (row.rank, row.subject.clone());
        let names = table
            .servers
            .iter()
            .map(|row| (row.subject.as_str(), place(row).0));
        names.collect()
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

//! The report for people: what it was made on and how, a table for each suite, what went wrong,
//! what is doubtful. As CSV: a row for each suite and subject.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::table::{Cell, Style, Table};
use crate::analysis::metric::Metric;
use crate::analysis::summary::{Failure, Report, Row, Steadiness, SuiteTable};
use crate::analysis::{bounds, capacity, experiments, targets};
use crate::config::load::Load;
use crate::config::matrix::Point;
use crate::config::template::text_of;
use crate::results::environment::{Environment, Machine, State};
use crate::stats::{Threshold, Verdict};

/// Writing into a string does not fail, so its results carry nothing.
macro_rules! say {
    ($text:expr, $($arguments:tt)*) => {
        let _ = writeln!($text, $($arguments)*);
    };
}

/// A column of the tables of suites.
enum Column {
    /// What is known of a subject besides metrics: key, head, and cell.
    Of(&'static str, &'static str, fn(&Row) -> Cell),
    /// A metric.
    Is(Metric),
}

/// The columns of a suite's table, the first three flush left.
const COLUMNS: [Column; 11] = [
    Column::Of("rank", "rank", rank),
    Column::Of("subject", "subject", |row| row.subject.as_str().into()),
    Column::Of("fast_path", "fast path", |row| {
        row.fast_path.as_str().into()
    }),
    Column::Is(Metric::CallsPerS),
    Column::Is(Metric::CpuUsPerCall),
    Column::Of("ratio_to_best", "ratio", |row| {
        Cell::number(row.ratio_to_best.map(|ratio| ratio.point), 2)
    }),
    Column::Of("ratio_interval", "95% interval", interval),
    Column::Is(Metric::P50Ms),
    Column::Is(Metric::P99Ms),
    Column::Of("errors", "errors", |row| {
        (row.errors + row.errors_around).to_string().into()
    }),
    Column::Of("valid", "valid", |row| valid(row).into()),
];

/// The columns of the second table, which is in report.md only.
const MORE_COLUMNS: [Column; 8] = [
    Column::Of("subject", "subject", |row| row.subject.as_str().into()),
    Column::Is(Metric::P999Ms),
    Column::Is(Metric::LateP99Ms),
    Column::Is(Metric::JsonRpcPerS),
    Column::Is(Metric::HttpPerS),
    Column::Is(Metric::IterationsPerS),
    Column::Is(Metric::RssPeakMb),
    Column::Is(Metric::StartMs),
];

/// Metrics of a sweep's table, and those of sessions that end.
const SWEEP: [Metric; 4] = [
    Metric::CallsPerS,
    Metric::P50Ms,
    Metric::P99Ms,
    Metric::CpuUsPerCall,
];
const SESSIONS: [Metric; 4] = [
    Metric::IterationP50Ms,
    Metric::IterationBytesIn,
    Metric::IterationBytesOut,
    Metric::IterationTokens,
];

/// Below a table that has subjects on stdio and on other wires.
pub(crate) const WIRES_DIFFER: &str = "stdio beside HTTP: over stdio all clients share one pipe and many calls go in one write, over \
     HTTP each has a connection of its own. That is what the transports are, and it is not what the \
     servers do with a call. No floor here bounds stdio.";

const HOW_TO_READ: &str = "\
- fast path: whether the server answers calls itself (on) or leaves all to the official SDK (off); \
empty where there is no such choice.
- calls/s, CPU us/call: right answers a second, and processor time (user and system) of the server \
per right answer. Both come from a fit that takes out what all subjects of a round have in common \
(where subjects share no rounds: the median).
- p50, p99, p99.9: from the merged histograms. Closed loop: a client that waits asks nothing, so \
they are latencies at this load and not at a given rate.
- rank: `2=` is equal to the row above within 2% (10% where a figure holds roughly), of `2~` the \
readings cannot tell, of `2?` there is no interval (fewer than 3 trials).
- ratio: how many times worse than the best, in the metric that the table is ranked by, with an \
interval that holds the true ratio with a probability of 95%.
- errors: answers that were wrong or did not come, in the window, in the warm-up, and when the \
sessions were ended. A subject with errors, failed or skipped trials, a server that did not end \
well, and in an open loop one that fell behind is listed but not ranked.
- valid: each figure is taken from the trials in which it holds; the others are set aside and still \
recorded. `rate 2 of 3, CPU all` says that rates and latencies are those of two of three trials, \
and CPU per call that of all three. `CPU only` means that rates and latencies hold in no trial. If \
one ranked subject has no trial whose rate holds, the whole table is ranked by CPU per call. \
`roughly` widens the threshold of a verdict. `trial 4 far off` flags an outlier (modified z-score \
over 3.5); it counts all the same.
- The second table of a suite is in report.md only. JSON-RPC/s, HTTP/s, iterations/s: what else was \
sent in a second; an iteration is a whole session, where sessions end after so many calls. late p99: \
how long after they were due calls were sent. RSS peak: the most of any trial. start: until the \
ready line.
- Sweep: all suites of one file, value by value. Bytes and tokens are those of a whole session; \
tokens need the feature `tokens` of the harness.
- floor: fixed bytes without any protocol, what the layers below cost. Never ranked.
";

/// Draws the report.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    if style == Style::Csv {
        return csv(report);
    }
    let mut text = String::new();
    heading(&mut text, style, 1, &format!("Run {}", report.run));
    state(&mut text, &report.environment);
    steadiness(
        &mut text,
        &report.steadiness,
        report.environment.trials_done,
    );
    environment(&mut text, &report.environment);
    if !report.replay.is_empty() {
        heading(&mut text, style, 2, "Published claims");
        text.push_str(&super::replay::draw(&report.replay, style));
    }
    if !report.marks.is_empty() {
        heading(&mut text, style, 2, "Marks");
        text.push_str(&bounds::table(&report.marks, style));
    }
    if let Some(bound) = report.environment.capacity {
        heading(&mut text, style, 2, "Capacity");
        text.push_str(&capacity::table(bound, &report.capacities, style));
    } else if !report.levers.is_empty() {
        heading(&mut text, style, 2, "Levers");
        text.push_str(&experiments::table(&report.levers, style));
        heading(&mut text, style, 2, "All variants");
        text.push_str(&experiments::variants(&report.levers, style));
        failures(
            &mut text,
            report.suites.iter().flat_map(|table| &table.failures),
        );
    } else if report.suites.is_empty() {
        text.push_str("\nNo trial was finished.\n");
    } else {
        for table in &report.suites {
            heading(&mut text, style, 2, &table.suite);
            suite(&mut text, table, &report.notes, style);
        }
        for (name, steps) in sweeps(&report.suites) {
            heading(&mut text, style, 2, &format!("Sweep {name}"));
            text.push_str(&sweep(&steps, style));
        }
        heading(&mut text, style, 2, "How to read the tables");
        text.push_str(HOW_TO_READ);
    }
    if !report.warnings.is_empty() {
        heading(&mut text, style, 2, "Warnings");
    }
    for one in &report.warnings {
        let warning = one.warning;
        say!(
            text,
            "- {} of {} trials: {}; {}. Remedy: {}.",
            one.trials,
            one.of,
            warning.meaning(),
            warning.effect().words(),
            warning.remedy()
        );
    }
    text
}

/// A row for each suite and subject, with all metrics. Floors have no rank.
fn csv(report: &Report) -> String {
    let of_suite = |column: &&Column| matches!(column, Column::Of(..));
    let columns: Vec<&Column> = COLUMNS.iter().filter(of_suite).collect();
    let metrics: Vec<Column> = Metric::ALL.iter().copied().map(Column::Is).collect();
    let columns: Vec<&Column> = columns.into_iter().chain(&metrics).collect();
    let mut header = vec![("suite", "suite")];
    header.extend(columns.iter().map(|column| column.names()));
    let mut table = Table::keyed(&header, 0);
    for suite in &report.suites {
        for row in all_rows(suite) {
            let mut cells = vec![Cell::from(suite.suite.as_str())];
            cells.extend(columns.iter().map(|column| column.cell(row)));
            table.cells(cells);
        }
    }
    table.draw(Style::Csv)
}

impl Column {
    const fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Of(key, head, _) => (key, head),
            Self::Is(metric) => (metric.key(), metric.name()),
        }
    }

    fn cell(&self, row: &Row) -> Cell {
        match self {
            Self::Of(_, _, cell) => cell(row),
            Self::Is(metric) => row.figures.get(metric).copied().into(),
        }
    }
}

/// The place, marked where the row above is not told apart.
fn rank(row: &Row) -> Cell {
    let Some(rank) = row.rank else {
        return Cell::Missing;
    };
    format!("{rank}{}", row.beside_above.map_or("", mark)).into()
}

/// The mark of a place that is not told apart from the one above.
pub(crate) const fn mark(beside_above: Verdict) -> &'static str {
    match beside_above {
        Verdict::Faster | Verdict::Slower => "",
        Verdict::Equal => "=",
        Verdict::CannotTell => "~",
        Verdict::Unknown => "?",
    }
}

fn interval(row: &Row) -> Cell {
    let ends = row.ratio_to_best.and_then(|ratio| ratio.interval);
    ends.map_or(Cell::Missing, |ends| {
        format!("{:.2}..{:.2}", ends.low, ends.high).into()
    })
}

/// Which figures hold, in how many of the measured trials where it is not in all, and how many
/// trials are missing.
pub(crate) fn valid(row: &Row) -> String {
    let of = |holding: usize| {
        if holding == row.trials_measured {
            String::new()
        } else {
            format!(" {holding} of {}", row.trials_measured)
        }
    };
    let (of_rate, of_cpu) = (of(row.trials_rate_holds), of(row.trials_cpu_holds));
    let mut text = match (
        row.trials_measured,
        row.rate.is_usable(),
        row.cpu.is_usable(),
    ) {
        (0, ..) => "none".to_owned(),
        (_, true, true) if of_rate.is_empty() && of_cpu.is_empty() => "yes".to_owned(),
        (_, true, true) if of_rate == of_cpu => of_rate.trim_start().to_owned(),
        (_, true, true) if of_cpu.is_empty() => format!("rate{of_rate}, CPU all"),
        (_, true, true) => format!("rate{of_rate}, CPU{of_cpu}"),
        (_, false, true) => format!("CPU only{of_cpu}"),
        (_, true, false) => format!("rate only{of_rate}"),
        (_, false, false) => "no".to_owned(),
    };
    if [row.rate, row.cpu].contains(&crate::results::warning::Validity::Roughly) {
        text.push_str(", roughly");
    }
    let failed = row.trials_made - row.trials_measured - row.trials_skipped;
    for (count, what) in [(failed, "failed"), (row.trials_skipped, "skipped")] {
        if count > 0 {
            let _ = write!(text, ", {count} of {} trials {what}", row.trials_made);
        }
    }
    if row.exits_unclean > 0 {
        let _ = write!(text, ", {} unclean exits", row.exits_unclean);
    }
    if !row.kept_up {
        text.push_str(", FELL BEHIND");
    }
    if !row.outliers.is_empty() {
        let rounds: Vec<String> = row.outliers.iter().map(ToString::to_string).collect();
        let _ = write!(text, ", trial {} far off", rounds.join(" and "));
    }
    text
}

fn all_rows(table: &SuiteTable) -> impl Iterator<Item = &Row> {
    table.servers.iter().chain(&table.floors)
}

/// Draws the tables of a suite and what belongs to them.
fn suite(text: &mut String, table: &SuiteTable, notes: &BTreeMap<String, String>, style: Style) {
    asked(text, table);
    let mut shown: Vec<&str> = Vec::new();
    let draw = |columns: &[Column], left, edit: &mut dyn FnMut(&Row, &mut Vec<Cell>)| {
        let header: Vec<_> = columns.iter().map(Column::names).collect();
        let mut drawn = Table::keyed(&header, left);
        for row in all_rows(table) {
            let mut cells = columns.iter().map(|column| column.cell(row)).collect();
            edit(row, &mut cells);
            drawn.cells(cells);
        }
        drawn.draw(style)
    };
    let first = draw(&COLUMNS, 3, &mut |row, cells| {
        if table
            .floors
            .iter()
            .any(|floor| floor.subject == row.subject)
        {
            cells[0] = "floor".into();
        }
        if let Some(note) = notes.get(&row.subject) {
            let at = shown.iter().position(|one| one == note).unwrap_or_else(|| {
                shown.push(note);
                shown.len() - 1
            });
            cells[1] = format!("{} [{}]", row.subject, at + 1).into();
        }
    });
    text.push_str(&first);
    for (index, note) in shown.iter().enumerate() {
        say!(text, "\n[{}] {note}.", index + 1);
    }
    let has = |is_stdio: bool| all_rows(table).any(|row| (row.wire == "stdio") == is_stdio);
    if has(true) && has(false) {
        say!(text, "\n{WIRES_DIFFER}");
    }
    // On a terminal thirty rows are enough to look at once.
    if style == Style::Markdown {
        let more = draw(&MORE_COLUMNS, 1, &mut |_, _| ());
        say!(text, "\n{}", more.trim_end());
    }
    if !table.targets.is_empty() {
        text.push_str("\nTargets:\n\n");
        text.push_str(&targets::table(&table.targets, style));
    }
    failures(text, table.failures.iter());
}

/// How the suite was asked, and what ranks.
fn asked(text: &mut String, table: &SuiteTable) {
    let definition = &table.definition;
    let load = &definition.load;
    let rule = rule(table);
    say!(
        text,
        "{} Tool `{}`, {}, {}.\n{rule}\n",
        definition.description,
        definition.label(),
        shape(load),
        windows(load),
    );
}

/// What the ranks of a table go by, in a sentence.
pub(crate) fn rule(table: &SuiteTable) -> &'static str {
    match table.ranked_by {
        Metric::CpuUsPerCall if table.definition.load.rate_per_s.is_some() => {
            "Ranked by server CPU per call: in an open loop all have the rate that was planned."
        }
        Metric::CpuUsPerCall => {
            "Ranked by server CPU per call: at least one subject has no trial whose rate holds (see \
             valid)."
        }
        _ => "Ranked by calls a second.",
    }
}

/// The windows of a subject, in words.
pub(crate) fn windows(load: &Load) -> String {
    if load.slices() > 0 {
        return format!(
            "{} processes of {} slices of {} s",
            load.processes(),
            load.slices(),
            load.slice_s()
        );
    }
    format!(
        "window {} s after {} s of warm-up, trials: {}",
        load.duration_s(),
        load.warmup_s(),
        load.trials()
    )
}

/// The loop and its clients, in words.
pub(crate) fn shape(load: &Load) -> String {
    let mut text = match load.rate_per_s {
        Some(rate) => format!(
            "open loop of {rate} calls/s ({}), up to {} clients",
            load.arrivals(),
            load.clients()
        ),
        None => format!("closed loop, {} clients", load.clients()),
    };
    let mut say = |more: String| {
        text.push_str(", ");
        text.push_str(&more);
    };
    if load.think_time_ms() > 0.0 {
        say(format!("think time {} ms", load.think_time_ms()));
    }
    if load.iteration_pause_ms() > 0.0 {
        say(format!(
            "{} ms between iterations",
            load.iteration_pause_ms()
        ));
    }
    if load.ramp_s() > 0.0 || load.ramp_down_s() > 0.0 {
        let (up, down) = (load.ramp_s(), load.ramp_down_s());
        say(format!("ramps of {up} s and {down} s"));
    }
    if load.latency_after_s() > 0.0 {
        say(format!(
            "latencies from {} s of the window on",
            load.latency_after_s()
        ));
    }
    if let Some(connections) = load.connections {
        say(format!("{connections} connections"));
    }
    if let Some(calls) = load.calls_per_session {
        say(format!("{calls} calls per session"));
    }
    if load.round_trip_ms() > 0.0 {
        say(format!(
            "{} ms added to each round trip",
            load.round_trip_ms()
        ));
    }
    if load.threads() > 1 {
        say(format!("{} load threads", load.threads()));
    }
    text
}

/// What went wrong, if anything did.
fn failures<'f>(text: &mut String, failures: impl Iterator<Item = &'f Failure>) {
    let mut failures = failures.peekable();
    if failures.peek().is_none() {
        return;
    }
    text.push_str("\nWhat went wrong:\n\n");
    for failure in failures {
        let status = match serde_json::to_value(failure.status) {
            Ok(serde_json::Value::String(status)) => status,
            _ => String::new(),
        };
        // Indented below its list item, so that lines of a dead server stay lines in Markdown too.
        let detail = failure.text.lines().collect::<Vec<_>>().join("\n      ");
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "- {}, trial {} ({status}):\n\n      {detail}\n",
            failure.subject, failure.trial
        );
    }
}

/// The sweeps of a run, by name: their suites in the order of their values.
fn sweeps(suites: &[SuiteTable]) -> BTreeMap<&str, Vec<(&Point, &SuiteTable)>> {
    let mut found: BTreeMap<&str, Vec<(&Point, &SuiteTable)>> = BTreeMap::new();
    for table in suites {
        if let Some(step) = &table.definition.point {
            found.entry(&step.sweep).or_default().push((step, table));
        }
    }
    for steps in found.values_mut() {
        steps.sort_by_key(|(step, _)| step.number);
    }
    found
}

/// The table of a sweep, subject by subject.
fn sweep(steps: &[(&Point, &SuiteTable)], style: Style) -> String {
    let rows = || steps.iter().flat_map(|(_, table)| all_rows(table));
    let has_sessions = rows().any(|row| row.figures.contains_key(&Metric::IterationP50Ms));
    let mut columns: Vec<Column> = SWEEP.map(Column::Is).into();
    columns.push(Column::Of("errors", "errors", |row| {
        (row.errors + row.errors_around).to_string().into()
    }));
    columns.push(Column::Of("valid", "valid", |row| valid(row).into()));
    columns.extend(
        SESSIONS
            .into_iter()
            .filter(|_| has_sessions)
            .map(Column::Is),
    );
    let mut header: Vec<(&str, &str)> = vec![("subject", "subject")];
    let keys = steps.first().map_or(&[][..], |(step, _)| &step.keys);
    header.extend(keys.iter().map(|key| (key.as_str(), key.as_str())));
    header.extend(
        columns
            .iter()
            .map(|column| -> (&str, &str) { column.names() }),
    );
    let mut table = Table::keyed(&header, 1);
    let subjects: BTreeSet<&str> = rows().map(|row| row.subject.as_str()).collect();
    for subject in subjects {
        for (step, suite) in steps {
            if let Some(row) = all_rows(suite).find(|row| row.subject == subject) {
                let mut cells = vec![Cell::from(subject)];
                cells.extend(step.values.iter().map(|value| text_of(value).into()));
                cells.extend(columns.iter().map(|column| column.cell(row)));
                table.cells(cells);
            }
        }
    }
    table.draw(style)
}

/// How steady the machine was, and what the run could have told.
fn steadiness(text: &mut String, found: &Steadiness, trials: u64) {
    let percent = |share: Option<f64>| {
        share.map_or("not known".to_owned(), |share| {
            format!("{:.1}%", share * 100.0)
        })
    };
    say!(
        text,
        "- steadiness: rounds {} (drift that all subjects shared, taken out), readings {}, steal up to \
         {}, other load in {} of {trials} trials",
        percent(found.rounds),
        percent(found.readings),
        percent(found.steal),
        found.trials_with_other_load
    );
    match found.least_told {
        Some(least) => {
            say!(
                text,
                "- smallest difference that this run could have told: {:.1}% (median over the \
                 neighbours of its tables, beyond a threshold of {})",
                least * 100.0,
                Threshold::default()
            );
        }
        None => {
            say!(
                text,
                "- smallest difference that this run could have told: not known (it takes two ranked \
                 subjects and 3 trials)"
            );
        }
    }
}

fn heading(text: &mut String, style: Style, level: usize, title: &str) {
    match style {
        Style::Markdown => {
            let before = if level == 1 { "" } else { "\n" };
            say!(text, "{before}{} {title}\n", "#".repeat(level));
        }
        Style::Text | Style::Csv => {
            let before = if level == 1 { "" } else { "\n" };
            say!(
                text,
                "{before}{title}\n{}\n",
                "=".repeat(title.chars().count())
            );
        }
    }
}

fn state(text: &mut String, environment: &Environment) {
    let done = format!(
        "{} of {} trials",
        environment.trials_done, environment.trials_planned
    );
    match environment.state {
        State::Complete if environment.trials_done == environment.trials_planned => {
            say!(text, "Complete: {done}.\n");
        }
        State::Complete => {
            say!(
                text,
                "Complete: {done}; the others were left out, see what went wrong.\n"
            );
        }
        State::Interrupted => {
            say!(
                text,
                "INTERRUPTED after {done}: the tables hold what was measured until then.\n"
            );
        }
        State::Running => {
            say!(
                text,
                "NOT FINISHED: {done}. The run is still under way, or was killed; the tables hold what was measured \
                 until now.\n"
            );
        }
        State::Failed => {
            say!(text, "FAILED after {done}: {}\n", environment.failure);
        }
    }
}

fn environment(text: &mut String, environment: &Environment) {
    let or = |value: &str, instead: &str| {
        if value.is_empty() {
            instead.to_owned()
        } else {
            value.to_owned()
        }
    };
    machine(text, &environment.machine);
    let list = |cores: &[usize]| {
        let texts: Vec<String> = cores.iter().map(ToString::to_string).collect();
        texts.join(",")
    };
    say!(
        text,
        "- cores: server {}, load and services {}",
        list(&environment.server_cores),
        list(&environment.load_cores)
    );
    if let Some(limits) = &environment.server_limits {
        let cores = limits
            .cpu_milli
            .map(|milli| format!("{} cores", milli as f64 / 1e3));
        let memory = limits
            .memory_bytes
            .map(|bytes| format!("{:.1} GB", bytes as f64 / 1e9));
        let all: Vec<String> = cores.into_iter().chain(memory).collect();
        say!(
            text,
            "- limits of the server: {}, by {}",
            all.join(", "),
            limits.by
        );
    }
    let source = &environment.source;
    let dirty = if source.dirty {
        " with uncommitted changes"
    } else {
        ""
    };
    say!(
        text,
        "- source: commit {}{dirty}, {}, profile {}, harness {}",
        or(&source.commit, "none"),
        source.rustc,
        environment.profile,
        environment.harness_version
    );
    say!(
        text,
        "- time: {} to {}{}, order seed {}",
        environment.started,
        or(&environment.ended, "?"),
        resumed(&environment.resumed),
        environment.seed
    );
    say!(text, "- command: `{}`", environment.command.join(" "));
}

/// When the run was continued, where it was.
fn resumed(times: &[String]) -> String {
    if times.is_empty() {
        String::new()
    } else {
        format!(" (continued at {})", times.join(", "))
    }
}

fn machine(text: &mut String, machine: &Machine) {
    let governor = if machine.governor.is_empty() {
        "unknown"
    } else {
        &machine.governor
    };
    let boost = match machine.boost {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    };
    let kernel: Vec<&str> = machine.kernel.split(' ').take(2).collect();
    say!(
        text,
        "- machine: {}, {} usable cores, {:.1} GB memory, {}, {}, governor {governor}, \
         boost {boost}, clock {}",
        machine.cpu_model,
        machine.cores_usable,
        machine.memory_bytes as f64 / 1e9,
        machine.os,
        kernel.join(" "),
        machine.clock_source
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::valid;
    use crate::analysis::summary::Row;
    use crate::results::warning::Validity;

    #[test]
    fn valid_says_what_was_set_aside_and_what_is_missing() {
        let shown = |rate: usize, cpu: usize, measured: usize, skipped: usize| {
            let validity = |holding| match holding {
                0 => Validity::DoesNotHold,
                _ => Validity::Holds,
            };
            valid(&Row {
                subject: "a".to_owned(),
                fast_path: String::new(),
                wire: "http".to_owned(),
                rank: None,
                beside_above: None,
                ratio_to_best: None,
                trials_made: 3,
                trials_measured: measured,
                trials_skipped: skipped,
                trials_rate_holds: rate,
                trials_cpu_holds: cpu,
                kept_up: true,
                outliers: if cpu == 1 { vec![2, 5] } else { Vec::new() },
                calls: 3,
                errors: 0,
                errors_around: 0,
                exits_unclean: 0,
                figures: BTreeMap::new(),
                rate: validity(rate),
                cpu: if cpu == 2 {
                    Validity::Roughly
                } else {
                    validity(cpu)
                },
            })
        };
        assert_eq!(shown(3, 3, 3, 0), "yes");
        assert_eq!(shown(2, 2, 3, 0), "2 of 3, roughly");
        assert_eq!(shown(2, 3, 3, 0), "rate 2 of 3, CPU all");
        assert_eq!(shown(0, 3, 3, 0), "CPU only");
        assert_eq!(shown(0, 0, 3, 0), "no");
        assert_eq!(
            shown(1, 1, 1, 2),
            "yes, 2 of 3 trials skipped, trial 2 and 5 far off"
        );
        assert_eq!(
            shown(0, 0, 0, 1),
            "none, 2 of 3 trials failed, 1 of 3 trials skipped"
        );
    }
}

//! The report of a run: what it was made on and how, a table for each suite, what went wrong, what
//! is doubtful. Programs read one table with a row for each suite and subject.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::findings::ratio_columns;
use super::replay;
use super::table::{Cell, Columns, Document, Style, Table};
use crate::analysis::metric::Metric;
use crate::analysis::ranking::{WIRES_DIFFER, mixes_stdio};
use crate::analysis::summary::{Failure, Report, Row, Steadiness, SuiteTable, WarningCount};
use crate::analysis::{capacity, experiments, targets};
use crate::config::load::Load;
use crate::config::matrix::Point;
use crate::config::template::text_of;
use crate::results::environment::{Environment, State};
use crate::results::warning::Validity;
use crate::stats::{Threshold, Verdict};

/// A row of a table, and where it stands.
#[derive(Clone, Copy)]
struct Line<'r> {
    suite: &'r SuiteTable,
    row: &'r Row,
    is_floor: bool,
    /// The number of the note below the table.
    note: Option<usize>,
}

/// Metrics of the second table, which is in report.md only.
const MORE: [Metric; 7] = [
    Metric::P999Ms,
    Metric::LateP99Ms,
    Metric::JsonRpcPerS,
    Metric::HttpPerS,
    Metric::IterationsPerS,
    Metric::RssPeakMb,
    Metric::StartMs,
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
pub(crate) fn render(report: &Report, style: Style) -> String {
    let mut document = Document::default();
    document.heading(1, &format!("Run {}", report.run));
    document.say(state(&report.environment));
    document.say(steadiness(
        &report.steadiness,
        report.environment.trials_done,
    ));
    document.say(environment(&report.environment));
    document.fact("run", &report.run);
    document.fact("environment", &report.environment);
    document.fact("steadiness", &report.steadiness);
    document.fact("replay", &report.replay);
    if !report.replay.is_empty() {
        document.heading(2, "Published claims");
        replay::tell(&mut document, &report.replay);
    }
    let bounds = experiments::bounds(&report.bounds);
    document.fact("bounds", &bounds);
    if !report.bounds.is_empty() {
        document.heading(2, "Bounds");
        document.table_for_people(bounds);
    }
    let compared = experiments::table(&report.experiments);
    let variants = experiments::variants(&report.experiments);
    document.fact("experiments", &compared);
    document.fact("variants", &variants);
    let capacities = capacity::table(&report.capacities);
    document.fact("capacities", &capacities);
    let failures = report.suites.iter().flat_map(|table| &table.failures);
    if let Some(bound) = report.environment.capacity {
        document.heading(2, "Capacity");
        document.table_for_people(capacities);
        document.say(capacity::meaning(bound));
    } else if !report.experiments.is_empty() {
        document.heading(2, "Experiments");
        document.table_for_people(compared);
        document.heading(2, "All variants");
        document.table_for_people(variants);
        document.say(went_wrong(failures));
    } else if report.suites.is_empty() {
        document.say("\nNo trial was finished.\n");
    } else {
        tables(&mut document, report, style);
    }
    for_programs(&mut document, report);
    if !report.warnings.is_empty() {
        document.heading(2, "Warnings");
    }
    document.say(report.warnings.iter().map(warning).collect::<String>());
    document.draw(style)
}

/// A row for each suite and subject, with all metrics; and what else programs read of suites.
fn for_programs(document: &mut Document, report: &Report) {
    let suite = |table: &SuiteTable| {
        json!({
            "suite": table.suite,
            "definition": table.definition,
            "ranked_by": table.ranked_by,
        })
    };
    let beside = |row: &Row| Cell::shown(row.beside_above.map(Verdict::name), "");
    let counts = Columns::<Row>::new()
        .count("trials_made", "", |row| row.trials_made as u64)
        .count("trials_measured", "", |row| row.trials_measured as u64)
        .count("trials_skipped", "", |row| row.trials_skipped as u64)
        .count("trials_rate_holds", "", |row| row.trials_rate_holds as u64)
        .count("trials_cpu_holds", "", |row| row.trials_cpu_holds as u64)
        .flag("kept_up", |row| row.kept_up)
        .count("calls", "", |row| row.calls)
        .count("exits_unclean", "", |row| row.exits_unclean);
    let about =
        Columns::<Row>::new()
            .text("wire", "", |row| &row.wire)
            .add("beside_above", "", beside);
    let columns = Columns::<Line<'_>>::new()
        .text("suite", "", |line| &line.suite.suite)
        .text(
            "role",
            "",
            |line| if line.is_floor { "floor" } else { "server" },
        )
        .with(names())
        .with(
            about
                .with(ratio())
                .with(doubts())
                .with(counts)
                .of(|line| line.row),
        )
        .with(metrics(Metric::ALL.iter().copied()).of(|line| line.row));
    let lines = report
        .suites
        .iter()
        .flat_map(|suite| lines(suite, &report.notes));
    document.table_for_programs("rows", Table::of(&columns, 0, &lines.collect::<Vec<_>>()));
    document.fact(
        "suites",
        report.suites.iter().map(suite).collect::<Vec<_>>(),
    );
    let targets: Vec<_> = report.targets().cloned().collect();
    document.fact("targets", targets::table(&targets));
    let of_suite = |suite: &SuiteTable| {
        suite
            .failures
            .iter()
            .map(|one| failure(suite, one))
            .collect()
    };
    let failures: Vec<Vec<_>> = report.suites.iter().map(of_suite).collect();
    document.fact("failures", failures.concat());
    document.fact("notes", &report.notes);
    let warning =
        |one: &WarningCount| json!({ "warning": one.warning, "trials": one.trials, "of": one.of });
    document.fact(
        "warnings",
        report.warnings.iter().map(warning).collect::<Vec<_>>(),
    );
}

fn failure(suite: &SuiteTable, one: &Failure) -> serde_json::Value {
    json!({
        "suite": suite.suite,
        "subject": one.subject,
        "trial": one.trial,
        "status": one.status,
        "text": one.text,
    })
}

fn metrics<'c>(metrics: impl IntoIterator<Item = Metric>) -> Columns<'c, Row> {
    metrics.into_iter().fold(Columns::new(), |columns, metric| {
        let figure = move |row: &Row| row.figures.get(&metric).copied();
        columns.figure(metric.key(), metric.name(), figure)
    })
}

/// The first columns of a suite's table.
fn names<'c>() -> Columns<'c, Line<'c>> {
    let subject = |line: &Line<'_>| {
        let name = &line.row.subject;
        let noted = line.note.map(|note| format!("{name} [{note}]"));
        Cell::shown(name.as_str(), noted.unwrap_or_else(|| name.clone()))
    };
    Columns::new()
        .add("rank", "rank", rank)
        .add("subject", "subject", subject)
        .text("fast_path", "fast path", |line| &line.row.fast_path)
}

fn ratio<'c>() -> Columns<'c, Row> {
    ratio_columns("ratio", 2, |row| row.ratio_to_best)
}

/// The last columns of a suite's table.
fn doubts<'c>() -> Columns<'c, Row> {
    Columns::<Row>::new()
        .count("errors", "errors", |row| row.errors + row.errors_around)
        .add("valid", "valid", |row| valid(row).into())
}

/// The place, marked for people where the row above is not told apart.
fn rank(line: &Line<'_>) -> Cell {
    let row = line.row;
    let marked = |rank| format!("{rank}{}", row.beside_above.map_or("", mark));
    match row.rank.map(marked) {
        Some(marked) => Cell::shown(row.rank, marked),
        None if line.is_floor => Cell::shown(row.rank, "floor"),
        None => Cell::shown(row.rank, "-"),
    }
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
    if [row.rate, row.cpu].contains(&Validity::Roughly) {
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

/// The rows of a suite, floors behind the servers. Subjects with the same note share its number.
fn lines<'r>(suite: &'r SuiteTable, notes: &BTreeMap<String, String>) -> Vec<Line<'r>> {
    let mut shown: Vec<&String> = Vec::new();
    let line = |row: &'r Row| Line {
        suite,
        row,
        is_floor: suite
            .floors
            .iter()
            .any(|floor| floor.subject == row.subject),
        note: notes.get(&row.subject).map(|note| {
            if !shown.contains(&note) {
                shown.push(note);
            }
            shown.iter().take_while(|one| **one != note).count() + 1
        }),
    };
    suite
        .servers
        .iter()
        .chain(&suite.floors)
        .map(line)
        .collect()
}

/// The tables of all suites and sweeps.
fn tables(document: &mut Document, report: &Report, style: Style) {
    for table in &report.suites {
        document.heading(2, &table.suite);
        document.say(asked(table));
        suite(document, table, &report.notes, style);
    }
    for (name, steps) in sweeps(&report.suites) {
        document.heading(2, &format!("Sweep {name}"));
        document.table_for_people(sweep(&steps));
    }
    document.heading(2, "How to read the tables");
    document.say(HOW_TO_READ);
}

/// The tables of a suite and what belongs to them.
fn suite(
    document: &mut Document,
    table: &SuiteTable,
    notes: &BTreeMap<String, String>,
    style: Style,
) {
    let lines = lines(table, notes);
    let figures = metrics([Metric::CallsPerS, Metric::CpuUsPerCall]).with(ratio());
    let figures = figures
        .with(metrics([Metric::P50Ms, Metric::P99Ms]))
        .with(doubts());
    let columns = names().with(figures.of(|line| line.row));
    document.table_for_people(Table::of(&columns, 3, &lines));
    let numbered: BTreeMap<usize, &String> = (lines.iter())
        .filter_map(|line| Some((line.note?, notes.get(&line.row.subject)?)))
        .collect();
    for (number, note) in numbered {
        document.say(format!("\n[{number}] {note}.\n"));
    }
    if mixes_stdio(lines.iter().map(|line| line.row.wire.as_str())) {
        document.say(format!("\n{WIRES_DIFFER}\n"));
    }
    // On a terminal thirty rows are enough to look at once.
    if style == Style::Markdown {
        let columns = Columns::<Row>::new().text("subject", "subject", |row| &row.subject);
        let rows = lines.iter().map(|line| line.row);
        document.say("\n");
        document.table_for_people(Table::of(&columns.with(metrics(MORE)), 1, rows));
    }
    if !table.targets.is_empty() {
        document.say("\nTargets:\n\n");
        document.table_for_people(targets::table(&table.targets));
    }
    document.say(went_wrong(table.failures.iter()));
}

/// How the suite was asked, and what ranks.
fn asked(table: &SuiteTable) -> String {
    let definition = &table.definition;
    let load = &definition.load;
    let rule = rule(table);
    format!(
        "{} Tool `{}`, {}, {}.\n{rule}\n\n",
        definition.description,
        definition.label(),
        shape(load),
        windows(load),
    )
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
    let (clients, arrivals) = (load.clients(), load.arrivals());
    let (think_ms, trip_ms) = (load.think_time_ms(), load.round_trip_ms());
    let (pause_ms, after_s) = (load.iteration_pause_ms(), load.latency_after_s());
    let (up_s, down_s) = (load.ramp_s(), load.ramp_down_s());
    let parts = [
        Some(load.rate_per_s.map_or_else(
            || format!("closed loop, {clients} clients"),
            |rate| format!("open loop of {rate} calls/s ({arrivals}), up to {clients} clients"),
        )),
        (think_ms > 0.0).then(|| format!("think time {think_ms} ms")),
        (pause_ms > 0.0).then(|| format!("{pause_ms} ms between iterations")),
        (up_s > 0.0 || down_s > 0.0).then(|| format!("ramps of {up_s} s and {down_s} s")),
        (after_s > 0.0).then(|| format!("latencies from {after_s} s of the window on")),
        load.connections.map(|count| format!("{count} connections")),
        load.calls_per_session
            .map(|calls| format!("{calls} calls per session")),
        (trip_ms > 0.0).then(|| format!("{trip_ms} ms added to each round trip")),
        (load.threads() > 1).then(|| format!("{} load threads", load.threads())),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What went wrong, if anything did.
fn went_wrong<'f>(failures: impl Iterator<Item = &'f Failure>) -> String {
    let one = |failure: &Failure| {
        // Indented below its list item, so that lines of a dead server stay lines in Markdown too.
        let detail = failure.text.lines().collect::<Vec<_>>().join("\n      ");
        let (subject, trial, status) = (&failure.subject, failure.trial, failure.status);
        format!("- {subject}, trial {trial} ({status}):\n\n      {detail}\n\n")
    };
    let all: String = failures.map(one).collect();
    if all.is_empty() {
        return all;
    }
    format!("\nWhat went wrong:\n\n{all}")
}

fn warning(one: &WarningCount) -> String {
    let warning = one.warning;
    format!(
        "- {} of {} trials: {}; {}. Remedy: {}.\n",
        one.trials,
        one.of,
        warning.meaning(),
        warning.effect().words(),
        warning.remedy()
    )
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
fn sweep(steps: &[(&Point, &SuiteTable)]) -> Table {
    let no_notes = BTreeMap::new();
    let mut rows: Vec<(&Point, Line<'_>)> = Vec::new();
    for (step, table) in steps {
        rows.extend(
            lines(table, &no_notes)
                .into_iter()
                .map(|line| (*step, line)),
        );
    }
    rows.sort_by_key(|(step, line)| (&line.row.subject, step.number));
    let has_sessions =
        |(_, line): &(&Point, Line<'_>)| line.row.figures.contains_key(&Metric::IterationP50Ms);
    let has_sessions = rows.iter().any(has_sessions);
    let keys = steps.first().map_or(&[][..], |(step, _)| &step.keys);
    let mut columns = Columns::<(&Point, Line<'_>)>::new();
    columns = columns.text("", "subject", |(_, line)| &line.row.subject);
    for (at, key) in keys.iter().enumerate() {
        columns = columns.add("", key, move |(step, _)| {
            step.values.get(at).map(text_of).unwrap_or_default().into()
        });
    }
    let sessions = SESSIONS.into_iter().filter(|_| has_sessions);
    let figures = metrics(SWEEP).with(doubts()).with(metrics(sessions));
    let columns = columns.with(figures.of(|(_, line)| line.row));
    Table::of(&columns, 1, &rows)
}

/// How steady the machine was, and what the run could have told.
fn steadiness(found: &Steadiness, trials: u64) -> String {
    let percent = |share: Option<f64>| {
        share.map_or("not known".to_owned(), |share| {
            format!("{:.1}%", share * 100.0)
        })
    };
    let least = found.least_told.map_or_else(
        || "not known (it takes two ranked subjects and 3 trials)".to_owned(),
        |least| {
            format!(
                "{:.1}% (median over the neighbours of its tables, beyond a threshold of {})",
                least * 100.0,
                Threshold::default()
            )
        },
    );
    format!(
        "- steadiness: rounds {} (drift that all subjects shared, taken out), readings {}, steal up to \
         {}, other load in {} of {trials} trials\n\
         - smallest difference that this run could have told: {least}\n",
        percent(found.rounds),
        percent(found.readings),
        percent(found.steal),
        found.trials_with_other_load
    )
}

fn state(environment: &Environment) -> String {
    let (done, planned) = (environment.trials_done, environment.trials_planned);
    let count = format!("{done} of {planned} trials");
    match environment.state {
        State::Complete if done == planned => format!("Complete: {count}.\n\n"),
        State::Complete => {
            format!("Complete: {count}; the others were left out, see what went wrong.\n\n")
        }
        State::Interrupted => {
            format!("INTERRUPTED after {count}: the tables hold what was measured until then.\n\n")
        }
        State::Running => format!(
            "NOT FINISHED: {count}. The run is still under way, or was killed; the tables hold what was \
             measured until now.\n\n"
        ),
        State::Failed => format!("FAILED after {count}: {}\n\n", environment.failure),
    }
}

fn environment(environment: &Environment) -> String {
    fn or<'t>(text: &'t str, instead: &'t str) -> &'t str {
        if text.is_empty() { instead } else { text }
    }
    let list = |cores: &[usize]| {
        let texts: Vec<String> = cores.iter().map(ToString::to_string).collect();
        texts.join(",")
    };
    let (machine, source) = (&environment.machine, &environment.source);
    let boost = match machine.boost {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    };
    let kernel: Vec<&str> = machine.kernel.split(' ').take(2).collect();
    let mut text = format!(
        "- machine: {}, {} usable cores, {:.1} GB memory, {}, {}, governor {}, boost {boost}, clock {}\n\
         - cores: server {}, load and services {}\n",
        machine.cpu_model,
        machine.cores_usable,
        machine.memory_bytes as f64 / 1e9,
        machine.os,
        kernel.join(" "),
        or(&machine.governor, "unknown"),
        machine.clock_source,
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
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "- limits of the server: {}, by {}",
            all.join(", "),
            limits.by
        );
    }
    let dirty = if source.dirty {
        " with uncommitted changes"
    } else {
        ""
    };
    let resumed = match &environment.resumed[..] {
        [] => String::new(),
        times => format!(" (continued at {})", times.join(", ")),
    };
    let _ = writeln!(
        text,
        "- source: commit {}{dirty}, {}, profile {}, harness {}\n\
         - time: {} to {}{resumed}, order seed {}\n\
         - command: `{}`",
        or(&source.commit, "none"),
        source.rustc,
        environment.profile,
        environment.harness_version,
        environment.started,
        or(&environment.ended, "?"),
        environment.seed,
        environment.command.join(" ")
    );
    text
}

#[cfg(test)]
mod tests {
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
                trials_made: 3,
                trials_measured: measured,
                trials_skipped: skipped,
                trials_rate_holds: rate,
                trials_cpu_holds: cpu,
                kept_up: true,
                outliers: if cpu == 1 { vec![2, 5] } else { Vec::new() },
                rate: validity(rate),
                cpu: if cpu == 2 {
                    Validity::Roughly
                } else {
                    validity(cpu)
                },
                ..Row::default()
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

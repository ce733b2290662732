use super::{Answered, Verdict, answers};
use crate::analysis::dataset::{Dataset, dataset_for_tests};
use crate::config::replay::Replayed;
use crate::render::replay::draw;
use crate::render::table::Style;
use crate::results::trial::Trial;

const REPLAYED: &str = r#"
[claims.somebody]
name = "somebody"

[claims.somebody.shape.P1]
says = "ten users that sleep"
clients = 10
think_time_ms = 100
counted_per_iteration = 20

[claims.somebody.caveat]
few = "Ten users are few"

[claims.somebody.claim.S8]
says = "10 times"
shape = "P1"
kind = ["rust"]
read = "recomputed"
caveats = ["few"]
values = [{ of = "shared", metric = "times", value = 10 }]

[claims.somebody.claim.S9]
says = "nothing of it"
kind = ["rust"]
read = "recomputed"

[claims.somebody.claim.T1]
says = "Go: 1,624 a second, 18 MB"
kind = ["reference"]
read = "recomputed"
values = [
  { of = "Go", metric = "calls_per_s", value = 1624 },
  { of = "Go", metric = "rss_peak_mb", value = 18 },
]

[replay.mine]
title = "sessions"
references = ["T1"]

[[replay.mine.claim]]
id = "S8"

[[replay.mine.claim.row]]
what = "shared over unique"
figure = "calls_per_s"
with = "mine.sessions.shared"
base = "mine.sessions.unique"
published = "shared"

[[replay.mine.claim.row]]
what = "right answers of unique"
figure = "right_percent"
with = "mine.sessions.unique"

[[replay.mine.claim.verdict]]
at_least = 8
is = "reproduced"
says = "sharing is worth {found} times"

[[replay.mine.claim.verdict]]
at_least = 2
is = "explained"
says = "the proxy makes it 10; here it is worth {found} times"

[[replay.mine.claim.verdict]]
is = "not_reproduced"
says = "only {found} times"

[[replay.mine.claim]]
id = "S9"
not_testable = "there is no such thing"
"#;

fn replayed() -> Replayed {
    toml::from_str(REPLAYED).unwrap()
}

/// Trials of both variants with these rates.
fn run(shared: &[u64], unique: &[u64], errors: u64) -> Dataset {
    let trial = |variant: &str, trial, rate| Trial {
        suite: format!("mine.sessions.{variant}"),
        subject: format!("mine.sessions.{variant}"),
        trial,
        calls: rate,
        elapsed_ns: Some(1_000_000_000),
        errors: if variant == "unique" { errors } else { 0 },
        ..Trial::default()
    };
    let of = |variant: &'static str, rates: &[u64]| -> Vec<Trial> {
        let rates = (1..).zip(rates.iter().copied());
        rates
            .map(|(number, rate)| trial(variant, number, rate))
            .collect()
    };
    dataset_for_tests([of("shared", shared), of("unique", unique)].concat())
}

/// A claim that is explained, with a ratio of 3; one that is not testable; and a reference.
pub(crate) fn answered_for_tests() -> Vec<Answered> {
    let run = run(&[300, 303, 297], &[100, 101, 99], 0);
    answers(&replayed(), &run).unwrap()
}

#[test]
fn the_rules_decide_and_the_sentence_has_the_figure() {
    for (shared, verdict, sentence) in [
        (
            [1_000, 1_010, 990],
            Verdict::Reproduced,
            "sharing is worth 10.0 times",
        ),
        (
            [300, 303, 297],
            Verdict::Explained,
            "the proxy makes it 10; here it is worth 3.00 times",
        ),
        ([110, 111, 109], Verdict::NotReproduced, "only 1.10 times"),
    ] {
        let found = answers(&replayed(), &run(&shared, &[100, 101, 99], 0)).unwrap();
        assert_eq!(
            (found[0].verdict, found[0].sentence.as_str()),
            (verdict, sentence)
        );
        assert_eq!(found[0].doubts, [""; 0]);
        assert_eq!(found[1].verdict, Verdict::NotTestable);
        assert_eq!(found[2].verdict, Verdict::Reference);
    }
}

#[test]
fn an_interval_across_a_bound_and_too_few_trials_are_said() {
    let wide = answers(&replayed(), &run(&[700, 1_300, 820], &[100, 100, 100], 0)).unwrap();
    assert!(
        wide[0].doubts[0].contains("lies on both sides of a bound"),
        "{:?}",
        wide[0]
    );
    let few = answers(&replayed(), &run(&[1_000], &[100], 0)).unwrap();
    assert_eq!(few[0].doubts, ["fewer than three trials hold: no interval"]);
}

#[test]
fn wrong_answers_are_no_measurement_but_their_share_is() {
    let found = answers(&replayed(), &run(&[1_000, 1_000, 1_000], &[75, 75, 75], 25)).unwrap();
    let one = &found[0];
    assert_eq!(
        (one.verdict, one.rows[0].found),
        (Verdict::NotMeasured, None)
    );
    assert!((one.rows[1].found.unwrap() - 75.0).abs() < 1e-9);
    let none = answers(&replayed(), &run(&[], &[100], 0)).unwrap();
    assert_eq!(none[0].verdict, Verdict::NotMeasured);
    assert!(none[0].rows[0].machines.is_empty() && none[0].rows[0].differences.is_empty());
}

#[test]
fn a_ratio_to_a_published_figure_needs_the_same_load_and_limits() {
    let mut run = run(&[1_000, 1_000, 1_000], &[100, 100, 100], 0);
    let different = answers(&replayed(), &run).unwrap();
    let row = &different[0].rows[0];
    assert_eq!(row.over_published, None);
    for part in [
        "clients: 10 there",
        "think time: 100 ms there, 0 ms here",
        "asked: not known there, echo here",
        "processors of the server: not known there",
    ] {
        assert!(
            row.differences.iter().any(|one| one.contains(part)),
            "{part} in {row:?}"
        );
    }
    assert!(row.machines.starts_with("machine: not known there, "));
    let text = draw(&different, Style::Text);
    for part in [
        "differs [1]",
        "[1] clients: 10 there",
        "S8: the published clients wait between iterations, so no server shows more than 2000 counted",
        "- S8: reproduced: sharing is worth 10.0 times. Claim: 10 times.\n  - Ten users are few",
        "- S9: not testable here: there is no such thing.",
        "1624 calls/s, 18 RSS peak MB",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // The published load made the same: as many clients that sleep as long, one core, the same
    // tool.
    let mut same = replayed();
    let mut shape = same.claims.load("S8");
    let suite = run.suites.get_mut("mine.sessions.shared").unwrap();
    suite.load.clients = Some(10);
    suite.load.think_time_ms = Some(100.0);
    shape.mix.insert("echo".to_owned(), 1);
    shape.server_cpus = Some(run.environment.server_cores.len() as f64);
    run.environment.server_limits = None;
    let text = toml::to_string(&shape).unwrap();
    let text = REPLAYED.replacen(
        "shape = \"P1\"\n",
        &format!("load = {}\n", inline(&text)),
        1,
    );
    same.claims = toml::from_str::<Replayed>(&text).unwrap().claims;
    let found = answers(&same, &run).unwrap();
    let row = &found[0].rows[0];
    assert_eq!(row.differences, [""; 0]);
    assert!((row.over_published.unwrap() - 1.0).abs() < 1e-9, "{row:?}");
    let csv = draw(&found, Style::Csv);
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.starts_with("claim,measured here,figure"), "{csv}");
}

/// A table of TOML in one line.
fn inline(text: &str) -> String {
    let value: toml::Table = toml::from_str(text).unwrap();
    toml::Value::Table(value).to_string()
}

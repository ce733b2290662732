use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Length, Outcome, Replay, plan};
use crate::config::experiment::Experiment;
use crate::config::load::Load;
use crate::config::matrix;
use crate::config::published::Claims;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;

const CLAIMS: &str = r#"
name = "somebody"

[claim."S8.pool"]
says = "10 times"
kind = ["rust"]
read = "recomputed"
values = [{ of = "shared", metric = "times", value = 10 }]

[claim."S8.sse"]
says = "8 times"
kind = ["rust"]
read = "recomputed"

[claim.T1]
says = "others"
kind = ["reference"]
read = "recomputed"
"#;

const POOLS: &str = r#"
number = 1
title = "pools"
teaches = "Keep connections."

[[compare]]
name = "http"
what = "HTTP"
server = "s"
suite = "q"
figure = "p50_ms"
base = "off"
with = "ten"
variants = [{ name = "off" }, { name = "ten", load = { duration_s = 9.0 } }]

[[compare]]
name = "sql"
what = "SQL"
server = "s"
suite = "q"
figure = "p50_ms"
base = "off"
with = "ten"
variants = [{ name = "off" }, { name = "ten" }]
"#;

const REPLAY: &str = r#"
title = "pools"
experiments = ["pools"]
references = ["T1"]
quick = { trials = 1, duration_s = 0.5 }

[[claim]]
id = "S8.pool"

[[claim.row]]
what = "ten over none"
figure = "p50_ms"
with = "pools.http.ten"
base = "pools.http.off"
published = "shared"

[[claim.verdict]]
at_least = 8
at_most = 12
is = "reproduced"
says = "{found} times"

[[claim.verdict]]
at_least = 12
is = "explained"
says = "more"

[[claim.verdict]]
is = "not_reproduced"
says = "less"

[[claim]]
id = "S8.sse"
not_testable = "there is no SSE"
"#;

struct Folders {
    folder: tempfile::TempDir,
}

impl Folders {
    fn new(replay: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("published/somebody.toml", CLAIMS),
            ("experiments/pools.toml", POOLS),
            ("replays/mine.toml", replay),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

type Read = (
    Claims,
    BTreeMap<String, Experiment>,
    BTreeMap<String, Replay>,
);

fn read(root: &Path) -> Result<Read, String> {
    let claims = Claims::read_folder(&root.join("published")).unwrap();
    let experiments = Experiment::read_folder(&root.join("experiments")).unwrap();
    let replays = Replay::read_folder(&root.join("replays"), &claims, &experiments)
        .map_err(|error| error.to_string())?;
    Ok((claims, experiments, replays))
}

#[test]
fn an_error_names_the_file_and_the_claim() {
    for (from, to, told) in [
        ("\"S8.pool\"", "\"S9\"", "claim S9: there is no such claim"),
        (
            "\"pools.http.ten\"",
            "\"pools.http.2\"",
            "claim S8.pool: \"pools.http.2\" is no variant",
        ),
        (
            "[\"pools\"]",
            "[]",
            "claim S8.pool: \"pools.http.off\" is no variant",
        ),
        (
            "[\"pools\"]",
            "[\"pool\"]",
            "experiments: there is no \"pool\"",
        ),
        (
            "published = \"shared\"",
            "published = \"all\"",
            "has no figure in the claim; there are: shared",
        ),
        (
            "is = \"explained\"",
            "is = \"true\"",
            "unknown variant `true`",
        ),
        (
            "figure = \"p50_ms\"",
            "figure = \"p51_ms\"",
            "unknown metric \"p51_ms\"",
        ),
        (
            "figure = \"p50_ms\"",
            "figure = \"idle_mb\"",
            "no run here has idle_mb",
        ),
        (
            "is = \"not_reproduced\"",
            "at_least = 1\nis = \"not_reproduced\"",
            "the last rule has to allow every figure",
        ),
        (
            "at_least = 8\nat_most = 12\n",
            "",
            "only the last rule may be without bounds",
        ),
        (
            "not_testable = \"there is no SSE\"",
            "",
            "claim S8.sse: has neither",
        ),
        (
            "id = \"S8.pool\"\n",
            "id = \"S8.pool\"\nnot_testable = \"so\"\n",
            "has both not_testable and rules",
        ),
        (
            "id = \"S8.sse\"",
            "id = \"S8.pool\"",
            "claim S8.pool: is there twice",
        ),
        (
            "references = [\"T1\"]",
            "references = [\"S8.sse\"]",
            "references: S8.sse can be answered",
        ),
        (
            "references = [\"T1\"]",
            "references = [\"T2\"]",
            "references: there is no claim \"T2\"",
        ),
        (
            "title = \"pools\"",
            "title = \"pools\"\nfast = true",
            "unknown field `fast`",
        ),
    ] {
        assert!(REPLAY.contains(from), "{from}");
        let folders = Folders::new(&REPLAY.replacen(from, to, 1));
        let error = read(folders.folder.path()).unwrap_err();
        assert!(
            error.contains(told) && error.contains("mine.toml"),
            "{told} in {error}"
        );
    }
}

#[test]
fn a_claim_is_answered_once_and_numbers_and_names_are_not_shared() {
    let folders = Folders::new(REPLAY);
    std::fs::write(folders.path("replays/other.toml"), REPLAY).unwrap();
    let error = read(folders.folder.path()).unwrap_err();
    assert!(
        error.contains("other.toml: claim S8.pool is in the replay mine"),
        "{error}"
    );
    let own = format!(
        "[experiment]\n{}",
        POOLS.replace("[[compare]]", "[[experiment.compare]]")
    );
    std::fs::write(
        folders.path("replays/other.toml"),
        format!("title = \"o\"\n{own}"),
    )
    .unwrap();
    let error = read(folders.folder.path()).unwrap_err();
    assert!(
        error.contains("number = 1 is that of pools already"),
        "{error}"
    );
    std::fs::rename(
        folders.path("replays/other.toml"),
        folders.path("replays/pools.toml"),
    )
    .unwrap();
    let error = read(folders.folder.path()).unwrap_err();
    assert!(
        error.contains("an experiment is called \"pools\" already"),
        "{error}"
    );
}

#[test]
fn the_first_rule_that_allows_a_figure_counts() {
    let folders = Folders::new(REPLAY);
    let (_, _, replays) = read(folders.folder.path()).unwrap();
    let answer = &replays["mine"].claim[0];
    let verdicts = [7.9, 8.0, 12.0, 12.1, 0.0].map(|value| answer.rule(value).unwrap().1.is);
    let wanted = [
        Outcome::NotReproduced,
        Outcome::Reproduced,
        Outcome::Reproduced,
        Outcome::Explained,
        Outcome::NotReproduced,
    ];
    assert_eq!(verdicts, wanted);
}

#[test]
fn a_plan_measures_what_the_claims_need_as_long_as_it_is_asked_for() {
    let folders = Folders::new(REPLAY);
    let (claims, experiments, replays) = read(folders.folder.path()).unwrap();
    let made = |ids: &[&str], length| {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        plan(replays.clone(), &claims, &experiments, &ids, length)
    };
    let all = made(&[], Length::Usual).unwrap();
    let names = |made: &super::Plan| -> Vec<String> {
        let all = made.experiments.values().flat_map(|one| &one.compare);
        all.map(|one| one.name.clone()).collect()
    };
    assert_eq!(names(&all), ["http"]);
    assert_eq!(all.experiments["pools"].load, Load::default());
    let ids: Vec<&str> = all.replayed.replay["mine"].ids().collect();
    assert_eq!(ids, ["S8.pool", "S8.sse", "T1"]);
    let quick = made(&["S8.pool"], Length::Quick).unwrap();
    let load = &quick.experiments["pools"].compare[0].variants[1].load;
    assert_eq!((load.trials, load.duration_s), (Some(1), Some(0.5)));
    assert_eq!(
        quick.replayed.replay["mine"].ids().collect::<Vec<_>>(),
        ["S8.pool"]
    );
    assert!(quick.replayed.claims.get("T1").is_none());
    let none = made(&["S8.sse", "T1"], Length::Full).unwrap();
    assert!(none.experiments.is_empty());
    assert!(
        made(&["S9"], Length::Usual)
            .unwrap_err()
            .contains("no claim \"S9\"")
    );
}

fn own() -> (Read, Subjects, BTreeMap<String, Suite>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let subjects = Subjects::read(&root.join("subjects.toml")).unwrap();
    (
        read(root).unwrap(),
        subjects,
        Suite::read_folder(&root.join("suites")).unwrap(),
    )
}

#[test]
fn every_published_claim_is_answered_or_said_to_be_another_ones() {
    let ((claims, _, replays), ..) = own();
    let named: BTreeSet<&str> = replays.values().flat_map(Replay::ids).collect();
    let all: BTreeSet<&str> = claims.iter().map(|(id, _)| id).collect();
    assert_eq!(named, all);
    for replay in replays.values() {
        for answer in &replay.claim {
            let is_long = |text: &String| text.len() > 20;
            let says = answer.verdict.iter().map(|rule| &rule.says);
            assert!(
                says.chain(&answer.not_testable).all(is_long),
                "{}",
                answer.id
            );
        }
    }
}

/// Two cores: a trial at a time, and what starting, handshakes and ending take.
#[test]
fn the_projects_own_replays_make_definitions_and_keep_their_time() {
    let ((claims, experiments, replays), subjects, suites) = own();
    for (length, minutes) in [(Length::Usual, 40.0), (Length::Quick, 7.0)] {
        let made = plan(replays.clone(), &claims, &experiments, &[], length).unwrap();
        let made = matrix::experiments(&made.experiments, &subjects, &suites, &Load::default());
        let mut seconds = 60.0;
        for suite in made.unwrap().suites.values() {
            let load = &suite.load;
            let one = load.warmup_s() + load.duration_s() + 0.8;
            seconds += f64::from(load.trials()) * one;
        }
        assert!(seconds < minutes * 60.0, "{length:?}: {seconds} s");
        println!("{length:?}: {seconds} s");
    }
}

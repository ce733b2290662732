//! `aa`: the same program beside itself, and slowed by a known share.

use serde_json::Value;

use super::support::Project;

#[test]
fn the_three_are_interleaved_recorded_and_judged() {
    let project = Project::new(&["right"]);
    let flags = "--subject right --runs 2 --trials 5 --duration-s 0.3 --warmup-s 0.05 --slowed-by 50% --base-burn-ns 3000 --seed 1 --format json";
    let flags: Vec<&str> = flags.split(' ').collect();
    let done = project.run("aa", &flags);
    let found: Value = serde_json::from_str(&done.stdout).unwrap();
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "two in each run: {found}");
    let count = |side: &str, verdict: &str| {
        let of_side = rows.iter().filter(|row| row["b_is"] == side);
        of_side.filter(|row| row["verdict"] == verdict).count()
    };
    // Whatever this machine makes of it, the exit code follows from the verdicts.
    let holds = count("again", "equal") + count("again", "cannot_tell") >= 1
        && count("slowed", "slower") == 2;
    assert_eq!(
        done.code,
        Some(i32::from(!holds)),
        "{found}\n{}",
        done.stderr
    );
    for row in rows {
        assert!(row["ratio_low"].is_number(), "{row}");
    }

    // Half of what a call was found to cost is burned, and no trial was made without it.
    let calibrated = found["calibrated_ns_per_call"].as_f64().unwrap();
    let burned = found["burn_ns"].as_f64().unwrap();
    assert!((burned / calibrated - 0.5).abs() < 1e-3, "{found}");
    let folder = project
        .path("results/aa")
        .join(rows[0]["run"].as_str().unwrap());
    let subjects = std::fs::read_to_string(folder.join("definitions/subjects.toml")).unwrap();
    assert!(
        subjects.contains(&format!("\"--burn-ns\",\n    \"{}\"", burned + 3_000.0)),
        "{subjects}"
    );
    let trials = harness::results::trial::read_trials(&folder.join("trials.csv")).unwrap();
    for name in ["right", "right.again", "right.slowed"] {
        let own = trials
            .iter()
            .filter(|trial| trial.subject == name && trial.is_right());
        assert_eq!(own.count(), 5, "{name}");
    }
    let folders = std::fs::read_dir(project.path("results/aa"))
        .unwrap()
        .count();
    assert_eq!(folders, 3, "two runs, and the calibration before them");
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn copies_of_one_program_are_the_subjects_of_a_table_in_slices() {
    let project = Project::new(&["right"]);
    let flags = "--table --subject right --runs 2 --clients 2 --processes 2 --slices 3 \
                 --slice-s 0.03 --lead-in-s 0.01 --warmup-s 0.01 --seed 1 --format json";
    let done = project.run("aa", &flags.split_whitespace().collect::<Vec<_>>());
    let found: Value = serde_json::from_str(&done.stdout).unwrap();
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{found}");
    let mut squares = Vec::new();
    for row in rows {
        let figures = row["cpu_us_per_call"].as_array().unwrap();
        let logs: Vec<f64> = figures
            .iter()
            .map(|one| one.as_f64().unwrap().ln())
            .collect();
        assert_eq!(logs.len(), 8, "{row}");
        for (at, log) in logs.iter().enumerate() {
            squares.extend(logs[..at].iter().map(|other| (log - other).powi(2)));
        }
        let trials = project
            .path("results/aa")
            .join(row["run"].as_str().unwrap());
        let trials = harness::results::trial::read_trials(&trials.join("trials.csv")).unwrap();
        for copy in 1..=8 {
            let name = format!("right.{copy}");
            let own = trials.iter().filter(|trial| trial.subject == name);
            let slices: Vec<(u32, u32)> = own.map(|one| (one.process, one.slice)).collect();
            assert_eq!(slices.len(), 6, "{name}: {slices:?}");
            assert!(
                slices
                    .iter()
                    .all(|(process, slice)| *process > 0 && *slice > 0)
            );
        }
    }
    // The root mean square of the errors of all pairs in both runs, and what follows from it.
    assert_eq!(squares.len(), 2 * 28);
    let error = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
    assert!(
        (found["error_rms"].as_f64().unwrap() - error).abs() < 1e-9,
        "{found}"
    );
    let worst = squares.iter().copied().fold(0.0, f64::max).sqrt();
    assert!(
        (found["error_worst"].as_f64().unwrap() - worst).abs() < 1e-9,
        "{found}"
    );
    assert_eq!(done.code, Some(i32::from(error > 0.015)), "{}", done.stderr);
    assert!(
        rows[0]["readings"].is_number() && rows[0]["rounds"].is_number(),
        "{found}"
    );
    assert_eq!(project.survivors(), [""; 0]);
}

#[test]
fn a_gate_judges_a_floor_beside_itself() {
    let project = Project::new(&["floor"]);
    let flags = "--subject floor --runs 1 --trials 3 --duration-s 0.3 --warmup-s 0.05 --gate --max-regression 90%";
    let done = project.run("aa", &flags.split(' ').collect::<Vec<_>>());
    let expected = "Gate: 1 of 1 runs failed nothing of the program beside itself";
    assert!(done.stdout.contains(expected), "{}", done.stdout);
}

#[test]
fn what_is_not_there_is_named() {
    let project = Project::new(&["right"]);
    let done = project.run("aa", &["--subject", "nobody"]).exits(2);
    done.told("no subject \"nobody\"; known: right");
    let done = project
        .run("aa", &["--subject", "right", "--suite", "none"])
        .exits(2);
    done.told("no suite \"none\"; known: echo");
    let done = project.run("aa", &["--threshold", "5"]).exits(2);
    done.told("write it like 5% or 0.05");
}

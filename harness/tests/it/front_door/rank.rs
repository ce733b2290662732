//! `rank`: one order over the suites that all have in common.

use super::compare::{Recorded, json};

#[test]
fn ratios_to_the_best_of_each_suite_are_averaged_geometrically() {
    let recorded = Recorded::new(&["right"]);
    recorded.run_with(
        "run",
        &[
            ("one", "a", 100, 10),
            ("one", "b", 200, 20),
            ("one", "c", 101, 30),
            ("two", "a", 80, 10),
            ("two", "b", 20, 20),
            ("two", "c", 79, 30),
            ("part", "a", 1, 1),
        ],
    );
    let found = json(&recorded.verb("rank", &["run", "--format", "json"]).exits(0));
    let places = found["places"].as_array().unwrap();
    let column =
        |key: &str| -> Vec<&serde_json::Value> { places.iter().map(|one| &one[key]).collect() };
    // b: 2 and 1, so the square root of 2; a: 1 and 4, so 2; c: 1.01 and 3.95, so 1.997.
    assert_eq!(column("subject"), ["b", "c", "a"]);
    let mean = |place: usize| places[place]["ratio"].as_f64().unwrap();
    for (place, wanted) in [(0, 2_f64.sqrt()), (1, (1.01 * 3.95_f64).sqrt()), (2, 2.0)] {
        assert!((mean(place) - wanted).abs() < 1e-3, "{found}");
    }
    assert_eq!(column("beside_above"), ["equal", "slower", "equal"]);
    assert_eq!(column("beside_first"), ["equal", "slower", "slower"]);
    assert_eq!(found["suites"], serde_json::json!(["one", "two"]));
    assert_eq!(
        found["left_out"][0],
        "suite part: no CPU us/call that holds of b, c"
    );

    let text = recorded.verb("rank", &["run"]).exits(0).stdout;
    assert!(text.contains("\n3= ") && text.contains("\n2  "), "{text}");
    let of_one = ["run", "--suite", "one", "--by", "p99", "--format", "csv"];
    let csv = recorded.verb("rank", &of_one).exits(0).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines.len() == 4 && lines[1].starts_with("1,a,1,"), "{csv}");
    let two = [
        "run",
        "--subject",
        "a,b",
        "--by",
        "rate",
        "--format",
        "json",
    ];
    let found = json(&recorded.verb("rank", &two).exits(0));
    assert_eq!(found["places"].as_array().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_ranked_is_said() {
    let recorded = Recorded::new(&["right"]);
    recorded.run_with("apart", &[("one", "a", 1, 1), ("two", "b", 1, 1)]);
    let done = recorded.verb("rank", &["apart"]).exits(2);
    for part in [
        "nothing can be ranked",
        "suite one: no CPU us/call that holds of b",
    ] {
        done.told(part);
    }
    let done = recorded
        .verb("rank", &["apart", "--suite", "three"])
        .exits(2);
    done.told("no suite \"three\"; it has: one, two");
    let done = recorded.verb("rank", &["apart", "--subject", "c"]).exits(2);
    done.told("no trial of \"c\"");
}

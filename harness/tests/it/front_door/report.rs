//! `report`: the page that people look at, made from recorded runs, and looked at in a browser.

use std::path::Path;
use std::process::Command;

use super::replay;
use super::support::{Done, Project, own};

/// The page of the runs of the golden files, in a folder of its own.
fn golden_page(runs: &[&str], into: &Path) -> Done {
    let golden = own("tests/golden");
    let output = Command::new(env!("CARGO_BIN_EXE_mcp-harness"))
        .arg("--root")
        .arg(&golden)
        .arg("report")
        .args(runs)
        .arg("--out")
        .arg(golden.join("runs"))
        .arg("--into")
        .arg(into)
        .output()
        .unwrap();
    Done::from(output).exits(0)
}

#[test]
fn a_browser_finds_nothing_wrong_with_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let project = replay::project();
    project.run("replay", &["--quick", "--seed", "1"]).exits(0);
    let replayed = project.results();
    let runs = ["before", "after", replayed.to_str().unwrap()];
    golden_page(&runs, folder.path());
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    for part in ["C2: reproduced</strong>", "Published beside measured: p50"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let looked = Command::new(own("../scripts/check-report"))
        .arg(folder.path().join("report.html"))
        .output()
        .unwrap();
    Done::from(looked).exits(0).printed(" 0 findings");
}

#[test]
fn a_browser_finds_what_is_wrong_with_a_page() {
    let folder = tempfile::tempdir().unwrap();
    golden_page(&["before"], folder.path());
    let page = folder.path().join("report.html");
    let right = std::fs::read_to_string(&page).unwrap();
    let broken = right
        .replace(
            "const compare = ",
            "const compare = () => 0; const unused = ",
        )
        .replace("row.hidden = !fits;", "")
        .replace(
            "<main>",
            "<main><div style=\"width: 2000px\">wide</div><img>",
        );
    assert_ne!(right, broken);
    std::fs::write(&page, broken).unwrap();
    let looked = Command::new(own("../scripts/check-report"))
        .arg(&page)
        .output()
        .unwrap();
    let done = Done::from(looked).exits(1);
    done.told("phone light: nothing overflows");
    done.told("image-alt");
    done.told("is ascending");
    done.told("shows its rows");
}

#[test]
fn measure_ends_with_the_first_screen_and_the_path_of_the_page() {
    let project = Project::new(&["right", "stdio-right"]);
    project.replace(
        "suites/echo.toml",
        "tool = \"echo\"",
        "tool = \"echo\"\nworkload = \"cpu\"",
    );
    let done = project.measure(&["--trials", "3"]).exits(0);
    done.printed("CPU work, clients on the same machine: ");
    done.printed("CPU work, clients on other machines: right");
    let page = project.results().join("report.html");
    done.told(&format!("report: {}", page.display()));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("row-0__echo__stdio-right"), "{html}");
    let written = std::fs::read_to_string(project.results().join("report.md")).unwrap();
    assert!(
        written.starts_with("# Which configuration to use"),
        "{written}"
    );
}

#[test]
fn several_runs_make_one_page_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("page");
    let done = golden_page(&["before", "after"], &into);
    done.told("report.html");
    let page = std::fs::read_to_string(into.join("report.html")).unwrap();
    for id in ["row-0__echo__quick", "row-1__steady__quick"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(into.join("report.md").is_file());
    assert!(!own("tests/golden/runs/before/report.html").exists());
}

//! `readme`: documents show what a recorded run says, and a check fails when they do not.

use std::path::Path;
use std::process::Command;

use super::support::{Done, own};

const PAGE: &str = "# Page\n\n<!-- recorded: costs, run: none -->\n\nby hand\n\n<!-- /recorded -->\n\n\
    <!-- recorded: picture, run: none -->\n<!-- /recorded -->\n";

const DOCUMENT: &str = "<!-- recorded: costs, run: none -->\n<!-- /recorded -->\n\n\
    <!-- recorded: claims, run: none -->\n\nnone yet\n\n<!-- /recorded -->\n";

const RUN: &str = "results/reference/machine/before";

/// A project with two documents, and a reference run where one is wanted.
fn project(has_run: bool) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let root = project.path();
    std::fs::create_dir_all(root.join("docs")).unwrap();
    std::fs::write(root.join("README.md"), PAGE).unwrap();
    std::fs::write(root.join("docs/page.md"), DOCUMENT).unwrap();
    if has_run {
        copy(&own("tests/golden/runs/before"), &root.join(RUN));
    }
    project
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn readme(root: &Path, flags: &[&str]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-harness"));
    command.arg("--root").arg(root).arg("readme").args(flags);
    Done::from(command.output().unwrap())
}

fn text(root: &Path, name: &str) -> String {
    std::fs::read_to_string(root.join(name)).unwrap()
}

#[test]
fn documents_show_what_the_reference_run_says() {
    let project = project(true);
    let root = project.path();
    let stale = readme(root, &["--check"]).exits(1);
    stale.printed("README.md: costs stale: it names no run, and results/reference/machine/before");
    assert_eq!(text(root, "README.md"), PAGE, "a check writes nothing");

    let written = readme(root, &[]).exits(0);
    written.printed("docs/page.md: claims is left: no run holds it");
    let page = text(root, "README.md");
    for part in [
        "<!-- recorded: costs, run: results/reference/machine/before -->",
        "| transport ",
        "Run [before](results/reference/machine/before): 50 trials",
        "](results/reference/machine/before/picture.svg)",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("by hand"), "{page}");
    let document = text(root, "docs/page.md");
    for part in [
        "Run [before](../results/reference/machine/before): 50",
        "none yet",
    ] {
        assert!(document.contains(part), "{part} in {document}");
    }
    let picture = text(root, &format!("{RUN}/picture.svg"));
    assert!(picture.starts_with("<svg"), "{picture}");

    readme(root, &["--check"]).exits(0);
    readme(root, &[]).exits(0);
    assert_eq!(
        text(root, "README.md"),
        page,
        "written twice it is the same"
    );
}

#[test]
fn a_block_that_differs_from_its_run_fails_the_check() {
    let project = project(true);
    let root = project.path();
    readme(root, &["--run", RUN]).exits(0);
    let page = text(root, "README.md");

    std::fs::write(
        root.join("README.md"),
        page.replace("50 trials", "51 trials"),
    )
    .unwrap();
    let done = readme(root, &["--check"]).exits(1);
    done.printed("README.md: costs stale: it differs from results/reference/machine/before");
    std::fs::write(root.join("README.md"), &page).unwrap();

    let picture = root.join(RUN).join("picture.svg");
    let drawn = std::fs::read_to_string(&picture).unwrap();
    std::fs::write(&picture, drawn.replace("</svg>", "<rect/></svg>")).unwrap();
    let done = readme(root, &["--check"]).exits(1);
    done.printed("README.md: picture stale: ");
    std::fs::write(&picture, drawn).unwrap();
    readme(root, &["--check"]).exits(0);

    std::fs::rename(root.join(RUN), root.join("results/reference/machine/other")).unwrap();
    let done = readme(root, &["--check"]).exits(1);
    done.printed("README.md: costs stale: looking for");
}

#[test]
fn without_a_reference_run_the_check_says_so() {
    let project = project(false);
    let root = project.path();
    for flags in [&["--check"][..], &[]] {
        let done = readme(root, flags).exits(0);
        done.printed("there is no reference run in results/reference yet");
        assert_eq!(text(root, "README.md"), PAGE);
    }
    std::fs::write(root.join("README.md"), PAGE.replace("costs", "prices")).unwrap();
    let done = readme(root, &["--check"]).exits(2);
    done.told("README.md: line 3: there is no block \"prices\"");
    for page in ["README.md", "docs/page.md"] {
        std::fs::write(root.join(page), "# No block\n").unwrap();
    }
    let done = readme(root, &["--check"]).exits(2);
    done.told("no document has a block");

    let outside = own("tests/golden/runs/before");
    let done = readme(root, &["--run", outside.to_str().unwrap()]).exits(2);
    done.told("documents cannot link to it");
}

#[test]
fn the_documents_of_this_project_are_what_their_runs_say() {
    let root = own("..");
    let done = readme(&root, &["--check"]).exits(0);
    for block in ["costs", "picture", "claims", "situations"] {
        done.printed(&format!(".md: {block} "));
    }
    // A block without a run is allowed only as long as no reference run holds it, which the check
    // sees to; and without any reference run it says so.
    let machines = std::fs::read_dir(root.join("results/reference"));
    let folders = machines
        .into_iter()
        .flatten()
        .map(|one| one.unwrap().path());
    let is_run = |run: std::fs::DirEntry| run.path().join("environment.json").is_file();
    let mut runs = folders
        .filter_map(|one| std::fs::read_dir(one).ok())
        .flatten();
    let has_run = runs.any(|run| is_run(run.unwrap()));
    assert_eq!(
        done.stdout.contains("there is no reference run"),
        !has_run,
        "{}",
        done.stdout
    );
}

//! `profile`, with a `perf` of the test's own: what it is asked, what is made of its answer, and
//! what is said when it fails.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::support::{Done, Project};

const WORKS: &str = r#"#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked"
case $1 in
record) while [ "$1" != --output ]; do shift; done; echo samples > "$2"; sleep 0.1 ;;
script)
    printf 'server \n\t  55d0 echo::answer::h0123456789abcdef (/bin/s)\n\t  55d1 main (/bin/s)\n\n'
    printf 'server \n\t  ff00 tcp_sendmsg ([kernel.kallsyms])\n\t  55d1 main (/bin/s)\n\n'
    printf 'server \n\t  ff00 tcp_sendmsg ([kernel.kallsyms])\n\t  55d1 main (/bin/s)\n\n' ;;
esac
"#;

const IS_NOT_PERMITTED: &str = "#!/bin/sh\n[ \"$1\" = record ] || exit 0\necho 'Access to performance monitoring is limited' >&2\nexit 255\n";

/// The harness with this `perf` first on its path.
fn profile(project: &Project, perf: Option<&str>, subject: &str) -> Done {
    let bin = project.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    if let Some(text) = perf {
        project.write("bin/perf", text);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bin.join("perf"), executable).unwrap();
    }
    let system = if perf.is_some() { ":/usr/bin:/bin" } else { "" };
    let quick = ["--duration-s", "0.3", "--warmup-s", "0.1"];
    let mut command = project.command("profile", &["--subject", subject, "--suite", "echo"]);
    command
        .args(quick)
        .env("PATH", format!("{}{system}", bin.display()));
    Done::from(command.output().unwrap())
}

#[test]
fn the_stacks_are_written_folded_and_the_hottest_functions_are_printed() {
    let project = Project::new(&["right"]);
    let done = profile(&project, Some(WORKS), "right").exits(0);
    let rows: Vec<&str> = done.stdout.lines().skip(2).map(str::trim).collect();
    assert_eq!(rows.len(), 2, "{}", done.stdout);
    assert!(
        rows[0].starts_with("66.7") && rows[0].ends_with("tcp_sendmsg [kernel]"),
        "{rows:?}"
    );
    assert!(
        rows[1].starts_with("33.3") && rows[1].ends_with("echo::answer"),
        "{rows:?}"
    );
    let entries = std::fs::read_dir(project.path("results/profiles")).unwrap();
    let files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "perf's own file is gone: {files:?}");
    assert!(files[0].to_string_lossy().ends_with("-right-echo.folded"));
    assert!(
        done.stderr.contains(files[0].to_str().unwrap()),
        "{}",
        done.stderr
    );
    let folded = std::fs::read_to_string(&files[0]).unwrap();
    assert_eq!(folded, "main;echo::answer 1\nmain;tcp_sendmsg [kernel] 2\n");
    let asked = project.read("bin/asked");
    assert!(
        asked.contains("record --event=cpu-clock --freq 999 --call-graph=fp --pid"),
        "{asked}"
    );
    assert_eq!(project.survivors(), Vec::<String>::new());
}

#[test]
fn a_perf_that_is_missing_or_not_permitted_is_said_with_the_remedy() {
    let project = Project::new(&["right"]);
    let done = profile(&project, None, "right").exits(2);
    done.told("cannot start perf; install it");
    let done = profile(&project, Some(IS_NOT_PERMITTED), "right").exits(2);
    for told in ["monitoring is limited", "kernel.perf_event_paranoid is"] {
        done.told(told);
    }
}

#[test]
fn a_profile_of_wrong_answers_or_of_several_subjects_is_refused() {
    let project = Project::new(&["right", "wrong"]);
    let done = profile(&project, Some(WORKS), "wrong").exits(2);
    done.told("answers were wrong");
    let done = profile(&project, Some(WORKS), "right,wrong").exits(2);
    done.told("one subject");
}

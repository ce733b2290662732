//! A temporary project with fake subjects, and the harness run on it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use harness::results::environment::Environment;
use harness::results::trial::{Trial, read_trials};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The suite that all tests ask.
pub(crate) const SUITE: &str = r#"
description = "A message comes back."
tool = "echo"
answer_bytes = 100
variants = 16

[load]
clients = 2

[variables]
message = { string = 8 }

[arguments]
message = "{message}"

[expect.equals]
"/structuredContent/message" = "{message}"

[expect.json_text_of]
"/content/0/text" = "/structuredContent"
"#;

/// A file of the project's own definitions.
pub(crate) fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The fake subject, which `cargo test` builds as an example beside the test's own program.
pub(crate) fn fake_subject() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let fake = target.join("examples/fake_subject");
    // With `--test it` cargo builds no examples, and an old one must not be taken.
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fake_subject.rs");
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    assert!(
        modified(&fake) >= modified(&source),
        "{} is missing or old: run `cargo build -p harness --examples` (plain `cargo test` does)",
        fake.display()
    );
    fake
}

/// A folder with `subjects.toml` and `suites/`.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// A project whose subjects behave as named. A subject's name is its behaviour's; `dies` takes
    /// its number after `=`.
    pub(crate) fn new(behaviours: &[&str]) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let mut text = String::new();
        for behaviour in behaviours {
            text.push_str(&subject(behaviour, &project.path("processes")));
        }
        project.write("subjects.toml", &text);
        project.write("suites/echo.toml", SUITE);
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces all of a text in a file, which has to be there.
    #[track_caller]
    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{from} in {text}");
        self.write(name, &text.replace(from, to));
    }

    /// The harness on this project, with its streams captured.
    pub(crate) fn command(&self, verb: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-harness"));
        command
            .arg("--root")
            .arg(self.folder.path())
            .arg("--subjects-file")
            .arg(self.path("subjects.toml"))
            .arg("--suites-dir")
            .arg(self.path("suites"))
            .arg(verb)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, verb: &str, flags: &[&str]) -> Done {
        Done::from(self.command(verb, flags).output().unwrap())
    }

    /// `measure` with trials that are over soon.
    pub(crate) fn measure(&self, flags: &[&str]) -> Done {
        let quick = ["--duration-s", "0.3", "--warmup-s", "0.1", "--seed", "1"];
        self.run("measure", &[&quick, flags].concat())
    }

    pub(crate) fn start_measure(&self, flags: &[&str]) -> Child {
        self.command("measure", flags).spawn().unwrap()
    }

    /// The folder of the only run.
    pub(crate) fn results(&self) -> PathBuf {
        let entries: Vec<PathBuf> = std::fs::read_dir(self.path("results"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.into_iter().next().unwrap()
    }

    pub(crate) fn trials(&self) -> Vec<Trial> {
        read_trials(&self.results().join("trials.csv")).unwrap()
    }

    pub(crate) fn trials_of(&self, subject: &str) -> Vec<Trial> {
        let trials = self.trials().into_iter();
        trials.filter(|trial| trial.subject == subject).collect()
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::read(&self.results().join("environment.json")).unwrap()
    }

    /// Fake subjects that are still running.
    pub(crate) fn survivors(&self) -> Vec<String> {
        let noted = std::fs::read_to_string(self.path("processes")).unwrap_or_default();
        noted
            .lines()
            .filter(|process| is_fake(process))
            .map(ToOwned::to_owned)
            .collect()
    }
}

/// Whether the process of that number is one of ours: numbers are used again.
fn is_fake(process: &str) -> bool {
    let program = std::fs::read_link(Path::new("/proc").join(process).join("exe"));
    program.is_ok_and(|program| program.ends_with("fake_subject"))
}

/// The table of one fake subject.
pub(crate) fn subject(behaviour: &str, processes: &Path) -> String {
    let (name, number) = behaviour.split_once('=').unwrap_or((behaviour, "0"));
    let wire = if name.starts_with("stdio") {
        "stdio"
    } else {
        "http"
    };
    let mut text = format!(
        "[subject.{name}]\ntransport = \"{wire}\"\nwire = \"{wire}\"\nready_within_s = 1.0\n"
    );
    let number = if name.starts_with("floor") {
        text.push_str("role = \"floor\"\n");
        "{answer_bytes}"
    } else {
        number
    };
    let fake = fake_subject();
    let _ = writeln!(
        text,
        "command = [{:?}, \"{name}\", \"{number}\"]\nenvironment = {{ FAKE_PROCESSES = {:?} }}\n",
        fake.display().to_string(),
        processes.display().to_string()
    );
    text
}

/// How the harness ended.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    /// Asserts the exit code and hands the output on.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that this was said on stderr.
    #[track_caller]
    pub(crate) fn told(&self, part: &str) {
        assert!(
            self.stderr.contains(part),
            "no {part:?} in:\n{}",
            self.stderr
        );
    }

    /// Asserts that this was printed on stdout.
    #[track_caller]
    pub(crate) fn printed(&self, part: &str) {
        assert!(
            self.stdout.contains(part),
            "no {part:?} in:\n{}",
            self.stdout
        );
    }
}

/// Sends a signal to a harness, and waits for its end.
pub(crate) fn ended_by(signal: Signal, child: Child) -> Done {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    Done::from(child.wait_with_output().unwrap())
}

/// Asserts that `list` rejects a file of the project after each of these changes. A line is a case:
/// what is replaced, by what, and a part of the message, which names the file too; `\\n` is a
/// line's end.
#[track_caller]
pub(crate) fn rejects(file: &str, project: impl Fn() -> Project, cases: &str) {
    let name = Path::new(file).file_name().unwrap().to_str().unwrap();
    for case in cases.lines().filter(|line| !line.trim().is_empty()) {
        let parts: Vec<String> = (case.split("=>"))
            .map(|part| part.trim().replace("\\n", "\n"))
            .collect();
        let [from, to, told] = parts.as_slice() else {
            panic!("{case} is no case");
        };
        let project = project();
        project.replace(file, from, to);
        let done = project.run("list", &[]).exits(2);
        done.told(told);
        done.told(name);
    }
}

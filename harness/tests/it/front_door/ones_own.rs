//! A server of one's own, by flags alone, in a folder that holds no definitions; and the same as a
//! definition.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use harness::results::trial::{Trial, read_trials};
use tempfile::TempDir;

use super::support::{Done, Project, fake_subject};

/// A folder with nothing in it, to run in.
struct Nowhere(TempDir);

impl Nowhere {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// `measure` with trials that are over soon; the tool is the fake's `echo`.
    fn measure(&self, flags: &[&str]) -> Done {
        let quick = ["--duration-s", "0.3", "--warmup-s", "0.1", "--trials", "1"];
        let call = ["--clients", "2", "--tool", "echo"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-harness"));
        command
            .current_dir(self.0.path())
            .arg("measure")
            .args(
                [
                    &quick[..],
                    &call,
                    &["--arguments", r#"{"message":"tea {x}"}"#],
                ]
                .concat(),
            )
            .args(flags)
            .stdin(Stdio::null());
        Done::from(command.output().unwrap())
    }

    /// The folder of the only run.
    fn run_folder(&self) -> PathBuf {
        let mut entries = std::fs::read_dir(self.0.path().join("results")).unwrap();
        entries.next().unwrap().unwrap().path()
    }

    fn trial(&self) -> Trial {
        let trials = read_trials(&self.run_folder().join("trials.csv")).unwrap();
        assert_eq!(trials.len(), 1);
        let trial = trials.into_iter().next().unwrap();
        assert!(trial.is_right(), "{trial:?}");
        trial
    }
}

fn fake(behaviour: &str) -> String {
    format!("'{}' {behaviour}", fake_subject().display())
}

/// A fake that somebody else has started.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start() -> Self {
        let mut child = Command::new(fake_subject())
            .arg("right")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stderr = child.stderr.take().unwrap();
        BufReader::new(stderr).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("ready ").unwrap().to_owned();
        Self { child, url }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_command_alone_is_a_server_on_stdio_that_needs_no_ready_line() {
    let here = Nowhere::new();
    let right = "/structuredContent/message=\"tea {x}\"";
    let done = here.measure(&["--command", &fake("stdio-mute"), "--expect", right]);
    let done = done.exits(0);
    done.printed("echo");
    let trial = here.trial();
    assert_eq!(
        (trial.wire.as_str(), trial.subject.as_str()),
        ("stdio", "server")
    );
    assert_eq!(trial.startup_us, None, "when it was ready cannot be seen");
    assert!(trial.server_cpu_ns.is_some());
    assert!(
        !trial.warnings.contains("learned_answer"),
        "{}",
        trial.warnings
    );
}

#[test]
fn a_command_with_a_url_is_waited_for_at_its_port() {
    let here = Nowhere::new();
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/mcp");
    let command = fake(&format!("at-port {port}"));
    here.measure(&[
        "--command",
        &command,
        "--url",
        &url,
        "--expect",
        "contains=tea {x}",
    ])
    .exits(0);
    let trial = here.trial();
    assert_eq!(trial.wire, "http");
    assert!(trial.startup_us.is_some() && trial.server_cpu_ns.is_some());
    assert!(
        !trial.warnings.contains("not_started"),
        "{}",
        trial.warnings
    );
}

#[test]
fn a_url_alone_is_measured_as_it_runs_and_goes_on_running() {
    let here = Nowhere::new();
    let mut server = Running::start();
    let done = here
        .measure(&["--url", &server.url, "--expect", "contains=tea"])
        .exits(0);
    done.told("not pinned");
    done.printed("somebody else runs the server");
    let mut rows = done.stdout.lines();
    let row = rows.find(|line| line.starts_with("1     server")).unwrap();
    assert!(!row.contains("CPU"), "nothing is known of it: {row}");
    let trial = here.trial();
    let unknown = [trial.server_cpu_ns, trial.rss_peak_bytes, trial.startup_us];
    assert_eq!(unknown, [None; 3]);
    assert!(trial.warnings.contains("not_started"), "{}", trial.warnings);
    assert!(!trial.warnings.contains("remote"), "{}", trial.warnings);
    assert!(server.child.try_wait().unwrap().is_none());
}

#[test]
fn the_process_behind_a_url_can_be_named() {
    let here = Nowhere::new();
    let server = Running::start();
    let pid = server.child.id().to_string();
    here.measure(&["--url", &server.url, "--pid", &pid, "--expect", "any"])
        .exits(0);
    let trial = here.trial();
    assert!(trial.server_cpu_ns.is_some() && trial.rss_peak_bytes.is_some());
}

#[test]
fn without_an_expectation_the_first_answer_is_it_and_that_is_said() {
    let here = Nowhere::new();
    let done = here.measure(&["--command", &fake("stdio-mute")]).exits(0);
    done.told("no --expect");
    done.printed("learned answer");
    assert!(here.trial().warnings.contains("learned_answer"));
    let kept = here.run_folder().join("definitions/suites/echo.toml");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(kept.contains("expect_learned = true"), "{kept}");

    let moody = Nowhere::new();
    let done = moody
        .measure(&["--command", &fake("stdio-mute-moody")])
        .exits(2);
    done.told("differently each time");
    assert!(!moody.0.path().join("results").exists());
}

#[test]
fn what_is_wrong_ends_the_command_before_anything_is_timed() {
    let server = Running::start();
    let taken = server.url.as_str();
    let (mute, at_port) = (fake("stdio-mute"), fake("at-port 1"));
    let free = format!("http://127.0.0.1:{}/mcp", free_port());
    let ended = fake("exits");
    for (flags, told) in [
        (
            vec!["--url", taken, "--expect", "text=tea"],
            "nothing was measured",
        ),
        (
            vec!["--url", taken, "--expect", "tea"],
            "--expect tea is none of",
        ),
        (
            vec!["--url", taken, "--tool", "eco"],
            "no tool \"eco\"; it has: echo",
        ),
        (vec!["--url", "https://127.0.0.1/mcp"], "plain HTTP only"),
        (vec!["--url", "ftp://127.0.0.1/mcp"], "is not like http://"),
        (vec!["--url", &free], "Connection refused"),
        (
            vec!["--url", taken, "--arguments", "[1]"],
            "not a JSON object",
        ),
        (
            vec!["--url", taken, "--suite", "echo"],
            "--suite chooses among definitions",
        ),
        (
            vec!["--url", taken, "--command", &at_port],
            "something listens at",
        ),
        (vec!["--command", "'open"], "a quote is not closed"),
        (vec!["--command", &ended, "--url", &free], "no such luck"),
        (
            vec!["--command", &mute, "--revision", "1999-01-01"],
            "1999-01-01",
        ),
    ] {
        let here = Nowhere::new();
        let done = here.measure(&flags).exits(2);
        done.told(told);
        assert!(!here.0.path().join("results").exists(), "{flags:?}");
    }
}

#[test]
fn a_server_that_runs_already_is_a_definition_too() {
    let server = Running::start();
    let project = Project::new(&["right"]);
    let text = project.read("subjects.toml");
    let own = format!(
        "[subject.own]\ntransport = \"http\"\nwire = \"http\"\nurl = \"{}\"\npid = {}\n",
        server.url,
        server.child.id()
    );
    project.write("subjects.toml", &(text.clone() + &own));
    project.run("verify", &[]).exits(0);
    project.measure(&["--trials", "1"]).exits(0);
    assert!(
        project
            .trials()
            .iter()
            .all(|trial| trial.server_cpu_ns.is_some())
    );

    for (keys, told) in [
        ("", "command is empty"),
        (
            "url = \"http://x\"\ncommand = [\"x\"]\n",
            "ready = \"port\"",
        ),
        ("command = [\"x\"]\nready = \"port\"\n", "needs the url"),
        (
            "command = [\"x\"]\nready = \"none\"\n",
            "ready = \"none\" is for",
        ),
        ("command = [\"x\"]\npid = 1\n", "pid is for"),
    ] {
        let own = format!("[subject.own]\ntransport = \"http\"\nwire = \"http\"\n{keys}");
        project.write("subjects.toml", &(text.clone() + &own));
        let done = project.run("list", &[]).exits(2);
        done.told(told);
    }
}

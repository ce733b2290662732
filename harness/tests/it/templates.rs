//! `template`: each project is made, is formatted, passes its own tests without a warning, and
//! answers the client of the official TypeScript SDK. The harness measures one of them as its
//! `just bench` does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::other_servers::install::{Program, typescript};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Makes a project and tests it as its `just test` does. All of them share what is compiled.
struct Project {
    name: &'static str,
    folder: tempfile::TempDir,
    built: PathBuf,
}

impl Project {
    fn make(name: &'static str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = harness(folder.path())
            .args(["template", name, "--root", ROOT])
            .args(flags)
            .output();
        let made = made.unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
        assert!(!said.contains("rustfmt"), "{said}");
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
        let project = Self {
            name,
            folder,
            built,
        };
        project.cargo(&["fmt", "--check"]);
        let tests = project.cargo(&["test"]);
        assert!(
            tests.contains("the_tool_answers_on_the_fast_path ... ok"),
            "{tests}"
        );
        assert!(!tests.contains("warning:"), "{tests}");
        project
    }

    fn cargo(&self, arguments: &[&str]) -> String {
        let output = Command::new("cargo")
            .args(arguments)
            .current_dir(self.folder.path().join(self.name))
            .env("CARGO_TARGET_DIR", &self.built)
            // Nobody debugs these builds, so they can be quick.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0")
            // What the outer cargo has set is about another workspace.
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        let said = said.join("\n");
        assert!(
            output.status.success(),
            "cargo {arguments:?} of {}:\n{said}",
            self.name
        );
        said
    }

    fn program(&self) -> PathBuf {
        self.built.join("debug").join(self.name)
    }

    /// Starts the server over HTTP and lets the SDK's client call the tool.
    fn called_over_http(&self, flags: &[&str], tool: &str, arguments: &Value) -> Value {
        let mut server = Command::new(self.program())
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .current_dir(self.folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(server.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let Some(url) = line.strip_prefix("ready ") else {
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).unwrap();
            panic!("not ready: {line}{rest}")
        };
        let result = called(url.trim(), tool, arguments);
        server.kill().unwrap();
        server.wait().unwrap();
        result
    }
}

fn harness(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-harness"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// What the SDK's client got from `tool`, which is the server's only one.
fn called(server: &str, tool: &str, arguments: &Value) -> Value {
    let Program { interpreter, file } = typescript("call.mjs");
    let output = Command::new(interpreter)
        .arg(file)
        .args([server, tool, &arguments.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["tools"], json!([tool]));
    found["result"]["structuredContent"].clone()
}

/// An API that knows every item. It serves until the tests end.
fn api() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            let head = BufReader::new(&socket).lines().map_while(Result::ok);
            assert!(head.take_while(|line| !line.is_empty()).count() > 0);
            let body = r#"{"id":1,"price":9.5,"stock":3}"#;
            let length = body.len();
            write!(
                &socket,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    url
}

#[test]
fn a_template_for_cpu_work_answers_and_is_measured() {
    let project = Project::make("words", &["--workload", "cpu"]);
    let text = json!({"text": "a b a"});
    let found = project.called_over_http(&[], "count_words", &text);
    assert_eq!(found["words"][0], json!({"word": "a", "count": 2}));
    // A long text is counted on another thread.
    let text = json!({"text": "a b a ".repeat(2000)});
    let found = project.called_over_http(&[], "count_words", &text);
    assert_eq!(found["total"], 6000);

    // `bench` names the release build; here it is the debug build of the tests.
    let subjects = project.folder.path().join("words/bench/subjects.toml");
    let definition = std::fs::read_to_string(&subjects).unwrap();
    let (own, floor) = definition.split_once("# The same requests").unwrap();
    assert!(floor.contains("/target/release/floor-http\""), "{floor}");
    let program = project.program();
    let own = own.replace("target/release/words", program.to_str().unwrap());
    std::fs::write(&subjects, own).unwrap();
    let measured = harness(&project.folder.path().join("words"))
        .args([
            "measure",
            "--root",
            ".",
            "--subjects-file",
            "bench/subjects.toml",
        ])
        .args([
            "--suites-dir",
            "bench/suites",
            "--out",
            "runs",
            "--processes",
            "1",
            "--slices",
            "2",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&measured.stderr);
    assert!(measured.status.success(), "{said}");
    assert!(
        String::from_utf8_lossy(&measured.stdout).contains("words"),
        "{said}"
    );
}

#[test]
fn a_template_for_a_database_answers() {
    let project = Project::make("items", &["--workload", "db"]);
    let found = project.called_over_http(&[], "find_items", &json!({"prefix": "t"}));
    assert_eq!(found["items"], json!([{"id": 3, "name": "table"}]));
}

#[test]
fn a_template_for_an_api_answers() {
    let project = Project::make("prices", &["--workload", "api"]);
    let found = project.called_over_http(&["--api-url", &api()], "fetch_price", &json!({"id": 1}));
    assert_eq!(found, json!({"id": 1, "price": 9.5}));
}

#[test]
fn a_template_for_mixed_work_answers() {
    let project = Project::make("descriptions", &["--workload", "mix"]);
    let arguments = json!({"id": 1});
    let found = project.called_over_http(&["--api-url", &api()], "describe_item", &arguments);
    assert_eq!(found, json!({"id": 1, "name": "lamp", "price": 9.5}));
}

#[test]
fn a_vendored_template_for_local_use_speaks_stdio() {
    let flags = ["--workload", "cpu", "--deployment", "local", "--vendor"];
    let project = Project::make("local-words", &flags);
    let manifest = project.folder.path().join("local-words/Cargo.toml");
    assert!(!std::fs::read_to_string(manifest).unwrap().contains(ROOT));
    let unit = project.folder.path().join("local-words/deploy");
    assert!(!unit.exists(), "systemd cannot run a server over stdio");
    let program = project.program();
    let found = called(
        program.to_str().unwrap(),
        "count_words",
        &json!({"text": "a b a"}),
    );
    assert_eq!(found["total"], 3);
}

#[test]
fn a_folder_that_is_not_empty_and_a_bad_name_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "").unwrap();
    let rejected = |flags: &[&str]| {
        let output = harness(folder.path())
            .args(["template", "--root", ROOT])
            .args(flags)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(rejected(&[".", "--name", "a"]).contains("is not empty"));
    assert!(rejected(&["new", "--name", "New Server"]).contains("--name my-server"));
    assert!(
        std::fs::read_dir(folder.path()).unwrap().count() == 1,
        "nothing was written"
    );
}

//! Flags, environment, exit codes.

use std::process::{Command, Output, Stdio};

use testkit::process::bare;

use crate::{
    common::{Server, Subject, fixtures},
    front_door::subjects::{minimal, tokio},
};

const STDIO: &str = env!("CARGO_BIN_EXE_mcp-stdio-tokio");
const SSE: &str = env!("CARGO_BIN_EXE_mcp-sse-tokio");
const HTTP_JSON: &str = env!("CARGO_BIN_EXE_mcp-http-json-tokio");
const HTTP_STREAM: &str = env!("CARGO_BIN_EXE_mcp-http-stream-tokio");
const MINIMAL: &str = env!("CARGO_BIN_EXE_minimal");
const ALL: [&str; 5] = [STDIO, SSE, HTTP_JSON, HTTP_STREAM, MINIMAL];

/// Flags of every server.
const EVERYWHERE: &[&str] = &[
    "--workers",
    "--drain-timeout",
    "--tools",
    "--call-timeout",
    "--time-limit",
    "--max-inflight-bytes",
    "--cpu-jobs",
    "--fast-path",
    "--max-body",
    "--max-values",
    "--max-batch",
    "--max-in-flight",
    "--metrics",
    "--metrics-listen",
    #[cfg(feature = "otlp")]
    "--otlp-endpoint",
];
const QUEUE: &[&str] = &["--max-queue", "--max-queue-bytes"];
const HTTP: &[&str] = &[
    "--listen",
    "--nodelay",
    "--allowed-host",
    "--allowed-origin",
    "--max-sessions",
    "--head-timeout",
    "--body-timeout",
    "--max-connections",
    "--write-timeout",
    "--idle-timeout",
    "--auth-token-file",
    "--rate-limit",
    #[cfg(feature = "tls")]
    "--tls-cert",
    #[cfg(feature = "tls")]
    "--tls-key",
];
const SESSIONS: &[&str] = &["--sessions", "--session-ttl"];
/// Flags of the lab.
const LAB: &[&str] = &[
    "--cpu-offload",
    "--database-url",
    "--database-pool",
    "--store-url",
    "--store-pool",
    "--session-store-url",
    "--upstream-url",
    "--upstream-pool",
    "--upstream-limit",
    "--pool-timeout",
    "--pool-idle-timeout",
    "--cache",
    "--cache-url",
    "--cache-ttl",
    "--cache-capacity",
    "--cache-warm",
    #[cfg(feature = "experiments")]
    "--experiments",
    #[cfg(feature = "experiments")]
    "--extra-tools",
];

/// Runs a command line that must not start to serve.
fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// What `binary` says when it refuses `flags`.
fn refused(binary: &str, flags: &[&str]) -> String {
    let output = run(bare(binary).args(flags));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
    assert!(output.stdout.is_empty());
    said
}

#[test]
fn help_lists_every_flag_and_its_environment_variable() {
    for (binary, groups) in [
        (STDIO, &[EVERYWHERE, QUEUE, LAB][..]),
        (SSE, &[EVERYWHERE, QUEUE, HTTP, LAB]),
        (HTTP_JSON, &[EVERYWHERE, HTTP, SESSIONS, LAB]),
        (HTTP_STREAM, &[EVERYWHERE, HTTP, SESSIONS, LAB]),
        (MINIMAL, &[EVERYWHERE, HTTP, SESSIONS]),
    ] {
        let output = run(bare(binary).arg("--help"));
        assert_eq!(output.status.code(), Some(0));
        let help = String::from_utf8(output.stdout).unwrap();
        for flag in groups.iter().copied().flatten() {
            // An optional value stands in brackets.
            let is_listed = [" <", " [<"].map(|value| help.contains(&format!("{flag}{value}")));
            assert!(is_listed.contains(&true), "{binary} {flag}:\n{help}");
            let name = flag
                .trim_start_matches("--allowed-")
                .trim_start_matches("--");
            let variable = name.replace('-', "_").to_uppercase();
            assert!(help.contains(&variable), "{binary} {variable}:\n{help}");
        }
        let known: usize = groups.iter().map(|group| group.len()).sum();
        let listed = help.matches("[env: MCP_").count();
        assert_eq!(listed, known, "{binary}:\n{help}");
        // The example's own flag stands beside those of every server.
        assert_eq!(help.contains("--max <N>"), binary == MINIMAL, "{help}");
    }
}

#[test]
fn version_is_the_crates() {
    for binary in [STDIO, SSE, HTTP_JSON, HTTP_STREAM] {
        let output = run(bare(binary).arg("--version"));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.trim().ends_with(env!("CARGO_PKG_VERSION")), "{said}");
        let name = binary.rsplit('/').next().unwrap();
        assert!(said.starts_with(name), "{said}");
    }
}

#[test]
fn bad_values_are_refused_with_the_allowed_ones() {
    for (flag, value, allowed) in [
        ("--listen", "nowhere", "127.0.0.1:8080"),
        ("--listen", "localhost:80", "127.0.0.1:8080"),
        ("--metrics", "yes", "on, off"),
        ("--metrics-listen", "9464", "127.0.0.1:8080"),
        ("--sessions", "maybe", "stateless, stateful"),
        ("--nodelay", "true", "on, off"),
        ("--fast-path", "maybe", "on, off"),
        ("--workers", "0", "1 to 1024"),
        ("--workers", "many", "1 to 1024"),
        ("--database-pool", "0", "`off`"),
        ("--database-pool", "on", "1 to 1024"),
        ("--store-pool", "1025", "`off`"),
        ("--upstream-pool", "65536", "1 to 1024"),
        ("--upstream-limit", "off", "1 to 1024"),
        ("--pool-timeout", "0", "greater than 0"),
        ("--pool-idle-timeout", "never", "greater than 0"),
        ("--cache", "disk", "off, memory, redis"),
        ("--cache-ttl", "0", "greater than 0"),
        ("--cache-capacity", "0", "1 to 1000000"),
        ("--cache-warm", "hot", "on, off"),
        ("--cpu-offload", "away", "inline, blocking"),
        #[cfg(feature = "experiments")]
        ("--experiments", "all", "on, off"),
        #[cfg(feature = "experiments")]
        ("--extra-tools", "106", "0 to 105"),
        ("--max-inflight-bytes", "0", "greater than 0"),
        ("--cpu-jobs", "0", "1 to 1024"),
        ("--max-values", "0", "greater than 0"),
        ("--idle-timeout", "0", "greater than 0"),
        ("--rate-limit", "0/s", "100/s"),
        ("--rate-limit", "10", "100/s"),
        ("--max-batch", "0", "greater than 0"),
        ("--max-in-flight", "many", "greater than 0"),
        ("--max-sessions", "-1", "greater than 0"),
        ("--head-timeout", "0", "greater than 0"),
        ("--body-timeout", "0", "greater than 0"),
        ("--write-timeout", "0", "greater than 0"),
        ("--max-connections", "0", "greater than 0"),
        ("--allowed-host", "*", "`*` is none"),
        ("--time-limit", "echo", "TOOL=SECONDS"),
        ("--time-limit", "=1", "TOOL=SECONDS"),
        ("--time-limit", "echo=soon", "search=2.5"),
        ("--time-limit", "echo=0", "greater than 0"),
        ("--max-body", "0", "greater than 0"),
        ("--max-body", "4k", "greater than 0"),
        ("--call-timeout", "0", "greater than 0"),
        ("--call-timeout", "1e-30", "greater than 0"),
        ("--session-ttl", "-1", "greater than 0"),
        ("--session-ttl", "NaN", "greater than 0"),
        ("--drain-timeout", "inf", "greater than 0"),
        ("--drain-timeout", "soon", "greater than 0"),
        ("--allowed-host", "http://a/b", "tools.example:8443"),
        ("--allowed-origin", "localhost", "http://localhost:*"),
        (
            "--allowed-origin",
            "http://localhost/",
            "http://localhost:*",
        ),
    ] {
        let said = refused(HTTP_JSON, &[&format!("{flag}={value}")]);
        for part in [flag, value, allowed] {
            assert!(said.contains(part), "{flag} {value}: {said}");
        }
    }
    let said = refused(MINIMAL, &["--max=many"]);
    assert!(said.contains("--max <N>"), "{said}");
}

#[test]
fn flags_without_a_meaning_together_are_refused_with_what_to_do() {
    for (flags, parts) in [
        (
            &["--tools=echo,ecko"][..],
            &[
                "--tools",
                "\"ecko\"",
                "echo, fetch_external_data",
                "experiments",
            ][..],
        ),
        (&["--tools="], &["--tools", "\"\"", "query_products"]),
        #[cfg(feature = "experiments")]
        (
            &["--tools=experiment_waits"],
            &["\"experiment_waits\"", "--experiments on"],
        ),
        #[cfg(feature = "experiments")]
        (
            &["--experiments=on", "--tools=experiments"],
            &["\"experiments\"", "experiment_waits"],
        ),
        (
            &["--time-limit=ecko=1"],
            &["--time-limit", "\"ecko\"", "echo, fetch_external_data"],
        ),
        (&["--time-limit=echo=31"], &["echo=31", "--call-timeout 30"]),
        (&["--cache-warm"], &["--cache memory"]),
        (
            &["--metrics=off", "--metrics-listen=127.0.0.1:0"],
            &["--metrics-listen", "--metrics off"],
        ),
        (
            &["--cache=redis", "--store-url=sqlite:store.db"],
            &["--cache-url redis://HOST:PORT", "--store-url"],
        ),
        (
            &["--session-store-url=redis://127.0.0.1"],
            &["--session-store-url", "--sessions stateful"],
        ),
    ] {
        for binary in [STDIO, SSE, HTTP_JSON, HTTP_STREAM] {
            let said = refused(binary, flags);
            for part in parts {
                assert!(said.contains(part), "{flags:?} {part}: {said}");
            }
        }
    }
}

#[test]
fn metrics_need_an_address() {
    let said = refused(STDIO, &["--metrics=on"]);
    assert!(said.contains("--metrics-listen ADDR"), "{said}");
}

#[test]
fn a_flag_of_another_transport_is_refused_with_where_it_belongs() {
    for (binary, flag, place) in [
        (STDIO, "--nodelay=on", "sse, http-json, http-stream"),
        (STDIO, "--listen=127.0.0.1:0", "sse, http-json, http-stream"),
        (STDIO, "--sessions=stateful", "http-json, http-stream"),
        (STDIO, "--session-ttl=5", "http-json, http-stream"),
        (SSE, "--sessions=stateful", "http-json, http-stream"),
        (SSE, "--session-ttl=5", "http-json, http-stream"),
    ] {
        let said = refused(binary, &[flag]);
        let (name, value) = flag.split_once('=').unwrap();
        for part in [name, "no meaning", place] {
            assert!(said.contains(part), "{flag}: {said}");
        }
        // The same with a space between flag and value.
        assert!(refused(binary, &[name, value]).contains("no meaning"));
    }
}

#[test]
fn an_unknown_flag_is_refused() {
    for binary in ALL {
        let said = refused(binary, &["--no-such-flag"]);
        assert!(said.contains("--no-such-flag"), "{said}");
        refused(binary, &["argument"]);
    }
}

#[test]
fn environment_variables_are_flags_and_flags_win() {
    let subject = tokio::http_json::SUBJECT;
    let command = |flags: &[&str]| {
        let mut command = bare(HTTP_JSON);
        command.args(flags);
        command
            .env("MCP_LISTEN", "127.0.0.2:0")
            .env("MCP_DATABASE_URL", fixtures::database_url());
        command
    };
    let server = Server::spawn(&subject, command(&[]));
    assert!(
        server.url().starts_with("http://127.0.0.2:"),
        "{}",
        server.url()
    );
    let server = Server::spawn(&subject, command(&["--listen", "127.0.0.1:0"]));
    assert!(
        server.url().starts_with("http://127.0.0.1:"),
        "{}",
        server.url()
    );
    let output = run(command(&[]).env("MCP_SESSIONS", "maybe"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("stateless, stateful"), "{said}");
}

#[test]
fn what_it_cannot_start_with_is_said_before_it_is_ready() {
    for (flag, value, part) in [
        (
            "--database-url",
            "sqlite:/proc/none/products.db",
            "/proc/none",
        ),
        ("--database-url", "mysql://host/products", "mysql"),
        ("--store-url", "mysql://host/store", "redis://HOST:PORT"),
        ("--upstream-url", "ftp://host/", "ftp"),
        ("--upstream-url", "https://host/", "https"),
    ] {
        let mut command = bare(STDIO);
        command.args([flag, value]);
        if flag != "--database-url" {
            command.args(["--database-url", fixtures::database_url()]);
        }
        let output = run(&mut command);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{value}: {said}");
        assert!(
            said.contains(part) && !said.lines().any(|line| line.starts_with("ready")),
            "{value}: {said}"
        );
    }
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let output = run(bare(HTTP_JSON).env("MCP_LOG", "server=loud="));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("MCP_LOG"), "{said}");
}

#[test]
fn a_tool_that_the_example_has_not_is_refused_after_it_has_opened() {
    for flag in ["--tools=add,adder", "--time-limit=adder=1"] {
        let said = refused(MINIMAL, &[flag]);
        assert!(said.contains("\"adder\""), "{flag}: {said}");
    }
    let subject: Subject = minimal::stateless::SUBJECT;
    drop(Server::start(
        &subject,
        &["--tools=add", "--time-limit=add=1"],
    ));
}

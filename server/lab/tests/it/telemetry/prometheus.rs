//! The alerts and the dashboard, loaded by a real Prometheus.

use std::{
    fmt::Write as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};
use testkit::{
    eventually,
    http::{Request, once},
};

use crate::{
    common::{Client, Server},
    front_door::{
        cases::metrics::address,
        subjects::tokio::{http_json_stateful, stdio},
    },
};

const OPERATING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../operating");

/// Installs Debian's package, which has both programs, unless they are there.
fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let is_there = |program: &str| {
            let mut command = Command::new(program);
            let output = command.arg("--version").output();
            output.is_ok_and(|output| output.status.success())
        };
        if !is_there("prometheus") || !is_there("promtool") {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/apt-install");
            let installed = Command::new(script).arg("prometheus").status().unwrap();
            assert!(installed.success());
        }
    });
}

/// Runs promtool in the folder of the alerts.
fn promtool(arguments: &[&str]) {
    install();
    let mut command = Command::new("promtool");
    let output = command.args(arguments).current_dir(OPERATING).output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    assert!(said.contains("SUCCESS"), "promtool {arguments:?}: {said}");
}

#[test]
fn promtool_accepts_the_configuration_and_the_alerts() {
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["check", "rules", "alerts.yml"]);
}

#[test]
fn each_alert_fires_when_its_target_is_missed_and_not_before() {
    promtool(&["test", "rules", "alerts.test.yml"]);
}

/// A Prometheus with the alerts, which scrapes one server every second. Dropped, it ends.
struct Prometheus {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(target: SocketAddr) -> Self {
        install();
        let folder = tempfile::tempdir().unwrap();
        let ours = std::fs::read_to_string(Path::new(OPERATING).join("prometheus.yml")).unwrap();
        let alerts = Path::new(OPERATING).join("alerts.yml");
        let config = ours
            .replace("127.0.0.1:9464\"", &format!("{target}\""))
            .replace("- alerts.yml", &format!("- {}", alerts.display()))
            .replace("interval: 15s", "interval: 1s");
        assert!(config.contains(&target.to_string()), "{config}");
        let file: PathBuf = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let address = free_address();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut prometheus = Self {
            process,
            address,
            _folder: folder,
        };
        eventually("Prometheus is ready", || {
            let ended = prometheus.process.try_wait().unwrap();
            assert_eq!(ended, None, "it ended: is {address} taken?");
            std::net::TcpStream::connect(address).ok()?;
            (once(address, &Request::get("/-/ready")).status == 200).then_some(())
        });
        prometheus
    }

    fn get(&self, path: &str) -> Value {
        let answer = once(self.address, &Request::get(path));
        let value: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(value["status"], "success", "{path}: {value}");
        value["data"].clone()
    }

    /// The series that `expression` has now.
    fn query(&self, expression: &str) -> Vec<Value> {
        let mut escaped = String::new();
        for byte in expression.bytes() {
            write!(escaped, "%{byte:02X}").unwrap();
        }
        let data = self.get(&format!("/api/v1/query?query={escaped}"));
        data["result"].as_array().expect("series").clone()
    }

    /// The rules of all groups.
    fn rules(&self) -> Vec<Value> {
        let data = self.get("/api/v1/rules");
        let groups = data["groups"].as_array().expect("groups");
        let rules = groups.iter().filter_map(|group| group["rules"].as_array());
        rules.flatten().cloned().collect()
    }

    /// Waits until `expression` has a series.
    fn awaits(&self, expression: &str) {
        let found = || (!self.query(expression).is_empty()).then_some(());
        eventually(expression, found);
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that was free a moment ago; Prometheus does not say which one it took.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The expressions of all panels, with their titles.
fn dashboard() -> Vec<(String, String)> {
    let file = Path::new(OPERATING).join("dashboard.json");
    let dashboard: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            // What Grafana puts in its place.
            let expression = expression.replace("$job", "mcp");
            let expression = expression.replace("$__rate_interval", "1m");
            expressions.push((title.to_owned(), expression));
        }
    }
    expressions
}

/// Expressions that have no series where nothing of the kind has happened.
fn may_be_empty(expression: &str) -> bool {
    expression.ends_with(" > 0")
}

#[test]
fn a_prometheus_scrapes_a_server_and_every_panel_has_series() {
    let flags = ["--metrics-listen=127.0.0.1:0", "--cache=memory"];
    let mut server = Server::start(&http_json_stateful::SUBJECT, &flags);
    let mut client = Client::ready(&mut server);
    let prometheus = Prometheus::scraping(address(&server));
    prometheus.awaits("up{job=\"mcp\"} == 1");
    // A rate needs two scrapes, with a change between them.
    prometheus.awaits("mcp_connections");
    for n in 0..5 {
        client.right("echo", &json!({"message": "x"}));
        client.right("query_products", &json!({"limit": 1 + n % 2}));
    }
    prometheus.awaits("mcp_tool_calls_total{tool=\"echo\"} == 5");
    prometheus.awaits("rate(mcp_tool_calls_total{tool=\"echo\"}[1m]) > 0");
    prometheus.awaits("mcp:unavailable:ratio_1h == 0");
    for (title, expression) in dashboard() {
        let series = prometheus.query(&expression);
        let is_right = !series.is_empty() || may_be_empty(&expression);
        assert!(is_right, "{title}: {expression} has no series");
    }
    let rules = eventually("every rule is evaluated", || {
        let rules = prometheus.rules();
        let is_known = |rule: &Value| rule["health"] != "unknown";
        rules.iter().all(is_known).then_some(rules)
    });
    assert_eq!(rules.len(), 15);
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_ne!(rule["state"], "firing", "{rule}");
    }
}

#[test]
fn a_prometheus_scrapes_a_server_over_stdio() {
    let flags = ["--metrics-listen=127.0.0.1:0"];
    let mut server = Server::start(&stdio::SUBJECT, &flags);
    let mut client = Client::ready(&mut server);
    client.right("echo", &json!({"message": "x"}));
    let prometheus = Prometheus::scraping(address(&server));
    prometheus.awaits("mcp_tool_calls_total{tool=\"echo\"} == 1");
    let seconds = "mcp_tool_call_duration_seconds_sum{tool=\"echo\"} < 60";
    prometheus.awaits(seconds);
}

//! The figures of a run: read from criterion's estimates, written as JSON, shown as one table.

use std::{
    fmt, fs,
    path::Path,
    process::Command,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{ECHO, GROUP, TOOLS};

/// A layer of the way from a client to a tool.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    title: &'static str,
    /// The layer below, which this one calls.
    over: Option<&'static str>,
    /// The part of a call that this layer adds.
    part: &'static str,
    /// Django's figure for it: claim D1, with one trivial tool.
    django_ns: Option<u64>,
}

/// The layers, from the tool outwards.
pub(crate) const LAYERS: [Layer; 8] = [
    Layer {
        name: "direct_call",
        title: "direct call",
        over: None,
        part: "tool",
        django_ns: Some(100),
    },
    Layer {
        name: "tool_dispatch",
        title: "tool dispatch",
        over: Some("direct_call"),
        part: "protocol",
        django_ns: None,
    },
    Layer {
        name: "fast_path",
        title: "fast path",
        over: Some("tool_dispatch"),
        part: "protocol",
        django_ns: None,
    },
    Layer {
        name: "rmcp_dispatch",
        title: "rmcp dispatch",
        over: Some("tool_dispatch"),
        part: "protocol",
        django_ns: Some(50_000),
    },
    Layer {
        name: "http_memory",
        title: "HTTP in memory",
        over: Some("fast_path"),
        part: "http",
        django_ns: None,
    },
    Layer {
        name: "http_loopback",
        title: "HTTP over loopback",
        over: Some("http_memory"),
        part: "socket",
        django_ns: Some(170_000),
    },
    Layer {
        name: "stdio",
        title: "stdio",
        over: Some("fast_path"),
        part: "socket",
        django_ns: None,
    },
    Layer {
        name: "sse",
        title: "SSE over loopback",
        over: Some("http_loopback"),
        part: "http",
        django_ns: None,
    },
];

/// All figures of a run. harness/FORMAT.md, "Layers", documents the members.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    measured_unix_s: u64,
    commit: Option<String>,
    cpu: Option<String>,
    cores: usize,
    layers: Vec<Row>,
}

/// One tool through one layer.
#[derive(Debug, Serialize)]
struct Row {
    tool: &'static str,
    layer: &'static str,
    over: Option<&'static str>,
    part: &'static str,
    median_ns: u64,
    low_ns: u64,
    high_ns: u64,
    added_ns: Option<i64>,
    django_ns: Option<u64>,
}

/// What is read of criterion's `estimates.json`.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

impl Figures {
    /// Reads what the run left in `estimates`, criterion's folder.
    ///
    /// # Errors
    /// When a layer of a tool is missing.
    pub(crate) fn read(estimates: &Path) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut figures = Self {
            measured_unix_s: now.as_secs(),
            commit: commit(),
            cpu: cpu(),
            cores: thread::available_parallelism()?.get(),
            layers: Vec::new(),
        };
        for tool in TOOLS {
            for layer in &LAYERS {
                let row = figures.row(estimates, tool, layer)?;
                figures.layers.push(row);
            }
        }
        Ok(figures)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "times are positive, and far below the limits of these types"
    )]
    fn row(&self, estimates: &Path, tool: &'static str, layer: &Layer) -> anyhow::Result<Row> {
        let folder = estimates.join(GROUP).join(layer.name).join(tool);
        let path = folder.join("new/estimates.json");
        let json = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let Estimates { median } = serde_json::from_slice(&json)?;
        let whole = |ns: f64| ns.round() as u64;
        let median_ns = whole(median.point_estimate);
        let below = layer.over.and_then(|over| self.median_ns(tool, over));
        Ok(Row {
            tool,
            layer: layer.name,
            over: layer.over,
            part: layer.part,
            median_ns,
            low_ns: whole(median.confidence_interval.lower_bound),
            high_ns: whole(median.confidence_interval.upper_bound),
            added_ns: below.map(|below| median_ns.cast_signed() - below.cast_signed()),
            django_ns: layer.django_ns,
        })
    }

    fn of(&self, tool: &str, layer: &str) -> Option<&Row> {
        let mut rows = self.layers.iter();
        rows.find(|row| row.tool == tool && row.layer == layer)
    }

    fn median_ns(&self, tool: &str, layer: &str) -> Option<u64> {
        self.of(tool, layer).map(|row| row.median_ns)
    }

    /// Writes the figures to `path`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let json = serde_json::to_string_pretty(self)?;
        fs::write(path, json + "\n").with_context(|| format!("writing {}", path.display()))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<20}{:<20}", "layer", "over")?;
        for tool in TOOLS {
            write!(out, "{tool:>20}{:>9}", "added")?;
        }
        writeln!(out, "{:>13}", "Django (D1)")?;
        for layer in &LAYERS {
            let below = LAYERS.iter().find(|other| Some(other.name) == layer.over);
            let over = below.map_or("", |below| below.title);
            write!(out, "{:<20}{over:<20}", layer.title)?;
            for tool in TOOLS {
                let row = self.of(tool, layer.name).ok_or(fmt::Error)?;
                let added = row.added_ns.map(|added| format!("{added:+}"));
                write!(out, "{:>20}{:>9}", row.median_ns, added.unwrap_or_default())?;
            }
            let django = layer.django_ns.map(|ns| ns.to_string());
            writeln!(out, "{:>13}", django.unwrap_or_default())?;
        }
        self.remarks(out)
    }
}

impl Figures {
    /// What has to be known to read the table.
    fn remarks(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "\nNanoseconds of processor time a call, of server, client and database together: medians.\n\
             \"added\" is the difference to the layer named under \"over\".\n\
             Django, by the clock: claim D1, one trivial tool, in process. Its source calls the transport \"roughly\n\
             a third\" of the total, but its 120 of 170 us are 71%."
        )?;
        let ends = ["direct_call", "http_loopback"].map(|layer| self.median_ns(ECHO, layer));
        let [Some(tool), Some(total)] = ends else {
            return Err(fmt::Error);
        };
        let share = 100.0 * (1.0 - tool as f64 / total as f64);
        writeln!(
            out,
            "Here, of an echo over loopback, {share:.1}% is not the tool's own method."
        )
    }
}

/// The commit that was measured, if this is a repository.
fn commit() -> Option<String> {
    let git = Command::new("git")
        .args([
            "describe",
            "--always",
            "--dirty",
            "--exclude=*",
            "--abbrev=12",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let output = git.ok().filter(|output| output.status.success())?;
    let name = String::from_utf8(output.stdout).ok()?;
    Some(name.trim().to_owned())
}

/// The processor, as Linux names it.
fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

//! `PostgreSQL` and Redis for one run, by the project's own script: made before it, gone after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::config::template::Context;
use crate::host::proc::{ProcessId, Stat, processes};

/// The script, within the project.
const SCRIPT: &str = "scripts/services";

/// The services that the script knows, the variable that it prints the URL of each as, and the name
/// that templates have for it.
pub(crate) const KNOWN: [(&str, &str, &str); 2] = [
    ("postgres", "MCP_DATABASE_URL", "postgres_url"),
    ("redis", "MCP_STORE_URL", "redis_url"),
];

/// Services that run until this is dropped. The script removes them, too, when this process ends
/// without having done so.
#[derive(Debug)]
pub(crate) struct Backends {
    script: PathBuf,
    folder: PathBuf,
    /// The first process of each; others are their children.
    pub(super) ids: Vec<ProcessId>,
}

impl Backends {
    /// Starts services of [`KNOWN`], on the cores of the calling thread: with each its URL, by the
    /// name that templates have for it.
    pub(super) fn up(root: &Path, names: &[&str]) -> anyhow::Result<(Self, Context)> {
        let mut backends = Self {
            script: root.join(SCRIPT),
            folder: std::env::temp_dir().join(format!("mcp-harness-{}", std::process::id())),
            ids: Vec::new(),
        };
        eprintln!("services: {} up", names.join(", "));
        let guardian = std::process::id().to_string();
        let said = backends.run(&["up", "--while", &guardian], names)?;
        let known = KNOWN.into_iter().filter(|(name, ..)| names.contains(name));
        let url = |(name, variable, template): (&str, &str, &str)| {
            let url = exported(&said, variable)
                .with_context(|| format!("{SCRIPT} up {name} did not print {variable}"))?;
            Ok((template.to_owned(), Value::String(url)))
        };
        let urls = known.map(url).collect::<anyhow::Result<Context>>()?;
        backends.ids = first_processes(&backends.folder);
        Ok((backends, urls))
    }

    /// Runs the script; what it prints on stdout.
    fn run(&self, verb: &[&str], names: &[&str]) -> anyhow::Result<String> {
        use std::os::unix::process::CommandExt as _;
        let Output { status, stdout, .. } = Command::new(&self.script)
            .args(verb)
            .args(names)
            .arg("--folder")
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            // Ctrl-C is for the harness, which then ends what it has started.
            .process_group(0)
            .output()
            .with_context(|| format!("cannot run {}", self.script.display()))?;
        if !status.success() {
            bail!("{SCRIPT} {} failed ({status})", verb.join(" "));
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        if let Err(error) = self.run(&["remove"], &[]) {
            eprintln!(
                "warning: services are left in {}: {error:#}",
                self.folder.display()
            );
        }
        // Only what the script left empty.
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// The processes that work in a folder and whose parents do not.
fn first_processes(folder: &Path) -> Vec<ProcessId> {
    let works_there = |id: ProcessId| {
        let works_in = std::fs::read_link(format!("/proc/{id}/cwd")).ok()?;
        let stat = works_in.starts_with(folder).then(|| Stat::of(id))??;
        Some((id, stat.parent))
    };
    let all: BTreeMap<ProcessId, ProcessId> = processes().filter_map(works_there).collect();
    let is_first = |parent: &ProcessId| !all.contains_key(parent);
    let first = all.iter().filter(|(_, parent)| is_first(parent));
    first.map(|(id, _)| *id).collect()
}

/// The value of a line `export NAME=VALUE` or `export NAME='VALUE'`.
fn exported(text: &str, variable: &str) -> Option<String> {
    let value = text.lines().find_map(|line| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        (name == variable).then_some(value)
    })?;
    Some(value.trim_matches('\'').to_owned())
}

#[cfg(test)]
mod tests {
    use super::exported;

    #[test]
    fn exported_urls_are_read_with_and_without_quotation_marks() {
        let text = "services: noise\nexport A='postgres://u:p@h/d?x=y'\nexport B=redis://h:1\n";
        assert_eq!(
            exported(text, "A").as_deref(),
            Some("postgres://u:p@h/d?x=y")
        );
        assert_eq!(exported(text, "B").as_deref(), Some("redis://h:1"));
        assert_eq!(exported(text, "C"), None);
    }
}

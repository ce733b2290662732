//! A cargo project for a server of one's own: the files of `harness/template`, filled in.
//!
//! Which transport and runtime it gets is for the caller to say. The files are part of the program,
//! so an installed harness makes projects, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

use crate::config::suite::Workload;

/// Embeds the files of `harness/template`. Their names may have variables, too.
macro_rules! files {
    ($($path:literal)*) => {
        const FILES: &[(&str, &str)] =
            &[$(($path, include_str!(concat!("../template/", $path, ".jinja")))),*];
    };
}

files! {
    ".cargo/config.toml"
    ".dockerignore"
    ".github/workflows/ci.yml"
    ".gitignore"
    "Cargo.toml"
    "Dockerfile"
    "README.md"
    "bench/gate.toml"
    "bench/subjects.toml"
    "bench/suites/tool.toml"
    "clients/claude_desktop_config.json"
    "clients/inspector.json"
    "clients/vscode_mcp.json"
    "deploy/NAME.service"
    "justfile"
    "src/app.rs"
    "src/guard.rs"
    "src/main.rs"
    "tests/it.rs"
}

/// The folders of this repository that a project needs to be built.
const LIBRARIES: &[&str] = &["server", "transports"];

/// Where the project takes the crate `server` from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dependency {
    /// A clone of this repository.
    Path,
    /// A git repository, by its URL.
    Git(String),
    /// A copy inside of the project.
    Vendored,
}

/// What a project is made from.
#[derive(Debug, Clone)]
pub struct Project {
    /// Name of the package and of its program.
    pub name: String,
    /// What the example tool does.
    pub workload: Workload,
    /// `stdio`, `http-json` or `http-stream`.
    pub transport: String,
    /// `tokio` or `percore`.
    pub runtime: String,
    /// Flags of the server with which it was measured.
    pub flags: Vec<String>,
    /// Why this transport and this runtime, in a sentence or two.
    pub why: String,
    /// Where `server` comes from.
    pub dependency: Dependency,
    /// The clone of this repository.
    pub lab: PathBuf,
}

/// What the templates may name.
#[derive(Serialize)]
struct Values<'a> {
    name: &'a str,
    crate_name: String,
    workload: Workload,
    uses_db: bool,
    uses_api: bool,
    tool: &'static str,
    tool_says: &'static str,
    arguments: &'static str,
    transport: &'a str,
    transport_type: &'static str,
    wire: &'static str,
    runtime: &'a str,
    runtime_type: &'static str,
    flags: &'a [String],
    command: String,
    why: &'a str,
    rmcp: String,
    server: String,
    dependency: &'static str,
    lab: String,
}

impl Project {
    /// Whether there is a template for a transport on a runtime. Legacy SSE is for old clients, and
    /// the crates that the example tools use (reqwest, rmcp) stand on tokio.
    #[must_use]
    pub fn supports(transport: &str, runtime: &str) -> bool {
        types(transport, runtime).is_some()
    }

    /// Writes the project into `folder`, which must be empty or not there.
    ///
    /// # Errors
    /// When the folder is not empty, the name is no package's, the clone is not there, or a file
    /// cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
        ensure!(
            is_empty,
            "{} is not empty; name a new folder",
            folder.display()
        );
        let is_package = self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        ensure!(
            is_package && !["server", "test", "transports"].contains(&&*self.name),
            "{} cannot be the name of this package: take lower-case letters, digits and -, for \
             instance with --name my-server",
            self.name
        );
        let values = Value::from(Serde(self.values()?));
        let mut environment = Environment::new();
        environment.set_syntax(
            SyntaxConfig::builder()
                .variable_delimiters("<{", "}>")
                .block_delimiters("<%", "%>")
                .comment_delimiters("<#", "#>")
                .keep_trailing_newline(true)
                .build()?,
        );
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (path, template) in FILES {
            // systemd starts no server that lives as long as its standard input.
            if self.transport == "stdio" && path.starts_with("deploy/") {
                continue;
            }
            let text = environment
                .render_named_str(path, template, values.clone())
                .with_context(|| format!("the template of {path}"))?;
            put(&folder.join(path.replace("NAME", &self.name)), &text)?;
        }
        if self.dependency == Dependency::Vendored {
            self.vendor(&folder.join("vendor"))?;
        }
        // The versions that this repository is tested with; cargo drops what is not needed.
        let lock = self.read("Cargo.lock")?;
        put(&folder.join("Cargo.lock"), &lock)?;
        format(folder);
        Ok(())
    }

    fn values(&self) -> anyhow::Result<Values<'_>> {
        let Some((transport_type, runtime_type)) = types(&self.transport, &self.runtime) else {
            bail!(
                "there is no template for {} on {}",
                self.transport,
                self.runtime
            );
        };
        let lab = path_text(&self.lab)?;
        let (tool, tool_says, arguments) = example(self.workload);
        let (dependency, server) = match &self.dependency {
            Dependency::Path => (
                "path",
                format!("path = {}", quoted(&format!("{lab}/server"))),
            ),
            Dependency::Git(url) => ("git", format!("git = {}", quoted(url))),
            Dependency::Vendored => ("vendor", "path = \"vendor/server\"".to_owned()),
        };
        let uses_db = matches!(self.workload, Workload::Database | Workload::Mixed);
        let uses_api = matches!(self.workload, Workload::Io | Workload::Mixed);
        Ok(Values {
            name: &self.name,
            crate_name: self.name.replace('-', "_"),
            workload: self.workload,
            uses_db,
            uses_api,
            tool,
            tool_says,
            arguments,
            transport: &self.transport,
            transport_type,
            wire: if self.transport == "stdio" {
                "stdio"
            } else {
                "http"
            },
            runtime: &self.runtime,
            runtime_type,
            flags: &self.flags,
            command: self.command(uses_db, uses_api),
            why: &self.why,
            rmcp: self.version_of("rmcp")?,
            server,
            dependency,
            lab,
        })
    }

    /// How the harness starts the server: the words of a TOML list.
    fn command(&self, uses_db: bool, uses_api: bool) -> String {
        let mut words = vec![format!("target/release/{}", self.name)];
        if self.transport != "stdio" {
            words.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
        }
        words.extend(self.flags.iter().cloned());
        if uses_db {
            words.extend([
                "--database-file".to_owned(),
                format!("target/{}.db", self.name),
            ]);
        }
        if uses_api {
            words.extend(["--api-url", "{upstream_url}"].map(str::to_owned));
        }
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        words.join(", ")
    }

    fn read(&self, path: &str) -> anyhow::Result<String> {
        let path = self.lab.join(path);
        fs::read_to_string(&path).with_context(|| {
            let path = path.display();
            format!("reading {path}; name a clone of MCP Transport Lab with --root")
        })
    }

    /// The version of a crate that the workspace asks for.
    fn version_of(&self, name: &str) -> anyhow::Result<String> {
        let manifest: toml::Table = self.read("Cargo.toml")?.parse()?;
        let version = manifest.get("workspace").and_then(|table| {
            table
                .get("dependencies")?
                .get(name)?
                .get("version")?
                .as_str()
        });
        Ok(version
            .with_context(|| format!("the workspace's Cargo.toml has no version of {name}"))?
            .to_owned())
    }

    /// Copies the library into a workspace of its own: its crates take versions and lints from it.
    fn vendor(&self, folder: &Path) -> anyhow::Result<()> {
        let mut manifest: toml::Table = self.read("Cargo.toml")?.parse()?;
        if let Some(workspace) = manifest
            .get_mut("workspace")
            .and_then(toml::Value::as_table_mut)
        {
            let members = LIBRARIES
                .iter()
                .map(|name| toml::Value::from(*name))
                .collect::<Vec<_>>();
            workspace.insert("members".to_owned(), members.into());
        }
        manifest.remove("profile");
        put(&folder.join("Cargo.toml"), &manifest.to_string())?;
        for library in LIBRARIES {
            copy(
                &self.lab.join(library).join("src"),
                &folder.join(library).join("src"),
            )?;
            let mut own: toml::Table = self.read(&format!("{library}/Cargo.toml"))?.parse()?;
            // What is not copied: tests, benches and examples, and what they alone need.
            for key in ["dev-dependencies", "test", "bench", "example"] {
                own.remove(key);
            }
            put(&folder.join(library).join("Cargo.toml"), &own.to_string())?;
        }
        put(&folder.join("LICENSE"), &self.read("LICENSE")?)
    }
}

/// Name, meaning and example arguments of the tool that stands for a kind of work.
const fn example(workload: Workload) -> (&'static str, &'static str, &'static str) {
    match workload {
        Workload::Cpu => (
            "count_words",
            "it counts the words of a text",
            r#"{"text": "The cat sat on the mat."}"#,
        ),
        Workload::Database => (
            "find_items",
            "it finds rows of an SQLite database",
            r#"{"prefix": "la"}"#,
        ),
        Workload::Io => (
            "fetch_price",
            "it asks an HTTP API for the price of an item",
            r#"{"id": 1}"#,
        ),
        Workload::Mixed => (
            "describe_item",
            "it asks a database and an HTTP API at the same time",
            r#"{"id": 1}"#,
        ),
    }
}

/// The types of `server` that name a transport and a runtime.
fn types(transport: &str, runtime: &str) -> Option<(&'static str, &'static str)> {
    let transport = match transport {
        "stdio" => "Stdio",
        "http-json" => "HttpJson",
        "http-stream" => "HttpStream",
        _ => return None,
    };
    match runtime {
        "tokio" => Some((transport, "Tokio")),
        "percore" if transport != "Stdio" => Some((transport, "PerCore")),
        _ => None,
    }
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Formats the sources: where lines break depends on the name. Without rustfmt they stay as they
/// are.
fn format(folder: &Path) {
    let paths = FILES.iter().map(|(path, _)| folder.join(path));
    let sources = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024"]).args(sources);
    if !rustfmt.status().is_ok_and(|status| status.success()) {
        eprintln!("note: rustfmt is not there or failed, so the sources are not formatted");
    }
}

fn path_text(path: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(path)?;
    let text = path.to_str();
    Ok(text
        .with_context(|| format!("{} is not UTF-8", path.display()))?
        .to_owned())
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, text)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Copies a folder and all that is in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("writing {}", target.display()))?;
        }
    }
    Ok(())
}

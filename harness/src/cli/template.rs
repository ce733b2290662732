//! `template`: a cargo project for a server of one's own, with what a run recommends.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::report::Recorded;
use super::{Places, Verdict};
use crate::analysis::dataset::Dataset;
use crate::analysis::recommend::{Wish, answers, recommend};
use crate::config::scenario::Deployment;
use crate::config::suite::Workload;
use crate::project::{Dependency, Project};
use crate::render::table::{Style, json};

/// The library's flags that a recommended server keeps. What is left at its default is not among
/// them, nor are the lab's own flags.
const KEPT_FLAGS: &[&str] = &["--nodelay", "--sessions"];

/// Flags of `template`.
#[derive(Debug, Args)]
#[command(after_help = "\
Makes a project that stands on the library `server`: one example tool of that kind of work, tests,
a benchmark, a Dockerfile, over HTTP a systemd unit, configuration of clients, and a CI workflow.
Transport, runtime and flags are those that `recommend` names for the work, from the latest run that
answers the question; without a run, http-json on tokio, or stdio for local use.

Examples:
  mcp-harness template ../my-server --workload db
  mcp-harness template ../my-server --workload api --deployment local --vendor")]
pub(super) struct Template {
    /// The folder to make
    dir: PathBuf,
    /// The kind of work of its tools
    #[arg(long, value_enum, default_value_t = Workload::Cpu)]
    workload: Workload,
    /// Where its clients are
    #[arg(long, value_enum, default_value_t = Deployment::Remote)]
    deployment: Deployment,
    /// The run that recommends [default: the latest that answers the question]
    #[arg(long)]
    run: Option<PathBuf>,
    /// Name of the package [default: that of the folder]
    #[arg(long)]
    name: Option<String>,
    /// Take the library from this git repository [default: from the path of this clone]
    #[arg(long, value_name = "URL", conflicts_with = "vendor")]
    git: Option<String>,
    /// Copy the library into the folder, so that it builds without a clone
    #[arg(long)]
    vendor: bool,
    #[command(flatten)]
    recorded: Recorded,
}

/// What was made.
#[derive(Serialize)]
struct Made<'a> {
    folder: &'a Path,
    transport: &'a str,
    runtime: &'a str,
    flags: &'a [String],
    why: &'a str,
}

impl Made<'_> {
    fn text(&self) -> String {
        let Self {
            transport,
            runtime,
            why,
            ..
        } = self;
        let folder = self.folder.display();
        format!(
            "{folder}: a server over {transport} on {runtime}.\n{why}\n\nNext: cd {folder} && just test\n"
        )
    }
}

/// What was chosen, and why.
struct Choice {
    transport: String,
    runtime: String,
    flags: Vec<String>,
    why: String,
}

impl Template {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let choice = self.choose(places)?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => std::path::absolute(&self.dir)?
                .file_name()
                .and_then(|name| name.to_str())
                .context("the folder has no name; give the package one with --name")?
                .to_owned(),
        };
        let project = Project {
            name,
            workload: self.workload,
            transport: choice.transport,
            runtime: choice.runtime,
            flags: choice.flags,
            why: choice.why,
            dependency: match (&self.git, self.vendor) {
                (Some(url), _) => Dependency::Git(url.clone()),
                (None, true) => Dependency::Vendored,
                (None, false) => Dependency::Path,
            },
            lab: places.root(),
        };
        project.write(&self.dir)?;
        let made = Made {
            folder: &self.dir,
            transport: &project.transport,
            runtime: &project.runtime,
            flags: &project.flags,
            why: &project.why,
        };
        self.recorded.show(&made, |made, style| match style {
            Style::Json => json(made),
            _ => made.text(),
        })?;
        Ok(Verdict::Right)
    }

    fn choose(&self, places: &Places) -> anyhow::Result<Choice> {
        let wish = Wish::usual(self.workload, self.deployment);
        let run = match &self.run {
            Some(run) => Some(self.recorded.dataset(places, Some(run))?),
            None => (self.recorded).youngest(places, |run| answers(run, &wish)),
        };
        match run {
            Some(run) => chosen(&run, &wish),
            None => Ok(unmeasured(self.deployment)),
        }
    }
}

/// The first place of the run's ranking that there is a template for.
fn chosen(run: &Dataset, wish: &Wish) -> anyhow::Result<Choice> {
    let found = recommend(run, wish)?;
    let places = found.ranking.places.iter().map(|place| &place.subject);
    let subjects = places.filter_map(|name| Some((name, run.subjects.subject.get(name)?)));
    let mut fitting = subjects.filter(|(_, subject)| {
        let runtime = subject.runtime.as_deref().unwrap_or_default();
        let is_fast = subject.fast_path.as_deref() != Some("off");
        is_fast && Project::supports(&subject.transport, runtime)
    });
    let (name, subject) = fitting.next().with_context(|| {
        format!(
            "{} has no server on tokio or percore that can be a template",
            run.run
        )
    })?;
    let why = if *name == found.subject {
        format!("Chosen by the run {}: {name}. {}", run.run, found.wins)
    } else {
        format!(
            "Chosen by the run {}: {name}. {} came first, but there is no template for it: templates \
             are for stdio and Streamable HTTP on tokio, which rmcp and reqwest stand on.",
            run.run, found.subject
        )
    };
    let kept = subject.command.windows(2).filter_map(|pair| match pair {
        [flag, value] if KEPT_FLAGS.contains(&&**flag) => Some([flag.clone(), value.clone()]),
        _ => None,
    });
    Ok(Choice {
        transport: subject.transport.clone(),
        runtime: subject.runtime.clone().unwrap_or_default(),
        flags: kept.flatten().collect(),
        why,
    })
}

fn unmeasured(deployment: Deployment) -> Choice {
    let transport = match deployment {
        Deployment::Local => "stdio",
        Deployment::Remote => "http-json",
    };
    Choice {
        transport: transport.to_owned(),
        runtime: "tokio".to_owned(),
        flags: Vec::new(),
        why:
            "No recorded run answers which configuration is best here, so this is the default: run \
              `just bench-all` to know."
                .to_owned(),
    }
}

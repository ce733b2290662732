//! `readme`: puts the figures of reference runs into the documents that show them, or checks that
//! what stands there is what the runs say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use super::{Places, Verdict, print};
use crate::analysis::dataset::Dataset;
use crate::analysis::summary::Report;
use crate::report::blocks::{PICTURE, Shown, picture_file};
use crate::report::splice::{Marked, NO_RUN, marked, spliced};
use crate::results::folder::RunFolder;
use crate::results::write_atomically;

/// Where reference runs are committed: `MACHINE/RUN`.
const REFERENCE: &str = "results/reference";

/// Flags of `readme`.
#[derive(Debug, Args)]
#[command(after_help = "\
README.md and docs/*.md have blocks like

  <!-- recorded: costs, run: results/reference/MACHINE/RUN -->
  ...
  <!-- /recorded -->

with costs, picture, claims or situations. Each is written from the youngest run that holds it, and
names that run. `run: none` marks a block that no run has written yet. The picture is a file
picture.svg beside its run.

Examples:
  mcp-harness readme                                          from the runs in results/reference
  mcp-harness readme --run results/reference/MACHINE/RUN
  mcp-harness readme --check                                  exit code 1 when a block is stale")]
pub(super) struct Readme {
    /// Take the figures from these runs, the first that holds a block [default: those of
    /// ROOT/results/reference, the youngest first]
    #[arg(long, value_name = "RUN", conflicts_with = "check")]
    run: Vec<PathBuf>,
    /// Write nothing: compare each block with the run that it names
    #[arg(long)]
    check: bool,
}

impl Readme {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let root = places.root();
        let documents = documents(&root)?;
        let mut told = String::new();
        let is_right = if self.check {
            check(&root, &documents, &mut told)?
        } else {
            let runs = if self.run.is_empty() {
                reference_runs(&root)?
            } else {
                let named = self.run.iter().map(|run| Source::open(&root, run));
                named.collect::<anyhow::Result<_>>()?
            };
            write(&root, &documents, &runs, &mut told)?;
            true
        };
        print(&told)?;
        Ok(Verdict::of(is_right))
    }
}

/// A run that blocks are drawn from.
struct Source {
    /// Its folder, from the project's root.
    path: String,
    run: Dataset,
    summary: Report,
}

impl Source {
    /// The run in a folder of the project.
    fn open(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        let real = |path: &Path| {
            (path.canonicalize()).with_context(|| format!("looking for {}", path.display()))
        };
        let (whole, root) = (
            real(folder).or_else(|_| real(&root.join(folder)))?,
            real(root)?,
        );
        let Ok(path) = whole.strip_prefix(&root) else {
            bail!(
                "{} is not in {}: documents cannot link to it; copy it to {REFERENCE}/MACHINE",
                folder.display(),
                root.display()
            );
        };
        let parts = path
            .components()
            .map(|part| part.as_os_str().to_string_lossy());
        let path = parts.collect::<Vec<_>>().join("/");
        let run = Dataset::read(RunFolder::open(&whole)?)?;
        let summary = Report::of(&run)?;
        Ok(Self { path, run, summary })
    }

    /// The text of a block in a document; nothing where the run does not hold it.
    fn draw(&self, block: &Marked<'_>, document: &str) -> anyhow::Result<Option<String>> {
        let link = "../".repeat(document.matches('/').count()) + &self.path;
        block.block.draw(Shown {
            run: &self.run,
            summary: &self.summary,
            link: &link,
        })
    }

    /// The file of the picture, and what it has to hold.
    fn picture(&self) -> anyhow::Result<(PathBuf, String)> {
        let file = self.run.folder.root().join(PICTURE);
        let drawn = picture_file(&self.run, &self.summary)?;
        let drawn = drawn.with_context(|| format!("{} has no picture", self.path))?;
        Ok((file, drawn))
    }
}

/// The documents that may have blocks, from the project's root, with their texts.
fn documents(root: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut names = vec!["README.md".to_owned()];
    if let Ok(entries) = std::fs::read_dir(root.join("docs")) {
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let is_page = Path::new(&name).extension().is_some_and(|end| end == "md");
            names.extend(is_page.then(|| format!("docs/{name}")));
        }
    }
    let read = |name: String| {
        let text =
            std::fs::read_to_string(root.join(&name)).with_context(|| format!("reading {name}"))?;
        Ok((name, text))
    };
    names.into_iter().map(read).collect()
}

/// The reference runs, the youngest first; none when none is committed.
fn reference_runs(root: &Path) -> anyhow::Result<Vec<Source>> {
    let Ok(machines) = std::fs::read_dir(root.join(REFERENCE)) else {
        return Ok(Vec::new());
    };
    let mut runs = Vec::new();
    for machine in machines {
        let machine = machine?.path();
        // A machine's folder may hold no run yet.
        for folder in RunFolder::all(&machine).unwrap_or_default() {
            runs.push(Source::open(root, folder.root())?);
        }
    }
    let started = |one: &Source| (one.run.environment.started.clone(), one.path.clone());
    runs.sort_by_cached_key(|one| std::cmp::Reverse(started(one)));
    Ok(runs)
}

/// Writes every block of which a run holds the figures.
fn write(
    root: &Path,
    documents: &BTreeMap<String, String>,
    runs: &[Source],
    told: &mut String,
) -> anyhow::Result<()> {
    if runs.is_empty() {
        told.push_str(&no_run());
    }
    for (name, text) in documents {
        let mut new = Vec::new();
        for block in read(name, text)? {
            let Some((source, body)) = first(runs, &block, name)? else {
                let _ = writeln!(told, "{name}: {} is left: no run holds it", block.block);
                continue;
            };
            if block.block.has_file() {
                let (file, drawn) = source.picture()?;
                write_atomically(&file, drawn.as_bytes())?;
            }
            let _ = writeln!(told, "{name}: {} from {}", block.block, source.path);
            new.push((block, source.path.clone(), body));
        }
        let new = spliced(text, &new);
        if new != *text {
            write_atomically(&root.join(name), new.as_bytes())?;
        }
    }
    Ok(())
}

/// The first run that holds a block, with the block's text.
fn first<'s>(
    runs: &'s [Source],
    block: &Marked<'_>,
    document: &str,
) -> anyhow::Result<Option<(&'s Source, String)>> {
    for source in runs {
        if let Some(body) = source.draw(block, document)? {
            return Ok(Some((source, body)));
        }
    }
    Ok(None)
}

/// Says of each block whether it is what its run says; whether all are.
fn check(
    root: &Path,
    documents: &BTreeMap<String, String>,
    told: &mut String,
) -> anyhow::Result<bool> {
    let reference = reference_runs(root)?;
    if reference.is_empty() {
        told.push_str(&no_run());
    }
    let mut is_right = true;
    let mut count = 0;
    for (name, text) in documents {
        for block in read(name, text)? {
            count += 1;
            let found = stale(root, &reference, &block, name)?;
            is_right &= found.is_none();
            let found = match (found, block.run) {
                (Some(why), _) => format!("stale: {why}; `just readme` writes it"),
                (None, NO_RUN) => "names no run yet".to_owned(),
                (None, run) => format!("is what {run} says"),
            };
            let _ = writeln!(told, "{name}: {} {found}", block.block);
        }
    }
    ensure!(count > 0, "no document has a block: look at the markers");
    Ok(is_right)
}

/// Why a block is not what its run says, if it is not.
fn stale(
    root: &Path,
    reference: &[Source],
    block: &Marked<'_>,
    document: &str,
) -> anyhow::Result<Option<String>> {
    if block.run == NO_RUN {
        let found = first(reference, block, document)?;
        return Ok(
            found.map(|(source, _)| format!("it names no run, and {} holds it", source.path))
        );
    }
    let is_inside = |part| matches!(part, Component::Normal(_));
    ensure!(
        Path::new(block.run).components().all(is_inside),
        "{document}: the run {} is not a path inside of the project",
        block.run
    );
    let opened;
    let source = match reference.iter().find(|one| one.path == block.run) {
        Some(source) => source,
        None => match Source::open(root, &root.join(block.run)) {
            Ok(source) => {
                opened = source;
                &opened
            }
            Err(error) => return Ok(Some(format!("{error:#}"))),
        },
    };
    let Some(body) = source.draw(block, document)? else {
        return Ok(Some(format!("{} does not hold it", block.run)));
    };
    if body != block.body {
        return Ok(Some(format!("it differs from {}", block.run)));
    }
    if block.block.has_file() {
        let (file, drawn) = source.picture()?;
        if std::fs::read_to_string(&file).ok().as_ref() != Some(&drawn) {
            return Ok(Some(format!("{} differs from its run", file.display())));
        }
    }
    Ok(None)
}

fn no_run() -> String {
    format!("there is no reference run in {REFERENCE} yet\n")
}

fn read<'t>(name: &str, text: &'t str) -> anyhow::Result<Vec<Marked<'t>>> {
    marked(text).map_err(|message| anyhow::anyhow!("{name}: {message}"))
}

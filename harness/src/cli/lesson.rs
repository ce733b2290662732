//! `lesson`: one lesson of the course with its experiment, or the list of all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::experiments::Common;
use super::report::folder;
use super::{Places, Verdict, check_known, print};
use crate::analysis::dataset::Dataset;
use crate::analysis::{experiments, replay};
use crate::config::lesson::{Lesson as Definition, Material};
use crate::config::read_text;
use crate::config::replay::Plan;
use crate::interrupt::Interrupt;
use crate::render::lesson::{Measured, course, filled, question};
use crate::render::table::{Style, Table};
use crate::results::write_atomically;

/// Flags of `lesson`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
A lesson prints what others say and what to predict. Then it measures, draws one picture and gives the
verdicts. Its page in docs/lessons says why, and what to do. Predict before you look at the page.

Examples:
  mcp-harness lesson                             all lessons, in the order of the course
  mcp-harness lesson stdio                       one of them, in under a minute
  mcp-harness lesson stdio --run latest          from a recorded run again
  mcp-harness lesson stdio --run RUN --fill-page put the figures of a run into the page

Exit code 1 when something went wrong in a trial, or a comparison could not be measured."
)]
pub(super) struct Lesson {
    /// Its name [default: list all]
    name: Option<String>,
    /// Measure nothing: show it from this recorded run
    #[arg(long, value_name = "RUN", requires = "name")]
    run: Option<PathBuf>,
    /// Put what was measured into its page, ROOT/docs/lessons/NAME.md
    #[arg(long, requires = "name")]
    fill_page: bool,
    #[command(flatten)]
    common: Common,
}

impl Lesson {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let material = places.read_material()?;
        let lessons = Definition::read_folder(&places.lessons(), &material)?;
        let Some(name) = &self.name else {
            self.list(places, &lessons, &material)?;
            return Ok(Verdict::Right);
        };
        check_known("lesson", std::slice::from_ref(name), lessons.keys())?;
        let lesson = &lessons[name];
        let plan = (lesson.plan(name, &material)).map_err(|message| anyhow!(message))?;
        let is_text = self.common.format().style() == Style::Text;
        if is_text {
            print(&question(lesson, &material.claims))?;
        }
        let (run, verdict) = self.measured(places, &plan, interrupt)?;
        let measured = Measured {
            name,
            run: &run,
            findings: experiments::all(&plan.experiments, &run)?,
            answered: replay::answers(&plan.replayed, &run)?,
        };
        anyhow::ensure!(
            measured.is_there(),
            "the run {} holds nothing of the lesson {name}; `mcp-harness lesson {name}` makes one that does",
            run.run
        );
        (self.common.format()).show(&measured, |measured, style| match style {
            Style::Text => measured.text(),
            Style::Markdown => measured.page(),
            Style::Json | Style::Csv => measured.document().draw(style),
        })?;
        if self.fill_page {
            fill_page(&places.lesson_page(name), &measured)?;
        }
        Ok(Verdict::of(
            verdict == Verdict::Right && measured.is_complete(),
        ))
    }

    /// The recorded run that is named, or one that is made now.
    fn measured(
        &self,
        places: &Places,
        plan: &Plan,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Dataset, Verdict)> {
        if let Some(run) = &self.run {
            let folder = folder(&places.results(self.common.out()), Some(run))?;
            return Ok((Dataset::read(folder)?, Verdict::Right));
        }
        let (experiments, replayed) = (plan.experiments.clone(), plan.replayed.clone());
        let (made, verdict) = self.common.make(places, experiments, replayed, interrupt)?;
        Ok((made.run, verdict))
    }

    /// Prints the course.
    fn list(
        &self,
        places: &Places,
        lessons: &BTreeMap<String, Definition>,
        material: &Material,
    ) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for (name, lesson) in lessons {
            let plan = (lesson.plan(name, material)).map_err(|message| anyhow!(message))?;
            let seconds = self.common.seconds(places, &plan.experiments);
            let seconds = seconds.with_context(|| format!("lesson {name}"))?;
            rows.push((name, lesson, seconds));
        }
        rows.sort_by_key(|(_, lesson, _)| lesson.number);
        let table = course(&rows);
        (self.common.format()).show(&table, Table::draw)
    }
}

fn fill_page(path: &Path, measured: &Measured<'_>) -> anyhow::Result<()> {
    let page = read_text(path)?;
    let page = filled(&page, measured.name, &measured.page())
        .map_err(|message| anyhow!("{}: {message}", path.display()))?;
    write_atomically(path, page.as_bytes())?;
    eprintln!("filled: {}", path.display());
    Ok(())
}

impl Places {
    fn lessons(&self) -> PathBuf {
        self.root().join("harness/lessons")
    }

    fn lesson_page(&self, name: &str) -> PathBuf {
        self.root().join(format!("docs/lessons/{name}.md"))
    }
}

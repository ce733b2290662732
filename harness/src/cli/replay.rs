//! `replay`: measures what answers published claims, and says of each whether it holds here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::experiments::Common;
use super::report::folder;
use super::{Places, Verdict};
use crate::analysis::replay as analysis;
use crate::analysis::summary::Report;
use crate::config::experiment::Experiment;
use crate::config::lesson::Material;
use crate::config::published::Claims;
use crate::config::replay::{Length, Plan, Replay as Definition, plan};
use crate::interrupt::Interrupt;
use crate::render::replay::draw;

/// Flags of `replay`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each published claim ends in one line: reproduced, not reproduced, explained by something else than the
claim says, or not testable here and why. The rules are in harness/replays, the claims in
harness/published. A figure is divided by a published one only where load and limits are the same;
otherwise the differences are listed. Rows of other implementations are shown as published.

Examples:
  mcp-harness replay                          all claims, in under 45 minutes on two cores
  mcp-harness replay S8 T2c                   what answers these
  mcp-harness replay --quick                  a first look at all, in 8 minutes
  mcp-harness replay --run latest             the verdicts of a recorded run again

Exit code 1 when something went wrong in a trial, or a claim could not be measured. A claim that does
not hold is a finding and no error."
)]
pub(super) struct Replay {
    /// Only these claims, for instance S8, or S8.pool for a part of it
    ids: Vec<String>,
    /// Short trials, for a first look
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Trials as long as the published ones
    #[arg(long)]
    full: bool,
    /// Measure nothing: print the verdicts of this recorded run again
    #[arg(long, value_name = "RUN", conflicts_with_all = ["ids", "quick", "full"])]
    run: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Replay {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        if let Some(run) = &self.run {
            let folder = folder(&places.results(self.common.out()), Some(run))?;
            let report = Report::read(&folder)?;
            anyhow::ensure!(
                !report.replay.is_empty(),
                "the run {} answers no published claim; `mcp-harness replay` makes one that does",
                report.run
            );
            self.print(&report.replay)?;
            return Ok(Verdict::Right);
        }
        let plan = self.plan(places)?;
        if plan.experiments.is_empty() {
            self.print(&analysis::without_a_run(&plan.replayed))?;
            return Ok(Verdict::Right);
        }
        let (made, verdict) =
            (self.common).make(places, plan.experiments, plan.replayed, interrupt)?;
        let found = &made.report.replay;
        self.print(found)?;
        let is_missing = |one: &&analysis::Answered| one.verdict == analysis::Verdict::NotMeasured;
        let missing = found.iter().filter(is_missing).count();
        if missing > 0 {
            eprintln!("of {} claims {missing} could not be measured", found.len());
        }
        Ok(Verdict::of(verdict == Verdict::Right && missing == 0))
    }

    fn plan(&self, places: &Places) -> anyhow::Result<Plan> {
        let all = places.read_material()?;
        let length = match (self.quick, self.full) {
            (true, _) => Length::Quick,
            (_, true) => Length::Full,
            _ => Length::Usual,
        };
        plan(
            all.replays,
            &all.claims,
            &all.experiments,
            &self.ids,
            length,
        )
        .map_err(|message| anyhow!(message))
    }

    fn print(&self, all: &[analysis::Answered]) -> anyhow::Result<()> {
        self.common.format().show(all, draw)
    }
}

impl Places {
    /// Reads the experiments of a folder, with the texts of the claims that they quote.
    pub(super) fn read_experiments(
        &self,
        folder: &Path,
    ) -> anyhow::Result<BTreeMap<String, Experiment>> {
        let mut all = Experiment::read_folder(folder)?;
        for (name, one) in &mut all {
            self.quote(one)
                .map_err(|error| error.context(format!("experiment {name}")))?;
        }
        Ok(all)
    }

    /// Reads the published claims, the experiments, and the replays that answer claims.
    pub(super) fn read_material(&self) -> anyhow::Result<Material> {
        let claims = Claims::read_folder(&self.published())?;
        let experiments = self.read_experiments(&self.experiments())?;
        let replays = Definition::read_folder(&self.replays(), &claims, &experiments)?;
        Ok(Material {
            claims,
            experiments,
            replays,
        })
    }

    /// Puts the texts of claims into an experiment that quotes some by id.
    pub(super) fn quote(&self, experiment: &mut Experiment) -> anyhow::Result<()> {
        if experiment.published.iter().all(|one| !one.says.is_empty()) {
            return Ok(());
        }
        let claims = Claims::read_folder(&self.published())?;
        experiment
            .quote(&claims)
            .map_err(|message| anyhow!(message))
    }

    fn published(&self) -> PathBuf {
        self.root().join("harness/published")
    }

    fn replays(&self) -> PathBuf {
        self.root().join("harness/replays")
    }
}

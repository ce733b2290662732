//! A run that looks for the capacity of each subject: trials at rates of an open loop, each chosen by how the last one went.

mod search;

use std::time::Duration;

use search::Search;

use super::{Done, PlannedTrial, Progress, Run, Status, expected, trial};
use crate::config::capacity::CapacityBound;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::run::trial::Job;

/// Where a search begins when nobody says.
const FIRST_RATE: f64 = 1_000.0;

/// About how many trials a search takes, for the time left only.
const TRIALS_OF_A_SEARCH: u32 = 14;

impl<'a> Run<'a> {
    /// Searches for the capacity of each pair, one after another, and records how that ended.
    pub(super) fn search(
        mut self,
        bound: CapacityBound,
        pairs: &'a [PlannedTrial],
        interrupt: &Interrupt,
    ) -> anyhow::Result<Done> {
        let made = self.search_all(bound, pairs, interrupt);
        self.environment.trials_planned = self.environment.trials_done;
        self.close(made, interrupt)
    }

    fn search_all(
        &mut self,
        bound: CapacityBound,
        pairs: &'a [PlannedTrial],
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let length = |slot: &PlannedTrial| {
            let suite = self.questions.suites.get(&slot.suite);
            suite.map(expected).unwrap_or_default() * TRIALS_OF_A_SEARCH
        };
        let lengths: Vec<Duration> = pairs.iter().map(length).collect();
        let trials = pairs.len() * TRIALS_OF_A_SEARCH as usize;
        let progress = Progress::new(trials, lengths.iter().sum());
        progress.line(&format!("recording in {}", self.folder.root().display()));
        let mut done = Duration::ZERO;
        for (pair, length) in pairs.iter().zip(lengths) {
            if interrupt.is_set() {
                break;
            }
            self.search_one(bound, pair, done, &progress, interrupt)?;
            done += length;
        }
        progress.finish();
        Ok(())
    }

    /// Searches for the capacity of one subject in one suite.
    fn search_one(
        &mut self,
        bound: CapacityBound,
        pair: &'a PlannedTrial,
        done: Duration,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let position = usize::try_from(self.environment.trials_done).unwrap_or(usize::MAX);
        let model = self.job(position, pair)?;
        let load = &model.suite.load;
        let mut search = Search::new(load.rate_per_s.unwrap_or(FIRST_RATE), load.trials);
        let mut suite = model.suite.clone();
        let mut number = 0;
        while let Some(rate) = search.rate() {
            number += 1;
            suite.load.rate_per_s = Some(rate);
            let job = Job {
                suite: &suite,
                trial: number,
                position: model.position + number - 1,
                ..model
            };
            let Some(held) = self.probe(bound, &job, pair, done, progress, interrupt)? else {
                return Ok(());
            };
            search.tell(held);
        }
        let subject = &pair.subject;
        progress.line(&match search.found() {
            Some(rate) => format!("{} {subject}: keeps up with {rate:.0} calls/s", pair.suite),
            None => format!(
                "{} {subject}: keeps up with no rate that was tried",
                pair.suite
            ),
        });
        Ok(())
    }

    /// One trial at one rate: whether it held. `None` when there is no use in going on.
    fn probe(
        &mut self,
        bound: CapacityBound,
        job: &Job<'_>,
        pair: &'a PlannedTrial,
        done: Duration,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Option<bool>> {
        self.bench.check_services()?;
        progress.begin(job, done);
        self.reset_changed(job.suite, &pair.subject, interrupt)?;
        let found = trial::run(self.bench, job, progress, interrupt)?;
        if interrupt.is_set() {
            return Ok(None);
        }
        self.bench.check_services()?;
        // At a rate that is too high errors are what is looked for; they are recorded, and are no fault of the run.
        let was_right = self.all_right;
        self.record(&found)?;
        self.all_right = was_right;
        progress.end(&found.trial);
        let is_there = found.trial.status != Status::NotReady;
        self.all_right &= is_there;
        Ok(is_there.then(|| bound.holds(&found.trial).is_ok()))
    }

    /// Brings the store back to its first state where the last trial has changed it.
    pub(super) fn reset_changed(
        &mut self,
        suite: &Suite,
        subject: &'a str,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        if let Some(changed) = self.changed.take() {
            self.bench.reset_store(changed, interrupt)?;
        }
        if suite.changes_store {
            self.changed = Some(subject);
        }
        Ok(())
    }
}

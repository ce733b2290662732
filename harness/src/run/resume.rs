//! A run that was cut short, and what has to be the same before it may be continued: trials made by other programs, or on
//! another machine, would stand in one table and could not be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;

use super::environment::{HARNESS_VERSION, now, programs};
use super::testbed::Testbed;
use super::trial_order::rounds;
use crate::results::environment::{Environment, Machine, Program, State};
use crate::results::folder::RunFolder;
use crate::results::trial::{Status, Trial, read_trials};
use crate::results::trial_order::{self, PlannedTrial};

/// A run that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(super) folder: RunFolder,
    pub(super) environment: Environment,
    pub(super) order: Vec<PlannedTrial>,
    pub(super) trials: Vec<Trial>,
}

impl Begun {
    /// Reads the folder of a run, complete or not.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        let folder = RunFolder::open(root)?;
        let environment = Environment::read(&folder.environment())?;
        let order = trial_order::read(&folder.order()).context(
            "the run cannot be continued, because it kept no order of its trials (it may be that of an older harness)",
        )?;
        let is_there = folder.trials().is_file();
        let trials = is_there
            .then(|| read_trials(&folder.trials()))
            .transpose()?;
        Ok(Self {
            folder,
            environment,
            trials: whole_rounds(trials.unwrap_or_default(), &order),
            order,
        })
    }

    /// Where it is recorded.
    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// What it was made with and on.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// How many trials it is to have.
    pub(crate) fn planned(&self) -> usize {
        self.order.len()
    }

    /// How many of them are not made yet.
    pub(crate) fn missing(&self) -> usize {
        let made = self.made();
        self.order
            .iter()
            .filter(|planned| !made.contains(planned))
            .count()
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_complete(&self) -> bool {
        self.environment.state == State::Complete && self.missing() == 0
    }

    /// The trials that are made, those that were skipped among them.
    pub(super) fn made(&self) -> BTreeSet<PlannedTrial> {
        self.trials.iter().map(PlannedTrial::of).collect()
    }

    /// What the folder says from now on.
    pub(super) fn environment_again(&self) -> Environment {
        let made = self.trials.iter();
        let done = made.filter(|trial| trial.status != Status::Skipped).count();
        let mut environment = self.environment.clone();
        environment.state = State::Running;
        environment.failure.clear();
        environment.ended.clear();
        environment.trials_done = done as u64;
        environment.resumed.push(now());
        environment
    }

    /// Refuses to continue with another harness, on another machine, or with other programs.
    pub(crate) fn check(&self, bench: &Testbed) -> anyhow::Result<()> {
        let mut differences = Vec::new();
        let then = &self.environment;
        differ(
            &mut differences,
            "harness version",
            &then.harness_version,
            HARNESS_VERSION,
        );
        machines_differ(&mut differences, &then.machine, bench.machine());
        programs_differ(&mut differences, &then.programs, &programs(bench)?);
        anyhow::ensure!(
            differences.is_empty(),
            "the run in {} cannot be continued: its new trials could not be compared with those it has.\n{}\n\
             Bring back what it was made with, or make a new run",
            self.folder.root().display(),
            differences.join("\n")
        );
        Ok(())
    }
}

/// The rows before the first of a process round that is not recorded to its end: it is made again.
fn whole_rounds(mut trials: Vec<Trial>, order: &[PlannedTrial]) -> Vec<Trial> {
    let made: BTreeSet<PlannedTrial> = trials.iter().map(PlannedTrial::of).collect();
    let mut torn = rounds(order).into_iter().filter(|round| {
        let lacking = round
            .iter()
            .filter(|planned| !made.contains(planned))
            .count();
        lacking > 0 && lacking < round.len()
    });
    if let Some(torn) = torn.next() {
        let is_of_it = |trial: &Trial| torn.contains(&PlannedTrial::of(trial));
        let whole = trials.iter().position(is_of_it);
        trials.truncate(whole.unwrap_or(trials.len()));
    }
    trials
}

/// Takes note of what was one thing then and is another now.
fn differ(
    differences: &mut Vec<String>,
    what: &str,
    then: &(impl std::fmt::Debug + ?Sized),
    now: &(impl std::fmt::Debug + ?Sized),
) {
    let (then, now) = (format!("{then:?}"), format!("{now:?}"));
    if then != now {
        differences.push(format!("- {what}: {then} then, {now} now"));
    }
}

fn machines_differ(differences: &mut Vec<String>, then: &Machine, now: &Machine) {
    for (what, then, now) in [
        ("host", &then.host, &now.host),
        ("processor", &then.cpu_model, &now.cpu_model),
        ("kernel", &then.kernel, &now.kernel),
        ("system", &then.os, &now.os),
        ("governor", &then.governor, &now.governor),
        ("clock source", &then.clock_source, &now.clock_source),
    ] {
        differ(differences, what, then, now);
    }
    differ(
        differences,
        "usable cores",
        &then.cores_usable,
        &now.cores_usable,
    );
    differ(differences, "boost", &then.boost, &now.boost);
    // What the kernel keeps for itself is not the same after each start.
    if then.memory_bytes.abs_diff(now.memory_bytes) > then.memory_bytes / 100 {
        let (then, now) = (then.memory_bytes, now.memory_bytes);
        differ(differences, "memory in bytes", &then, &now);
    }
    let limits = |machine: &Machine| (machine.cgroup_cpu_milli, machine.cgroup_memory_bytes);
    differ(
        differences,
        "limits of the control group (thousandths of a core, bytes)",
        &limits(then),
        &limits(now),
    );
}

fn programs_differ(
    differences: &mut Vec<String>,
    then: &BTreeMap<String, Program>,
    now: &BTreeMap<String, Program>,
) {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    for name in names {
        let hash = |programs: &BTreeMap<String, Program>| {
            let program = programs.get(name);
            program.map_or_else(|| "missing".to_owned(), |program| program.sha256.clone())
        };
        let what = format!("program of {name}, SHA-256");
        differ(differences, &what, &hash(then), &hash(now));
    }
}

#[cfg(test)]
mod tests {
    use super::machines_differ;
    use crate::results::environment::Machine;

    #[test]
    fn a_machine_is_the_same_after_a_restart_and_another_with_less_memory_or_a_limit_is_not() {
        let told = |change: fn(&mut Machine)| {
            let then = Machine {
                memory_bytes: 16 << 30,
                ..Machine::default()
            };
            let mut now = then.clone();
            change(&mut now);
            let mut differences = Vec::new();
            machines_differ(&mut differences, &then, &now);
            differences.join("\n")
        };
        assert_eq!(told(|now| now.memory_bytes -= 8 << 20), "");
        assert_eq!(told(|now| now.load_average_milli = 900), "");
        assert!(told(|now| now.memory_bytes -= 1 << 30).contains("memory in bytes"));
        assert!(
            told(|now| now.cgroup_cpu_milli = Some(500)).contains("limits of the control group")
        );
        assert!(told(|now| now.governor = "powersave".to_owned()).contains("governor"));
    }
}

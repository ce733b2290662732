//! A run that was cut short, and what has to be the same before it may be continued: trials made by
//! other programs, or on another machine, would stand in one table and could not be compared.

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
    /// Where it is recorded.
    pub(crate) folder: RunFolder,
    /// What it was made with and on.
    pub(crate) environment: Environment,
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

    /// How many trials it is to have.
    pub(crate) fn planned(&self) -> usize {
        self.order.len()
    }

    /// How many of them are not made yet.
    pub(crate) fn missing(&self) -> usize {
        // Those that were skipped are made.
        let made: BTreeSet<_> = self.trials.iter().map(PlannedTrial::of).collect();
        let order = self.order.iter();
        order.filter(|planned| !made.contains(planned)).count()
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_complete(&self) -> bool {
        self.environment.state == State::Complete && self.missing() == 0
    }

    /// The folder says from now on that the run is under way.
    pub(super) fn go_on(&mut self) {
        let made = self.trials.iter();
        let done = made.filter(|trial| trial.status != Status::Skipped).count();
        self.environment = Environment {
            state: State::Running,
            failure: String::new(),
            ended: String::new(),
            trials_done: done as u64,
            ..self.environment.clone()
        };
        self.environment.resumed.push(now());
    }

    /// Refuses to continue with another harness, on another machine, or with other programs.
    pub(crate) fn check(&self, bench: &Testbed) -> anyhow::Result<()> {
        let (then, now) = (&self.environment.machine, bench.machine());
        let before = described(
            &self.environment.harness_version,
            then,
            &self.environment.programs,
        );
        let after = described(HARNESS_VERSION, now, &programs(bench)?);
        let mut differences = differences(&before, &after);
        if has_other_memory(then, now) {
            let (then, now) = (then.memory_bytes, now.memory_bytes);
            differences.push(format!("- memory in bytes: {then} then, {now} now"));
        }
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
    let is_torn = |round: &&[PlannedTrial]| {
        let lacking = round.iter().filter(|planned| !made.contains(planned));
        (1..round.len()).contains(&lacking.count())
    };
    if let Some(torn) = rounds(order).into_iter().find(is_torn) {
        let is_of_it = |trial: &Trial| torn.contains(&PlannedTrial::of(trial));
        let whole = trials.iter().position(is_of_it);
        trials.truncate(whole.unwrap_or(trials.len()));
    }
    trials
}

/// What must not change between the trials of a run, by what it is called.
fn described(
    harness_version: &str,
    machine: &Machine,
    programs: &BTreeMap<String, Program>,
) -> BTreeMap<String, String> {
    let limits = (machine.cgroup_cpu_milli, machine.cgroup_memory_bytes);
    let facts = [
        ("harness version", format!("{harness_version:?}")),
        ("host", format!("{:?}", machine.host)),
        ("processor", format!("{:?}", machine.cpu_model)),
        ("kernel", format!("{:?}", machine.kernel)),
        ("system", format!("{:?}", machine.os)),
        ("governor", format!("{:?}", machine.governor)),
        ("clock source", format!("{:?}", machine.clock_source)),
        ("usable cores", machine.cores_usable.to_string()),
        ("boost", format!("{:?}", machine.boost)),
        (
            "limits of the control group (thousandths of a core, bytes)",
            format!("{limits:?}"),
        ),
    ];
    let facts = facts.map(|(what, value)| (what.to_owned(), value));
    let program = |(name, program): (&String, &Program)| {
        let what = format!("program of {name}, SHA-256");
        (what, format!("{:?}", program.sha256))
    };
    facts
        .into_iter()
        .chain(programs.iter().map(program))
        .collect()
}

/// Whether the memory differs by more than 1%: what the kernel keeps for itself is not the same
/// after each start.
fn has_other_memory(then: &Machine, now: &Machine) -> bool {
    then.memory_bytes.abs_diff(now.memory_bytes) > then.memory_bytes / 100
}

/// A line for each fact that was one thing then and is another now.
fn differences(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let value = |facts: &BTreeMap<String, String>, name| {
        let value: Option<&String> = facts.get(name);
        value.map_or_else(|| "missing".to_owned(), Clone::clone)
    };
    let differ = names
        .into_iter()
        .map(|name| (name, value(then, name), value(now, name)))
        .filter(|(_, then, now)| then != now);
    differ
        .map(|(name, then, now)| format!("- {name}: {then} then, {now} now"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{described, differences, has_other_memory};
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
            let facts = |machine| described("1", machine, &BTreeMap::new());
            let told = differences(&facts(&then), &facts(&now)).join("\n");
            (has_other_memory(&then, &now), told)
        };
        assert_eq!(
            told(|now| now.memory_bytes -= 8 << 20),
            (false, String::new())
        );
        assert_eq!(
            told(|now| now.load_average_milli = 900),
            (false, String::new())
        );
        assert!(told(|now| now.memory_bytes -= 1 << 30).0);
        let limited = told(|now| now.cgroup_cpu_milli = Some(500)).1;
        assert!(limited.contains("limits of the control group"), "{limited}");
        let governed = told(|now| now.governor = "powersave".to_owned()).1;
        assert!(governed.contains("governor"), "{governed}");
    }
}

//! Warnings: what makes figures of a trial doubtful, how much, and what to do about it.
//!
//! One table. A new warning is a row here, and the condition that raises it in `run/warnings.rs`.

use serde::{Deserialize, Serialize};

/// How far a figure can be trusted, the best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Validity {
    /// It says what it seems to say.
    #[default]
    Holds,
    /// It is disturbed by little: small differences mean nothing.
    Roughly,
    /// It says something about another part than the server.
    DoesNotHold,
}

impl Validity {
    /// Whether a figure may be used at all.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        !matches!(self, Self::DoesNotHold)
    }

    /// The least difference, as a share, that figures of this validity can show.
    #[must_use]
    pub const fn least_difference(self) -> f64 {
        match self {
            Self::Roughly => 0.1,
            Self::Holds | Self::DoesNotHold => 0.0,
        }
    }
}

/// What warnings leave of a trial's figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    /// Of calls a second and latencies.
    pub rate: Validity,
    /// Of CPU time per call.
    pub cpu: Validity,
}

/// Makes the enum and its functions from the rows.
macro_rules! warnings {
    ($($(#[$doc:meta])* $warning:ident = $name:literal, rate $rate:ident, cpu $cpu:ident,
        $meaning:literal, $remedy:literal;)*) => {
        /// A reason to doubt figures of a trial.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum Warning {
            $($(#[$doc])* #[serde(rename = $name)] $warning,)*
        }

        impl Warning {
            /// All warnings, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$warning),*];

            /// The name used in results.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$warning => $name),* }
            }

            /// What it leaves of the figures.
            #[must_use]
            pub const fn effect(self) -> Effect {
                match self {
                    $(Self::$warning => Effect { rate: Validity::$rate, cpu: Validity::$cpu }),*
                }
            }

            /// What happened, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$warning => $meaning),* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$warning => $remedy),* }
            }
        }
    };
}

warnings! {
    /// The programs were not built with the release profile.
    NotRelease = "not_release", rate DoesNotHold, cpu DoesNotHold,
        "not a release build: no figure says anything about the shipped program",
        "measure with the default profile, release";
    /// Server and load shared a core.
    SharedCores = "shared_cores", rate DoesNotHold, cpu Roughly,
        "shared cores: server and load ran on the same core and took it from each other",
        "use a machine with at least two cores, or give the server fewer; compare by CPU per call \
         until then";
    /// Server and load ran on hardware threads of one physical core.
    SharesPhysicalCore = "shares_physical_core", rate DoesNotHold, cpu Roughly,
        "shared physical core: server and load ran on hardware threads of one core (SMT), and \
         each slowed the other down",
        "use a machine with at least two physical cores, or give the server fewer";
    /// The load thread was busy for almost the whole window: it, and not the server, set the pace.
    ClientSaturated = "client_saturated", rate DoesNotHold, cpu Holds,
        "client saturated: the load thread was busy for more than 95% of the window, so rate and \
         latency are the client's",
        "compare by CPU per call; for rates give the server fewer cores than the load, or ask for \
         more work per call";
    /// The cores of the load were full although the load thread was not: services or something
    /// else took the rest.
    LoadCoresSaturated = "load_cores_saturated", rate DoesNotHold, cpu Holds,
        "load cores saturated: the load shared full cores with services or other processes, so \
         rate and latency are not the server's alone",
        "give the load more cores (--load-core-list), or stop what else runs there";
    /// A service was busy for almost the whole window, or took most of full load cores: it, and
    /// not the server, may have set the pace.
    BackendSaturated = "backend_saturated", rate DoesNotHold, cpu Holds,
        "backend saturated: a service used more than 95% of a core, or more of full load cores \
         than the load did, so rate and latency may be its own",
        "give the services more cores (--load-core-list), or ask for less of them";
    /// Calls of an open loop were sent late, or not at all.
    SendsLate = "sends_late", rate DoesNotHold, cpu Holds,
        "sends late: the p99 of the lateness was over 1 ms and a tenth of the median latency, or \
         calls that were due were not sent, so the rate was not the planned one",
        "plan a lower rate (--rate-per-s), or give the load more clients, threads or cores";
    /// Rate, latency and calls in flight contradict each other.
    LittlesLaw = "littles_law", rate DoesNotHold, cpu Holds,
        "Little's law broken: the calls in flight differ by more than 5% from rate times mean \
         latency, so one of the three is wrong",
        "measure longer (--duration-s); if it stays this is a defect of the harness: please \
         report it";
    /// The hypervisor took processor time away.
    Steal = "steal", rate DoesNotHold, cpu Roughly,
        "steal: the hypervisor took more than 1% of the time of a core in use",
        "use a dedicated machine, or repeat when the host is quiet";
    /// The control group's processor quota stopped processes of this one.
    Throttled = "throttled", rate DoesNotHold, cpu Holds,
        "throttled: the processor quota of the control group stopped the processes",
        "lift the quota (cpu.max, --cpus) for the time of the run";
    /// Resident memory came close to its limit.
    MemoryNearLimit = "memory_near_limit", rate DoesNotHold, cpu Roughly,
        "memory near its limit: more than 95% of it was resident, so the kernel may have taken \
         pages back all the time",
        "raise the limit (--server-memory, memory.max), or ask for less at the same time";
    /// Something else ran on the server's or the load's cores.
    OtherLoad = "other_load", rate DoesNotHold, cpu Roughly,
        "other load: more than 5% of the server's cores, or a tenth of a core of the load's, went \
         to something else",
        "stop other programs, and keep the cores in use free of them (isolcpus, cpuset)";
    /// A server used processor time while another one was measured.
    IdleServerBusy = "idle_server_busy", rate DoesNotHold, cpu Roughly,
        "idle server busy: a server used more than 1% of a core outside of its own slices",
        "measure that server in long trials (--slices 0), where it runs alone";
    /// The kernel's clock is slow to read.
    ClockSource = "clock_source", rate Roughly, cpu Roughly,
        "clock source: programs cannot read the kernel's clock by themselves, so each look at it \
         is a system call",
        "boot with clocksource=tsc where the processor allows it";
    /// The processor's frequency follows the load.
    Governor = "governor", rate Roughly, cpu Roughly,
        "governor: the processor's frequency follows the load, so a server that waits more runs \
         slower",
        "sudo cpupower frequency-set -g performance";
    /// The server was started by somebody else.
    NotStarted = "not_started", rate Roughly, cpu Roughly,
        "not started: somebody else runs the server, so it is not pinned, keeps the state of \
         earlier trials, and has no start-up time; its CPU time and memory are known only if its \
         process was named",
        "let the harness start it (--command), or name its process (--pid) and pin it to the \
         server's cores";
    /// The server is not on this machine.
    Remote = "remote", rate Holds, cpu Holds,
        "remote: the server is not on this machine, so the network is part of every latency",
        "measure on the server's machine, or compare servers over the same network only";
    /// Answers were compared with the server's own first one.
    LearnedAnswer = "learned_answer", rate Holds, cpu Holds,
        "learned answer: the expected answer is the server's own first one, which nobody has \
         called right",
        "say what a right answer is (--expect)";
    /// Too few calls for the far percentiles.
    FewCalls = "few_calls", rate Holds, cpu Holds,
        "few calls: fewer than 1,000 in the window, so p99.9 (and below 100 p99) is one call",
        "measure longer (--duration-s) or with more clients (--clients)";
    /// Too few trials for how far they lie apart. Said of a report and never of a trial.
    FewTrials = "few_trials", rate Holds, cpu Holds,
        "few trials: fewer than 3, or fewer than 5 that lie more than 10% apart, so a repetition \
         may well say something else",
        "make 5 trials (--trials 5); 3 are enough where they lie less than 10% apart";
}

impl Warning {
    /// The warning of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        (Self::ALL.iter().copied()).find(|warning| warning.name() == name)
    }
}

impl Effect {
    /// What all these warnings together leave: the worst of each.
    #[must_use]
    pub fn of(warnings: &[Warning]) -> Self {
        let worst = |held: Self, warning: &Warning| Self {
            rate: held.rate.max(warning.effect().rate),
            cpu: held.cpu.max(warning.effect().cpu),
        };
        warnings.iter().fold(Self::default(), worst)
    }

    /// In words, for the list of warnings below a report.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match (self.rate, self.cpu) {
            (Validity::Holds, Validity::Holds) => "all figures hold",
            (Validity::DoesNotHold, Validity::Holds) => {
                "rate and latency do not hold, CPU per call does"
            }
            (Validity::DoesNotHold, Validity::Roughly) => {
                "rate and latency do not hold, CPU per call holds roughly"
            }
            (_, Validity::DoesNotHold) => "no figure holds",
            _ => "figures hold roughly",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, Validity, Warning};

    #[test]
    fn the_worst_of_all_warnings_counts_and_roughly_is_a_state_of_its_own() {
        let rate_and_cpu = |warnings: &[Warning]| {
            let effect = Effect::of(warnings);
            (effect.rate, effect.cpu)
        };
        assert_eq!(rate_and_cpu(&[]), (Validity::Holds, Validity::Holds));
        assert_eq!(
            rate_and_cpu(&[Warning::ClientSaturated, Warning::FewCalls]),
            (Validity::DoesNotHold, Validity::Holds)
        );
        assert_eq!(
            rate_and_cpu(&[Warning::Governor, Warning::Steal]),
            (Validity::DoesNotHold, Validity::Roughly)
        );
    }
}

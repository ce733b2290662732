//! What makes a figure doubtful: each doubt has a name, the figures that it spoils, and a remedy.

use serde::{Deserialize, Serialize};

/// A reason to doubt figures of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The load thread was busy for almost the whole window: it, and not the server, set the pace.
    ClientSaturated,
    /// The cores of the load were full although the load thread was not: services or something else
    /// took the rest.
    LoadCoresSaturated,
    /// A service was busy for almost the whole window, or full load cores were mostly its: it, and not the server, may
    /// have set the pace.
    BackendSaturated,
    /// Calls of an open loop were sent late, or not at all.
    SendsLate,
    /// Rate, latency and calls in flight contradict each other.
    LittlesLaw,
    /// Resident memory came close to its limit.
    MemoryNearLimit,
    /// Server and load shared a core.
    SharedCores,
    /// Server and load ran on hardware threads of one physical core.
    SharesPhysicalCore,
    /// The hypervisor took processor time away.
    Steal,
    /// The control group's processor quota stopped processes of this one.
    Throttled,
    /// Something else ran on the server's or the load's cores.
    OtherLoad,
    /// A server used its core while another one of the process round was measured.
    IdleServersBusy,
    /// The programs were not built with the release profile.
    NotRelease,
    /// The kernel's clock is slow to read.
    ClockSource,
    /// The processor's frequency follows the load.
    Governor,
    /// The server was started by somebody else.
    NotStarted,
    /// The server is not on this machine.
    Remote,
    /// Answers were held against the server's own first one.
    LearnedAnswer,
    /// Too few calls for the far percentiles.
    FewCalls,
    /// Too few trials for how far they lie apart. Said of a report and never of a trial.
    FewTrials,
}

/// Which figures of a trial hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Calls a second and latencies say something about the server.
    pub rate: bool,
    /// CPU time per call says something about the server.
    pub cpu: bool,
}

impl Warning {
    /// All warnings, in the order of reports.
    pub const ALL: [Self; 20] = [
        Self::NotRelease,
        Self::SharedCores,
        Self::SharesPhysicalCore,
        Self::ClientSaturated,
        Self::LoadCoresSaturated,
        Self::BackendSaturated,
        Self::SendsLate,
        Self::LittlesLaw,
        Self::Steal,
        Self::Throttled,
        Self::MemoryNearLimit,
        Self::OtherLoad,
        Self::IdleServersBusy,
        Self::ClockSource,
        Self::Governor,
        Self::NotStarted,
        Self::Remote,
        Self::LearnedAnswer,
        Self::FewCalls,
        Self::FewTrials,
    ];

    /// The name used in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSaturated => "client_saturated",
            Self::LoadCoresSaturated => "load_cores_saturated",
            Self::BackendSaturated => "backend_saturated",
            Self::SendsLate => "sends_late",
            Self::LittlesLaw => "littles_law",
            Self::MemoryNearLimit => "memory_near_limit",
            Self::ClockSource => "clock_source",
            Self::Governor => "governor",
            Self::FewTrials => "few_trials",
            Self::SharedCores => "shared_cores",
            Self::SharesPhysicalCore => "shares_physical_core",
            Self::Steal => "steal",
            Self::Throttled => "throttled",
            Self::OtherLoad => "other_load",
            Self::IdleServersBusy => "idle_servers_busy",
            Self::NotRelease => "not_release",
            Self::NotStarted => "not_started",
            Self::Remote => "remote",
            Self::LearnedAnswer => "learned_answer",
            Self::FewCalls => "few_calls",
        }
    }

    /// The warning of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|warning| warning.name() == name)
    }

    /// The figures that still hold with it.
    #[must_use]
    pub const fn leaves(self) -> Validity {
        match self {
            Self::ClientSaturated
            | Self::LoadCoresSaturated
            | Self::BackendSaturated
            | Self::SendsLate
            | Self::LittlesLaw
            | Self::MemoryNearLimit
            | Self::SharedCores
            | Self::SharesPhysicalCore
            | Self::Steal
            | Self::Throttled
            | Self::IdleServersBusy
            | Self::OtherLoad => Validity {
                rate: false,
                cpu: true,
            },
            Self::NotRelease => Validity {
                rate: false,
                cpu: false,
            },
            Self::ClockSource
            | Self::Governor
            | Self::NotStarted
            | Self::Remote
            | Self::LearnedAnswer
            | Self::FewCalls
            | Self::FewTrials => Validity {
                rate: true,
                cpu: true,
            },
        }
    }

    /// What happened, in a sentence.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::ClientSaturated => {
                "client saturated: the load thread was busy for more than 95% of the window, so rate and latency \
                 are the client's; server CPU per call holds"
            }
            Self::LoadCoresSaturated => {
                "load cores saturated: the load shared full cores with services or other processes, so rate and \
                 latency are not the server's alone; server CPU per call holds"
            }
            Self::BackendSaturated => {
                "backend saturated: a service used more than 95% of a core, or more of full load cores than the load did, \
                 so rate and latency may be its; server CPU per call holds"
            }
            Self::SendsLate => {
                "sends late: the lateness was over 0.1 ms and a tenth of the latency, at p50 or at p99, or calls that were due \
                 were not sent, so rate and latency are partly the client's; server CPU per call holds"
            }
            Self::LittlesLaw => {
                "Little's law broken: the calls in flight differ by more than 5% from rate times mean latency, so one of the \
                 three is wrong; server CPU per call holds"
            }
            Self::MemoryNearLimit => {
                "memory near its limit: more than 95% of it was resident, so the kernel may have taken pages back all the \
                 time; server CPU per call holds roughly"
            }
            Self::ClockSource => {
                "clock source: the kernel's clock is not one that programs read by themselves, so each look at it is a \
                 system call; all figures hold roughly"
            }
            Self::Governor => {
                "governor: the processor's frequency follows the load, so a server that waits more runs slower; all figures \
                 hold roughly"
            }
            Self::FewTrials => {
                "few trials: fewer than 3, or fewer than 5 that lie more than 10% apart, so a repetition may well say \
                 something else"
            }
            Self::SharedCores => {
                "shared cores: server and load ran on the same core and took it from each other; server CPU per \
                 call holds roughly"
            }
            Self::SharesPhysicalCore => {
                "shared physical core: server and load ran on hardware threads of one core (SMT), and each slowed the \
                 other down; server CPU per call holds roughly"
            }
            Self::Steal => {
                "steal: the hypervisor took more than 1% of the time of a core in use; server CPU per call holds roughly"
            }
            Self::Throttled => {
                "throttled: the processor quota of the control group stopped the processes"
            }
            Self::OtherLoad => {
                "other load: more than 5% of the server's cores, or a tenth of a core of the load's, went to something else; \
                 server CPU per call holds roughly"
            }
            Self::IdleServersBusy => {
                "idle servers busy: a server used more than 1% of a core while others were measured; server CPU per \
                 call holds roughly"
            }
            Self::NotRelease => {
                "not a release build: no figure says anything about the shipped program"
            }
            Self::NotStarted => {
                "not started: somebody else runs the server, so it is not pinned, keeps the state of earlier trials, and has no \
                 start-up time; its CPU time and memory are known only if its process was named"
            }
            Self::Remote => {
                "remote: the server is not on this machine, so the network is part of every latency"
            }
            Self::LearnedAnswer => {
                "learned answer: answers were held against the server's own first one, which nobody has called right"
            }
            Self::FewCalls => {
                "few calls: fewer than 1,000 in the window, so p99.9 (and below 100 p99) is one call"
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::ClientSaturated => {
                "compare by CPU per call; for rates give the server fewer cores than the load, or ask for more work \
                 per call"
            }
            Self::LoadCoresSaturated => {
                "give the load more cores (--load-core-list), or stop what else runs there"
            }
            Self::BackendSaturated => {
                "give the services more cores (--load-core-list), or ask for less of them"
            }
            Self::SendsLate => {
                "plan a lower rate (--rate-per-s), or give the load more clients, threads or cores"
            }
            Self::LittlesLaw => {
                "measure longer (--duration-s); if it stays this is a defect of the harness: please report it"
            }
            Self::MemoryNearLimit => {
                "raise the limit (--server-memory, memory.max), or ask for less at the same time"
            }
            Self::ClockSource => "boot with clocksource=tsc where the processor allows it",
            Self::Governor => "sudo cpupower frequency-set -g performance",
            Self::FewTrials => {
                "make 5 trials (--trials 5); 3 are enough where they lie less than 10% apart"
            }
            Self::SharedCores => {
                "use a machine with at least two cores, or give the server fewer; compare by CPU per call until then"
            }
            Self::SharesPhysicalCore => {
                "use a machine with at least two physical cores, or give the server fewer"
            }
            Self::Steal => "use a dedicated machine, or repeat when the host is quiet",
            Self::Throttled => "lift the quota (cpu.max, --cpus) for the time of the run",
            Self::OtherLoad => {
                "stop other programs, and keep the cores in use free of them (isolcpus, cpuset)"
            }
            Self::IdleServersBusy => "measure it alone (--subject), or in long trials (--slices 0)",
            Self::NotRelease => "measure with the default profile, release",
            Self::NotStarted => {
                "let the harness start it (--command), or name its process (--pid) and pin it to the server's cores"
            }
            Self::Remote => {
                "measure on the server's machine, or compare servers over the same network only"
            }
            Self::LearnedAnswer => "say what a right answer is (--expect)",
            Self::FewCalls => "measure longer (--duration-s) or with more clients (--clients)",
        }
    }
}

/// The figures that hold under all these warnings.
#[must_use]
pub fn validity(warnings: &[Warning]) -> Validity {
    warnings.iter().fold(
        Validity {
            rate: true,
            cpu: true,
        },
        |held, warning| {
            let leaves = warning.leaves();
            Validity {
                rate: held.rate && leaves.rate,
                cpu: held.cpu && leaves.cpu,
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::{Validity, Warning, validity};

    #[test]
    fn names_are_unique_and_read_back() {
        for warning in Warning::ALL {
            assert_eq!(Warning::from_name(warning.name()), Some(warning));
        }
    }

    #[test]
    fn a_full_client_spoils_the_rate_and_not_the_cpu_time() {
        assert_eq!(
            validity(&[Warning::ClientSaturated]),
            Validity {
                rate: false,
                cpu: true
            }
        );
        assert_eq!(
            validity(&[Warning::FewCalls]),
            Validity {
                rate: true,
                cpu: true
            }
        );
        assert_eq!(
            validity(&[Warning::NotRelease, Warning::FewCalls]),
            Validity {
                rate: false,
                cpu: false
            }
        );
    }
}

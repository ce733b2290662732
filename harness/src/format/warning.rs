//! What makes a figure doubtful: each doubt has a name, the figures that it spoils, and a remedy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A reason to doubt figures of a trial.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The load thread was busy for almost the whole window: it, and not the server, set the pace.
    ClientSaturated,
    /// The cores of the load were full although the load thread was not: services or something else
    /// took the rest.
    LoadCoresSaturated,
    /// Server and load shared a core.
    SharedCores,
    /// The hypervisor took processor time away.
    Steal,
    /// The control group's processor quota stopped processes of this one.
    Throttled,
    /// Something else ran on the server's or the load's cores.
    OtherLoad,
    /// The programs were not built with the release profile.
    NotRelease,
    /// Too few calls for the far percentiles.
    FewCalls,
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
    pub const ALL: [Self; 8] = [
        Self::NotRelease,
        Self::SharedCores,
        Self::ClientSaturated,
        Self::LoadCoresSaturated,
        Self::Steal,
        Self::Throttled,
        Self::OtherLoad,
        Self::FewCalls,
    ];

    /// The name used in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSaturated => "client_saturated",
            Self::LoadCoresSaturated => "load_cores_saturated",
            Self::SharedCores => "shared_cores",
            Self::Steal => "steal",
            Self::Throttled => "throttled",
            Self::OtherLoad => "other_load",
            Self::NotRelease => "not_release",
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
            | Self::SharedCores
            | Self::Steal
            | Self::Throttled
            | Self::OtherLoad => Validity {
                rate: false,
                cpu: true,
            },
            Self::NotRelease => Validity {
                rate: false,
                cpu: false,
            },
            Self::FewCalls => Validity {
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
            Self::SharedCores => {
                "shared cores: server and load ran on the same core and took it from each other; server CPU per \
                 call holds roughly"
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
            Self::NotRelease => {
                "not a release build: no figure says anything about the shipped program"
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
            Self::SharedCores => {
                "use a machine with at least two cores, or give the server fewer; compare by CPU per call until then"
            }
            Self::Steal => "use a dedicated machine, or repeat when the host is quiet",
            Self::Throttled => "lift the quota (cpu.max, --cpus) for the time of the run",
            Self::OtherLoad => {
                "stop other programs, and keep the cores in use free of them (isolcpus, cpuset)"
            }
            Self::NotRelease => "measure with the default profile, release",
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

//! The warnings that a trial raises, from what the window cost and the load saw.

use std::time::Duration;

use super::usage::Cost;
use crate::config::subject::Subject;
use crate::config::suite::Suite;
use crate::host::cores::Layout;
use crate::host::facts::{is_fast_clock, is_steady_governor};
use crate::host::proc::Utilisation;
use crate::load::Outcome;
use crate::results::environment::Machine;
use crate::results::warning::Warning;
use crate::results::whole;

/// Busier than this the load thread or its cores were the limit, in thousandths.
const SATURATED_PERMILLE: u64 = 950;

/// More stolen time than this spoils a window, in thousandths.
const STEAL_PERMILLE: u64 = 10;

/// More work of others than this on the server's cores spoils a window, in thousandths of them.
const OTHER_LOAD_PERMILLE: u64 = 50;

/// More work of others than this on the load's cores spoils a window, in thousandths of one core.
const OTHER_LOAD_BESIDE_PERMILLE: u64 = 100;

/// Below this length the ticks of `/proc/stat` (10 ms) are too coarse to see work of others.
const TICKS_SUFFICE: Duration = Duration::from_secs(1);

/// Fewer calls than this say nothing about p99.9.
const FEW_CALLS: u64 = 1_000;

/// Sends that are later than this and than a tenth of the latency at the same percentile spoil
/// both. The kernel needs about half as long to wake the client, whatever the server does.
const LATE_NS: u64 = 100_000;

/// So far the calls in flight may lie from rate times mean latency, as a share of them.
const LAW_SHARE: f64 = 0.05;

/// More of a memory limit than this, in thousandths, and the kernel may have to take pages back.
const NEAR_LIMIT_PERMILLE: u64 = 950;

/// What a trial was made under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions<'a> {
    /// Who ran where.
    pub(crate) layout: &'a Layout,
    /// On what.
    pub(crate) machine: &'a Machine,
    /// Whether the programs were built for release.
    pub(crate) is_release: bool,
    /// Whether calls were due at a rate, whatever the server did.
    pub(crate) is_open_loop: bool,
    /// Clients, each with at most one call outstanding.
    pub(crate) clients: usize,
    /// Memory limit of the server alone.
    pub(crate) server_memory_bytes: Option<u64>,
}

/// The warnings about a trial, in the order of reports.
pub(crate) fn warnings(
    cost: &Cost,
    outcome: &Outcome,
    conditions: &Conditions<'_>,
) -> Vec<Warning> {
    let Conditions {
        layout,
        machine,
        is_release,
        is_open_loop,
        clients,
        server_memory_bytes,
    } = *conditions;
    let client_permille = permille(outcome.client_busy_share());
    let load_full = cost.load_cores.is_some_and(|cores| {
        without_spinning(cores.busy_permille, outcome, layout) > SATURATED_PERMILLE
    });
    let client_full = client_permille > SATURATED_PERMILLE;
    let stolen = |cores: Option<Utilisation>| {
        cores.is_some_and(|cores| cores.steal_permille > STEAL_PERMILLE)
    };
    let raised = |warning: &Warning| match warning {
        Warning::NotRelease => !is_release,
        Warning::SharedCores => layout.is_shared(),
        Warning::SharesPhysicalCore => layout.shares_physical_core,
        Warning::ClientSaturated => client_full,
        Warning::LoadCoresSaturated => load_full && !client_full,
        Warning::BackendSaturated => {
            let services = cost.services_busy_permille.unwrap_or(0);
            cost.busiest_service_permille > Some(SATURATED_PERMILLE)
                || (load_full && services > client_permille)
        }
        Warning::SendsLate => is_open_loop && is_late(outcome),
        // Where latencies of the window were left out they are not those of its calls.
        Warning::LittlesLaw => {
            (is_open_loop || outcome.latency_ns.len() == outcome.calls)
                && breaks_littles_law(outcome, clients)
        }
        Warning::Steal => stolen(cost.server_cores) || stolen(cost.load_cores),
        Warning::Throttled => cost.throttled.is_some_and(|times| times > 0),
        Warning::MemoryNearLimit => {
            is_near_limit(cost, server_memory_bytes, machine.cgroup_memory_bytes)
        }
        Warning::OtherLoad => !layout.is_shared() && has_others(cost, outcome, conditions),
        Warning::ClockSource => !is_fast_clock(&machine.clock_source),
        Warning::Governor => !is_steady_governor(&machine.governor),
        Warning::FewCalls => outcome.calls < FEW_CALLS,
        // Several trials are looked at together by the report; the others follow from the
        // definitions.
        Warning::FewTrials
        | Warning::NotStarted
        | Warning::Remote
        | Warning::LearnedAnswer
        | Warning::IdleServersBusy => false,
    };
    Warning::ALL.iter().copied().filter(raised).collect()
}

/// How busy the load's cores were, without the time that the load threads waited awake on them.
fn without_spinning(busy_permille: u64, outcome: &Outcome, layout: &Layout) -> u64 {
    let count = layout.load.numbers().len().max(1) as u64;
    let spun = permille(outcome.client_spun_share()) * outcome.threads as u64;
    busy_permille.saturating_sub(spun / count)
}

/// Whether something else than server, load and services ran on their cores.
fn has_others(cost: &Cost, outcome: &Outcome, conditions: &Conditions<'_>) -> bool {
    let Conditions {
        layout, machine, ..
    } = *conditions;
    if outcome.elapsed < TICKS_SUFFICE {
        return false;
    }
    // Where the kernel measures interrupts apart, their time (above all that of the server's own
    // packets) is in no process's CPU time.
    let is_apart = machine.irq_time_accounting == Some(true);
    let busy = |cores: Utilisation| {
        let apart = if is_apart { cores.irq_permille } else { 0 };
        cores.busy_permille.saturating_sub(apart)
    };
    // In thousandths of one core.
    let is_beyond = |more: u64, limit: u64, cores: Utilisation, count: usize| {
        let noise = tick_noise_permille(cores.busy_permille, count, outcome.elapsed);
        more > limit.max(noise)
    };
    let on_server = cost.server_cores.zip(cost.server_share_permille);
    let on_server = on_server.is_some_and(|(cores, own)| {
        let count = layout.server.numbers().len();
        let more = busy(cores).saturating_sub(own) * count as u64;
        is_beyond(more, OTHER_LOAD_PERMILLE * count as u64, cores, count)
    });
    let beside = cost.load_cores.is_some_and(|cores| {
        let count = layout.load.numbers().len();
        // All of the harness: its load threads, the calls beside the timed ones, the samples. The
        // process's CPU time has the spinning of the load threads in it, which `busy` has not.
        let all = cost.client_cpu_ns.map(|ns| {
            let spun = outcome.client_spun.as_nanos() as f64;
            (ns as f64 - spun) / outcome.elapsed.as_nanos() as f64
        });
        let load = permille(outcome.client_busy_share()) * outcome.threads as u64;
        let client = all.map_or(load, |share| permille(share).max(load));
        let own = client + cost.services_busy_permille.unwrap_or(0);
        let busy = without_spinning(busy(cores), outcome, layout);
        let more = (busy * count as u64).saturating_sub(own);
        is_beyond(more, OTHER_LOAD_BESIDE_PERMILLE, cores, count)
    });
    on_server || beside
}

/// How far ticks may mislead about the use of so many cores, in thousandths of one core.
///
/// At each tick the kernel looks at what a core does and counts the whole tick for it: a sample. Of
/// n samples of a share p the standard deviation is sqrt(p (1 - p) / n); this is two of them, with
/// 100 ticks a second, the fewest that kernels have.
fn tick_noise_permille(busy_permille: u64, cores: usize, window: Duration) -> u64 {
    let share = busy_permille as f64 / 1_000.0;
    let ticks = window.as_secs_f64() * 100.0;
    let deviation = (share * (1.0 - share) * cores as f64 / ticks.max(1.0)).sqrt();
    permille(2.0 * deviation)
}

/// Whether calls that were due were sent late, or not at all. Their latencies contain the lateness.
fn is_late(outcome: &Outcome) -> bool {
    let is_late_at = |quantile| {
        let late_ns = outcome.late_ns.value_at_quantile(quantile);
        late_ns > LATE_NS && late_ns > outcome.latency_ns.value_at_quantile(quantile) / 10
    };
    outcome.unsent > 0 || is_late_at(0.5) || is_late_at(0.99)
}

/// Whether the calls in flight are not rate times mean latency, beyond what has its reasons: of the
/// calls at the edges of the window only a part lies in it, and those of an open loop wait before
/// they are sent. Calls that went wrong are in flight too and have no latency, so nothing is said
/// about a window with errors.
fn breaks_littles_law(outcome: &Outcome, clients: usize) -> bool {
    if outcome.in_flight.is_zero() || outcome.errors.total() > 0 {
        return false;
    }
    let in_flight = outcome.mean_in_flight();
    let longest = Duration::from_nanos(outcome.latency_ns.max()).as_secs_f64();
    let edges = clients as f64 * longest / outcome.elapsed.as_secs_f64();
    let waiting = outcome.calls_per_s() * outcome.late_ns.mean() / 1e9;
    let difference = (in_flight - outcome.littles_law_in_flight()).abs();
    difference > LAW_SHARE * in_flight + edges + waiting
}

/// Whether the server came close to its own limit, or all together to that of the harness.
fn is_near_limit(cost: &Cost, of_server: Option<u64>, of_all: Option<u64>) -> bool {
    let near = |resident: u64, limit: Option<u64>| {
        limit.is_some_and(|limit| resident > limit / 1_000 * NEAR_LIMIT_PERMILLE)
    };
    let all = [&cost.server, &cost.services, &cost.client];
    let all = all.iter().filter_map(|one| one.rss_max_bytes).sum();
    near(cost.rss_peak_bytes.unwrap_or(0), of_server) || near(all, of_all)
}

/// A share (0 to 1) in whole thousandths.
pub(crate) fn permille(share: f64) -> u64 {
    whole((share * 1_000.0).clamp(0.0, 1e9))
}

/// The warnings that a subject and its suite bring with them, whatever a window finds.
pub(super) fn warnings_of_definitions(
    subject: &Subject,
    suite: &Suite,
    is_remote: bool,
) -> Vec<Warning> {
    [
        (Warning::NotStarted, subject.runs_already()),
        (Warning::Remote, is_remote),
        (Warning::LearnedAnswer, suite.expect_learned),
    ]
    .into_iter()
    .filter_map(|(warning, is_raised)| is_raised.then_some(warning))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Conditions, warnings};
    use crate::host::cores::Layout;
    use crate::host::proc::Utilisation;
    use crate::load::Outcome;
    use crate::results::environment::Machine;
    use crate::results::warning::Warning;
    use crate::run::usage::{Cost, Totals};

    type Case = (fn(&mut Made), &'static [Warning]);

    const MS: u64 = 1_000_000;
    const GIB: u64 = 1 << 30;

    /// A trial, and what it was made under.
    struct Made {
        cost: Cost,
        outcome: Outcome,
        layout: Layout,
        machine: Machine,
        is_release: bool,
        is_open_loop: bool,
        server_memory_bytes: Option<u64>,
    }

    fn layout(load: &str) -> Layout {
        Layout {
            server: "0".parse().unwrap(),
            load: load.parse().unwrap(),
            shares_physical_core: false,
        }
    }

    fn cores(busy_permille: u64) -> Utilisation {
        Utilisation {
            busy_permille,
            irq_permille: 0,
            steal_permille: 0,
        }
    }

    /// What a trial raises that nothing is wrong with but this.
    fn raised(change: impl FnOnce(&mut Made)) -> Vec<Warning> {
        let mut made = Made {
            cost: Cost {
                server_share_permille: Some(900),
                server_cores: Some(cores(910)),
                load_cores: Some(cores(500)),
                throttled: Some(0),
                ..Cost::default()
            },
            outcome: Outcome {
                calls: 10_000,
                elapsed: Duration::from_secs(1),
                client_cpu: Duration::from_millis(500),
                ..Outcome::default()
            },
            layout: layout("1"),
            machine: Machine::default(),
            is_release: true,
            is_open_loop: false,
            server_memory_bytes: None,
        };
        change(&mut made);
        let conditions = Conditions {
            layout: &made.layout,
            machine: &made.machine,
            is_release: made.is_release,
            is_open_loop: made.is_open_loop,
            clients: 10,
            server_memory_bytes: made.server_memory_bytes,
        };
        warnings(&made.cost, &made.outcome, &conditions)
    }

    #[test]
    fn each_warning_has_its_cause_and_nothing_else_raises_it() {
        use Warning as W;
        let cases: [Case; 19] = [
            (|_| {}, &[]),
            (|one| one.is_release = false, &[W::NotRelease]),
            (|one| one.layout = layout("0"), &[W::SharedCores]),
            (
                |one| one.layout.shares_physical_core = true,
                &[W::SharesPhysicalCore],
            ),
            (
                |one| one.outcome.client_cpu = Duration::from_millis(960),
                &[W::ClientSaturated],
            ),
            (|one| one.outcome.calls = 999, &[W::FewCalls]),
            (
                |one| one.cost.load_cores = Some(cores(980)),
                &[W::LoadCoresSaturated, W::OtherLoad],
            ),
            (
                |one| {
                    one.cost.load_cores = Some(cores(980));
                    one.cost.services_busy_permille = Some(470);
                },
                &[W::LoadCoresSaturated],
            ),
            (
                |one| one.cost.load_cores = Some(cores(610)),
                &[W::OtherLoad],
            ),
            (
                |one| {
                    one.cost.load_cores = Some(Utilisation {
                        steal_permille: 30,
                        ..cores(500)
                    });
                },
                &[W::Steal],
            ),
            (|one| one.cost.throttled = Some(2), &[W::Throttled]),
            (
                |one| one.cost.server_share_permille = Some(700),
                &[W::OtherLoad],
            ),
            (
                |one| one.machine.clock_source = "hpet".to_owned(),
                &[W::ClockSource],
            ),
            (|one| one.machine.clock_source = "kvm-clock".to_owned(), &[]),
            (
                |one| one.machine.governor = "powersave".to_owned(),
                &[W::Governor],
            ),
            (|one| one.machine.governor = "performance".to_owned(), &[]),
            // A service that fills a core, or most of full ones.
            (|one| service(one, (950, 950), 730), &[]),
            (|one| service(one, (960, 960), 735), &[W::BackendSaturated]),
            (
                |one| service(one, (700, 1_400), 960),
                &[W::LoadCoresSaturated, W::BackendSaturated],
            ),
        ];
        for (number, (change, wanted)) in cases.into_iter().enumerate() {
            assert_eq!(raised(change), wanted, "case {number}");
        }
    }

    /// What the busiest service and all of them used, beside load on two cores.
    fn service(made: &mut Made, (busiest, all): (u64, u64), load: u64) {
        made.layout = layout("1,2");
        made.cost.busiest_service_permille = Some(busiest);
        made.cost.services_busy_permille = Some(all);
        made.cost.load_cores = Some(cores(load));
    }

    #[test]
    fn late_and_missing_sends_count_in_an_open_loop_only() {
        // Of 10,000 calls with this latency 1,000 are this late; further ones have these two.
        let late = |latency_ms: u64, late_us: u64, further: (u64, u64, u64)| {
            move |one: &mut Made| {
                one.is_open_loop = true;
                let found = &mut one.outcome;
                let latency = &mut found.latency_ns;
                latency.record_n(latency_ms * MS, 10_000).unwrap();
                latency.record_n(further.0 * MS, further.2).unwrap();
                found.late_ns.record_n(1_000, 9_000).unwrap();
                found.late_ns.record_n(late_us * 1_000, 1_000).unwrap();
                found.late_ns.record_n(further.1, further.2).unwrap();
            }
        };
        let more = (1, 1, 0);
        let wanted = [Warning::SendsLate];
        assert_eq!(raised(late(5, 400, more)), [], "8% of p99");
        assert_eq!(raised(late(5, 600, more)), wanted, "12% of p99");
        assert_eq!(raised(late(1, 90, more)), [], "a timer's wake-up");
        assert_eq!(raised(late(50, 2_000, more)), [], "below a tenth");
        let tail = "2 ms are little of a p99 of 50 ms, whatever the median is";
        assert_eq!(raised(late(5, 2_000, (50, 1_000, 1_000))), [], "{tail}");
        let always = (1, 150_000, 20_000);
        assert_eq!(raised(late(1, 90, always)), wanted, "15% of the median");
        let unsent = |one: &mut Made| {
            late(5, 10, more)(one);
            one.outcome.unsent = 1;
        };
        assert_eq!(raised(unsent), wanted, "one was not sent");
        let closed = |one: &mut Made| {
            late(5, 2_000, more)(one);
            one.is_open_loop = false;
        };
        assert_eq!(raised(closed), []);
    }

    #[test]
    fn a_client_that_waits_awake_is_not_full_and_no_other_load() {
        let spinning = |client_ms, spun_ms, own: Option<u64>, threads| {
            raised(move |one| {
                one.layout = layout(if threads == 1 { "1" } else { "1,2" });
                one.cost.load_cores = Some(cores(990));
                one.cost.client_cpu_ns = own.map(|ms| ms * MS);
                one.outcome.threads = threads;
                one.outcome.client_cpu = Duration::from_millis(client_ms);
                one.outcome.client_spun = Duration::from_millis(spun_ms);
            })
        };
        assert_eq!(spinning(380, 600, None, 1), []);
        assert_eq!(spinning(760, 1_200, None, 2), []);
        // The CPU time of the process contains the waiting, so it does not hide the load of others.
        assert_eq!(spinning(100, 600, Some(700), 1), [Warning::OtherLoad]);
        assert_eq!(spinning(100, 600, Some(980), 1), []);
    }

    #[test]
    fn calls_in_flight_are_held_against_rate_times_latency() {
        let of = |calls: u64, latency_ms: u64, in_flight: f64, late_ms: u64| {
            raised(move |one| {
                (one.cost, one.outcome.calls) = (Cost::default(), calls);
                one.outcome.elapsed = Duration::from_secs(10);
                one.outcome.in_flight = Duration::from_secs_f64(in_flight * 10.0);
                let latency = &mut one.outcome.latency_ns;
                latency.record_n(latency_ms * MS, calls).unwrap();
                one.outcome.late_ns.record_n(late_ms * MS, calls).unwrap();
            })
        };
        let wanted = [Warning::LittlesLaw];
        // 1,000 a second of 10 ms are 10.
        for (in_flight, wanted) in [
            (10.0, &[][..]),
            (9.6, &[]),
            (9.0, &wanted),
            (12.0, &wanted),
            (0.0, &[]), // nothing kept the time
        ] {
            assert_eq!(of(10_000, 10, in_flight, 0), wanted, "{in_flight}");
        }
        // Of 100 in flight for a second each, ten clients may have begun or ended one outside of
        // ten seconds: that is one more.
        assert_eq!(of(1_000, 1_000, 94.5, 0), []);
        assert_eq!(of(1_000, 1_000, 94.0, 0), wanted);
        assert_eq!(of(10_000, 10, 5.0, 0), wanted);
        assert_eq!(of(10_000, 10, 5.0, 5), [], "half of it they waited");
    }

    #[test]
    fn memory_is_held_against_the_limit_of_the_server_and_that_of_all() {
        let of = |server, client, server_memory_bytes, cgroup_memory_bytes| {
            raised(move |one| {
                let totals = |rss_max_bytes| Totals {
                    rss_max_bytes: Some(rss_max_bytes),
                    ..Totals::default()
                };
                one.cost.rss_peak_bytes = Some(server);
                (one.cost.server, one.cost.client) = (totals(server), totals(client));
                one.server_memory_bytes = server_memory_bytes;
                one.machine.cgroup_memory_bytes = cgroup_memory_bytes;
            })
        };
        let wanted = [Warning::MemoryNearLimit];
        assert_eq!(of(GIB, GIB, None, None), []);
        assert_eq!(of(GIB / 10 * 9, GIB, Some(GIB), None), []);
        assert_eq!(of(GIB / 100 * 96, 0, Some(GIB), None), wanted);
        assert_eq!(of(GIB, GIB, None, Some(3 * GIB)), []);
        assert_eq!(of(GIB, GIB, None, Some(2 * GIB)), wanted);
    }

    #[test]
    fn other_load_counts_beyond_the_noise_of_ticks_and_without_interrupts_measured_apart() {
        let noise = |seconds| {
            raised(move |one| {
                one.cost.server_share_permille = Some(420);
                (one.cost.server_cores, one.cost.load_cores) = (Some(cores(500)), None);
                one.outcome.elapsed = Duration::from_secs(seconds);
            })
        };
        // Two standard deviations of a half-busy core are 10% after a second and 5% after four.
        assert_eq!(noise(1), []);
        assert_eq!(noise(4), [Warning::OtherLoad]);
        let interrupts = |irq_time_accounting| {
            raised(move |one| {
                one.cost.server_share_permille = Some(700);
                one.cost.server_cores = Some(Utilisation {
                    irq_permille: 200,
                    ..cores(900)
                });
                one.machine.irq_time_accounting = irq_time_accounting;
            })
        };
        assert_eq!(interrupts(Some(true)), []);
        for in_processes in [Some(false), None] {
            assert_eq!(interrupts(in_processes), [Warning::OtherLoad]);
        }
    }
}

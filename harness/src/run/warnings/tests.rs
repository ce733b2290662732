//! Each doubt has its cause, and nothing else raises it.

use std::collections::HashSet;
use std::time::Duration;

use super::{Conditions, warnings};
use crate::host::cores::Layout;
use crate::host::proc::Utilisation;
use crate::load::Outcome;
use crate::results::environment::Machine;
use crate::results::warning::Warning;
use crate::run::samples::Totals;
use crate::run::usage::{Cost, UsageWindow};

fn outcome(calls: u64, client_cpu_ms: u64) -> Outcome {
    Outcome {
        calls,
        elapsed: Duration::from_secs(1),
        client_cpu: Duration::from_millis(client_cpu_ms),
        ..Outcome::default()
    }
}

fn layout(server: &str, load: &str) -> Layout {
    Layout {
        server: server.parse().unwrap(),
        load: load.parse().unwrap(),
        shares_physical_core: false,
    }
}

fn busy(busy_permille: u64, steal_permille: u64) -> Utilisation {
    Utilisation {
        busy_permille,
        irq_permille: 0,
        steal_permille,
    }
}

const GIB: u64 = 1 << 30;

static MACHINE: std::sync::LazyLock<Machine> = std::sync::LazyLock::new(Machine::default);

fn conditions<'a>(layout: &'a Layout, machine: &'a Machine) -> Conditions<'a> {
    Conditions {
        layout,
        machine,
        is_release: true,
        is_open_loop: false,
        clients: 10,
        server_memory_bytes: None,
    }
}

fn raised(cost: &Cost, outcome: &Outcome, conditions: &Conditions<'_>) -> HashSet<Warning> {
    warnings(cost, outcome, conditions).into_iter().collect()
}

/// Calls that took so long each, and clients that kept so many of them in flight.
fn in_flight(calls: u64, latency_ms: u64, in_flight: f64) -> Outcome {
    let mut found = Outcome {
        in_flight: Duration::from_secs_f64(in_flight * 10.0),
        elapsed: Duration::from_secs(10),
        ..outcome(calls, 500)
    };
    found
        .latency_ns
        .record_n(latency_ms * 1_000_000, calls)
        .unwrap();
    found
}

#[test]
fn each_doubt_has_its_cause() {
    let apart = layout("0", "1");
    let siblings = Layout {
        shares_physical_core: true,
        ..apart.clone()
    };
    let quiet = Cost {
        server_share_permille: Some(900),
        server_cores: Some(busy(910, 0)),
        load_cores: Some(busy(500, 0)),
        throttled: Some(0),
        ..Cost::default()
    };
    let calm = outcome(10_000, 500);
    let of = |cost: &Cost, outcome: &Outcome, layout: &Layout, release| -> HashSet<Warning> {
        let conditions = Conditions {
            layout,
            is_release: release,
            ..conditions(layout, &MACHINE)
        };
        raised(cost, outcome, &conditions)
    };
    assert_eq!(of(&quiet, &calm, &apart, true), HashSet::new());
    assert_eq!(
        of(&quiet, &calm, &apart, false),
        HashSet::from([Warning::NotRelease])
    );
    assert_eq!(
        of(&quiet, &calm, &layout("0", "0"), true),
        HashSet::from([Warning::SharedCores])
    );
    assert_eq!(
        of(&quiet, &calm, &siblings, true),
        HashSet::from([Warning::SharesPhysicalCore])
    );
    assert_eq!(
        of(&quiet, &outcome(10_000, 960), &apart, true),
        HashSet::from([Warning::ClientSaturated])
    );
    assert_eq!(
        of(&quiet, &outcome(999, 500), &apart, true),
        HashSet::from([Warning::FewCalls])
    );
    let full = Cost {
        load_cores: Some(busy(980, 0)),
        ..quiet.clone()
    };
    assert_eq!(
        of(&full, &calm, &apart, true),
        HashSet::from([Warning::LoadCoresSaturated, Warning::OtherLoad])
    );
    let serving = Cost {
        services_busy_permille: Some(470),
        ..full.clone()
    };
    assert_eq!(
        of(&serving, &calm, &apart, true),
        HashSet::from([Warning::LoadCoresSaturated])
    );
    let beside = Cost {
        load_cores: Some(busy(610, 0)),
        ..quiet.clone()
    };
    assert_eq!(
        of(&beside, &calm, &apart, true),
        HashSet::from([Warning::OtherLoad])
    );
    let stolen = Cost {
        load_cores: Some(busy(500, 30)),
        ..quiet.clone()
    };
    assert_eq!(
        of(&stolen, &calm, &apart, true),
        HashSet::from([Warning::Steal])
    );
    let throttled = Cost {
        throttled: Some(2),
        ..quiet.clone()
    };
    assert_eq!(
        of(&throttled, &calm, &apart, true),
        HashSet::from([Warning::Throttled])
    );
    let crowded = Cost {
        server_share_permille: Some(700),
        ..quiet
    };
    assert_eq!(
        of(&crowded, &calm, &apart, true),
        HashSet::from([Warning::OtherLoad])
    );
}

#[test]
fn a_window_over_a_process_that_is_not_there_has_no_cost() {
    let mut window = UsageWindow::new(vec![u32::MAX], Vec::new());
    window.open();
    window.close();
    let cost = window.cost(&layout("0", "1"));
    assert_eq!(
        (
            cost.server_cpu_ns,
            cost.server.rss_mean_bytes,
            cost.server_ended
        ),
        (None, None, true)
    );
}

#[test]
fn a_service_that_fills_a_core_or_most_of_full_ones_is_a_saturated_backend() {
    let two = layout("0", "1,2");
    let of = |cost: &Cost| raised(cost, &outcome(10_000, 500), &conditions(&two, &MACHINE));
    let backend = |busiest, all, cores| Cost {
        busiest_service_permille: Some(busiest),
        services_busy_permille: Some(all),
        load_cores: Some(busy(cores, 0)),
        ..Cost::default()
    };
    assert_eq!(of(&backend(950, 950, 730)), HashSet::new());
    assert_eq!(
        of(&backend(960, 960, 735)),
        HashSet::from([Warning::BackendSaturated])
    );
    // No one fills a core, but together with the load they fill two.
    assert_eq!(
        of(&backend(700, 1_400, 960)),
        HashSet::from([Warning::BackendSaturated, Warning::LoadCoresSaturated])
    );
}

#[test]
fn late_and_missing_sends_are_a_doubt_in_an_open_loop_only() {
    let apart = layout("0", "1");
    let open = Conditions {
        is_open_loop: true,
        ..conditions(&apart, &MACHINE)
    };
    let late = |latency_ms: u64, late_us: u64, unsent| {
        let mut found = outcome(10_000, 500);
        found.unsent = unsent;
        found
            .latency_ns
            .record_n(latency_ms * 1_000_000, 10_000)
            .unwrap();
        found.late_ns.record_n(1_000, 9_000).unwrap();
        found.late_ns.record_n(late_us * 1_000, 1_000).unwrap();
        found
    };
    let of = |found: &Outcome, conditions| raised(&Cost::default(), found, conditions);
    let doubted = HashSet::from([Warning::SendsLate]);
    assert_eq!(of(&late(5, 400, 0), &open), HashSet::new(), "8% of p99");
    assert_eq!(of(&late(5, 600, 0), &open), doubted, "12% of p99");
    let mut slow_tail = late(5, 2_000, 0);
    slow_tail.latency_ns.record_n(50_000_000, 1_000).unwrap();
    let why = "2 ms are little of a p99 of 50 ms, whatever the median is";
    assert_eq!(of(&slow_tail, &open), HashSet::new(), "{why}");
    let mut always = late(1, 90, 0);
    assert_eq!(of(&always, &open), HashSet::new(), "a timer's wake-up");
    always.late_ns.record_n(150_000, 20_000).unwrap();
    assert_eq!(of(&always, &open), doubted, "15% of the median");
    assert_eq!(
        of(&late(50, 2_000, 0), &open),
        HashSet::new(),
        "below a tenth of the latency"
    );
    assert_eq!(of(&late(5, 10, 1), &open), doubted, "one was not sent");
    assert_eq!(
        of(&late(5, 2_000, 0), &conditions(&apart, &MACHINE)),
        HashSet::new()
    );
}

#[test]
fn a_client_that_waits_awake_is_not_full_and_no_other_load() {
    let apart = layout("0", "1");
    let spinning = Outcome {
        client_spun: Duration::from_millis(600),
        ..outcome(10_000, 380)
    };
    let cost = |services| Cost {
        load_cores: Some(busy(990, 0)),
        services_busy_permille: services,
        ..Cost::default()
    };
    let of = |cost: &Cost, found| raised(cost, found, &conditions(&apart, &MACHINE));
    assert_eq!(of(&cost(None), &spinning), HashSet::new());
    // The CPU time of the process contains the waiting, so it does not hide the load of others.
    let own = |client_ms: u64| Cost {
        client_cpu_ns: Some(client_ms * 1_000_000),
        ..cost(None)
    };
    let idle = Outcome {
        client_spun: Duration::from_millis(600),
        ..outcome(10_000, 100)
    };
    let others = HashSet::from([Warning::OtherLoad]);
    assert_eq!(of(&own(700), &idle), others);
    assert_eq!(of(&own(980), &idle), HashSet::new());
    let two_threads = Outcome {
        threads: 2,
        client_spun: Duration::from_millis(1_200),
        ..outcome(10_000, 760)
    };
    let two = layout("0", "1,2");
    let found = raised(&cost(None), &two_threads, &conditions(&two, &MACHINE));
    assert_eq!(found, HashSet::new());
}

#[test]
fn calls_in_flight_are_held_against_rate_times_latency() {
    let apart = layout("0", "1");
    let of = |found: &Outcome| raised(&Cost::default(), found, &conditions(&apart, &MACHINE));
    let doubted = HashSet::from([Warning::LittlesLaw]);
    // 1,000 a second of 10 ms are 10.
    assert_eq!(of(&in_flight(10_000, 10, 10.0)), HashSet::new());
    assert_eq!(of(&in_flight(10_000, 10, 9.6)), HashSet::new());
    assert_eq!(of(&in_flight(10_000, 10, 9.0)), doubted);
    assert_eq!(of(&in_flight(10_000, 10, 12.0)), doubted);
    // Of 100 in flight for a second each, ten clients may have begun or ended one outside of ten seconds: that is one more.
    assert_eq!(of(&in_flight(1_000, 1_000, 94.5)), HashSet::new());
    assert_eq!(of(&in_flight(1_000, 1_000, 94.0)), doubted);
    let mut waiting = in_flight(10_000, 10, 5.0);
    assert_eq!(of(&waiting), doubted);
    waiting.late_ns.record_n(5_000_000, 10_000).unwrap();
    assert_eq!(of(&waiting), HashSet::new(), "half of it they waited");
    assert_eq!(
        of(&in_flight(10_000, 10, 0.0)),
        HashSet::new(),
        "nobody kept the time"
    );
}

#[test]
fn memory_is_held_against_the_limit_of_the_server_and_that_of_all() {
    let apart = layout("0", "1");
    let cost = |server: u64, client: u64| Cost {
        rss_peak_bytes: Some(server),
        server: Totals {
            rss_max_bytes: Some(server),
            ..Totals::default()
        },
        client: Totals {
            rss_max_bytes: Some(client),
            ..Totals::default()
        },
        ..Cost::default()
    };
    let of = |cost: &Cost, server_memory_bytes, cgroup_memory_bytes| {
        let machine = Machine {
            cgroup_memory_bytes,
            ..Machine::default()
        };
        let conditions = Conditions {
            server_memory_bytes,
            ..conditions(&apart, &machine)
        };
        raised(cost, &outcome(10_000, 500), &conditions)
    };
    let doubted = HashSet::from([Warning::MemoryNearLimit]);
    assert_eq!(of(&cost(GIB, GIB), None, None), HashSet::new());
    assert_eq!(
        of(&cost(GIB / 10 * 9, GIB), Some(GIB), None),
        HashSet::new()
    );
    assert_eq!(of(&cost(GIB / 100 * 96, 0), Some(GIB), None), doubted);
    assert_eq!(of(&cost(GIB, GIB), None, Some(3 * GIB)), HashSet::new());
    assert_eq!(of(&cost(GIB, GIB), None, Some(2 * GIB)), doubted);
}

#[test]
fn a_slow_clock_and_a_governor_that_follows_the_load_are_doubts() {
    let apart = layout("0", "1");
    let of = |clock_source: &str, governor: &str| {
        let machine = Machine {
            clock_source: clock_source.to_owned(),
            governor: governor.to_owned(),
            ..Machine::default()
        };
        let conditions = conditions(&apart, &machine);
        raised(&Cost::default(), &outcome(10_000, 500), &conditions)
    };
    for clock in ["tsc", "kvm-clock", "arch_sys_counter", ""] {
        assert_eq!(of(clock, "performance"), HashSet::new(), "{clock}");
    }
    assert_eq!(of("hpet", ""), HashSet::from([Warning::ClockSource]));
    assert_eq!(of("tsc", "powersave"), HashSet::from([Warning::Governor]));
}

#[test]
fn other_load_counts_beyond_the_noise_of_ticks_only() {
    let apart = layout("0", "1");
    let cost = Cost {
        server_share_permille: Some(420),
        server_cores: Some(busy(500, 0)),
        ..Cost::default()
    };
    let of = |seconds| {
        let found = Outcome {
            elapsed: Duration::from_secs(seconds),
            ..outcome(10_000, 500)
        };
        raised(&cost, &found, &conditions(&apart, &MACHINE))
    };
    // Two standard deviations of a half-busy core are 10% after a second and 5% after four.
    assert_eq!(of(1), HashSet::new());
    assert_eq!(of(4), HashSet::from([Warning::OtherLoad]));
}

#[test]
fn interrupts_that_are_measured_apart_are_no_other_load() {
    let apart = layout("0", "1");
    let cost = Cost {
        server_share_permille: Some(700),
        server_cores: Some(Utilisation {
            irq_permille: 200,
            ..busy(900, 0)
        }),
        ..Cost::default()
    };
    let of = |irq_time_accounting| {
        let machine = Machine {
            irq_time_accounting,
            ..Machine::default()
        };
        raised(&cost, &outcome(10_000, 500), &conditions(&apart, &machine))
    };
    assert_eq!(of(Some(true)), HashSet::new());
    for in_processes in [Some(false), None] {
        assert_eq!(of(in_processes), HashSet::from([Warning::OtherLoad]));
    }
}

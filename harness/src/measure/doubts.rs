//! The doubts that a trial raises: from what the window cost and the load saw to warnings.

use std::time::Duration;

use super::window::Cost;
use crate::format::warning::Warning;
use crate::load::Outcome;
use crate::machine::cores::Layout;
use crate::machine::proc::Utilisation;

/// Busier than this the load thread or its cores were the limit, in thousandths.
const SATURATED_PERMILLE: u64 = 950;

/// More stolen time than this spoils a window, in thousandths.
const STEAL_PERMILLE: u64 = 10;

/// More work of others than this on the server's cores spoils a window, in thousandths of them.
const OTHER_LOAD_PERMILLE: u64 = 50;

/// More work of others than this on the load's cores spoils a window, in thousandths of one core.
/// The harness itself is among the others.
const OTHER_LOAD_BESIDE_PERMILLE: u64 = 100;

/// Below this length the ticks of `/proc/stat` (10 ms) are too coarse to see work of others.
const TICKS_SUFFICE: Duration = Duration::from_secs(1);

/// Fewer calls than this say nothing about p99.9.
const FEW_CALLS: u64 = 1_000;

/// The doubts about a trial.
#[must_use]
pub fn warnings(cost: &Cost, outcome: &Outcome, layout: &Layout, is_release: bool) -> Vec<Warning> {
    let client_permille = permille(outcome.client_busy_share());
    let load_full = cost
        .load_cores
        .is_some_and(|cores| cores.busy_permille > SATURATED_PERMILLE);
    let client_full = client_permille > SATURATED_PERMILLE;
    let stolen = |cores: Option<Utilisation>| {
        cores.is_some_and(|cores| cores.steal_permille > STEAL_PERMILLE)
    };
    let others = match (cost.server_cores, cost.server_share_permille) {
        (Some(cores), Some(own)) if outcome.elapsed >= TICKS_SUFFICE => {
            cores.busy_permille.saturating_sub(own)
        }
        _ => 0,
    };
    let beside = match cost.load_cores {
        Some(cores) if outcome.elapsed >= TICKS_SUFFICE => {
            let count = layout.load.numbers().len() as u64;
            let own = client_permille + cost.services_busy_permille.unwrap_or(0);
            (cores.busy_permille * count).saturating_sub(own)
        }
        _ => 0,
    };
    let raised = [
        (Warning::NotRelease, !is_release),
        (Warning::SharedCores, layout.is_shared()),
        (Warning::ClientSaturated, client_full),
        (Warning::LoadCoresSaturated, load_full && !client_full),
        (
            Warning::Steal,
            stolen(cost.server_cores) || stolen(cost.load_cores),
        ),
        (
            Warning::Throttled,
            cost.throttled.is_some_and(|times| times > 0),
        ),
        (
            Warning::OtherLoad,
            (others > OTHER_LOAD_PERMILLE || beside > OTHER_LOAD_BESIDE_PERMILLE)
                && !layout.is_shared(),
        ),
        (Warning::FewCalls, outcome.calls < FEW_CALLS),
    ];
    raised
        .into_iter()
        .filter_map(|(warning, is_raised)| is_raised.then_some(warning))
        .collect()
}

/// A share (0 to 1) in whole thousandths.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is bounded just before, and the cast saturates"
)]
pub fn permille(share: f64) -> u64 {
    (share * 1_000.0).round().clamp(0.0, 1e9) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::super::window::{Cost, Window};
    use super::warnings;
    use crate::format::warning::Warning;
    use crate::load::Outcome;
    use crate::machine::cores::Layout;
    use crate::machine::proc::Utilisation;

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
        }
    }

    fn busy(busy_permille: u64, steal_permille: u64) -> Utilisation {
        Utilisation {
            busy_permille,
            steal_permille,
        }
    }

    #[test]
    fn each_doubt_has_its_cause() {
        let apart = layout("0", "1");
        let quiet = Cost {
            server_share_permille: Some(900),
            server_cores: Some(busy(910, 0)),
            load_cores: Some(busy(500, 0)),
            throttled: Some(0),
            ..Cost::default()
        };
        let calm = outcome(10_000, 500);
        let of = |cost: &Cost, outcome: &Outcome, layout: &Layout, release| -> HashSet<Warning> {
            warnings(cost, outcome, layout, release)
                .into_iter()
                .collect()
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
        let mut window = Window::new(vec![u32::MAX], Vec::new());
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
}

//! The load client against a floor, beside `wrk`: the same request, connections and core, in turns.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, json};

use super::{Check, Grade};
use crate::cli::peer::wrk;
use crate::cli::peer::{Asked, Scratch};
use crate::host::proc::{CoreTime, core_times, utilisation};
use crate::interrupt::Interrupt;
use crate::load::{self, Exchange, Expectation, Moment, Plan, Revision, Shape, Target};
use crate::run::testbed::Testbed;

/// Below this share of `wrk`'s rate the client would be what is measured.
const LEAST_SHARE: f64 = 0.9;

/// About the size of an echo's answer.
const ANSWER_BYTES: u32 = 200;

/// Busier than this the floor's cores were the limit, in thousandths.
const FULL_PERMILLE: u64 = 980;

/// Load of each side before it counts; whole seconds, as `wrk` takes them.
const WARMUP_S: u64 = 1;

/// How often and how long.
pub(super) struct Turns {
    pub(super) seconds: u64,
    pub(super) count: u32,
    pub(super) clients: usize,
}

/// What one side did in one turn.
#[derive(Debug, Clone, Copy)]
struct Side {
    calls_per_s: f64,
    /// CPU time of the client per call.
    cpu_us: f64,
    /// How busy the floor's cores were.
    floor_busy_permille: u64,
}

/// Compares the client with `wrk` against one floor.
pub(super) fn compare(
    bench: &Testbed,
    floor: &str,
    turns: &Turns,
    interrupt: &Interrupt,
) -> anyhow::Result<Check> {
    let contest = Contest {
        bench,
        floor,
        turns,
        interrupt,
        exchange: Exchange {
            tool: "echo".to_owned(),
            arguments: json!({ "message": "abcdefghijklmnopqrstuvwxyz012345" }),
            meta: Map::new(),
            expect: Expectation::Result(Vec::new()),
        },
        folder: Scratch::new()?,
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 1..=turns.count {
        anyhow::ensure!(!interrupt.is_set(), "interrupted");
        // Who goes second finds a warmer machine, so they alternate.
        let (our_side, their_side) = if turn % 2 == 1 {
            let their_side = contest.wrk()?;
            (contest.client()?, their_side)
        } else {
            (contest.client()?, contest.wrk()?)
        };
        let shown = their_side.map_or_else(|| "not installed".to_owned(), said);
        eprintln!(
            "client against {floor}, turn {turn}: {}; wrk: {shown}",
            said(our_side)
        );
        ours.push(our_side);
        theirs.extend(their_side);
    }
    let ours = medians(&ours).context("no turn was made")?;
    if let Some(theirs) = medians(&theirs) {
        return Ok(judge(floor, ours, theirs, turns.count));
    }
    let found = format!("{floor}: {}; wrk is not installed", said(ours));
    let remedy = "apt-get install wrk: without it nobody can say whether the client is the limit";
    Ok(Check::new("client", found, Grade::Fair, remedy))
}

/// One comparison, turn by turn. Each side has a fresh floor.
struct Contest<'a> {
    bench: &'a Testbed,
    floor: &'a str,
    turns: &'a Turns,
    interrupt: &'a Interrupt,
    exchange: Exchange,
    folder: Scratch,
}

impl Contest<'_> {
    /// `wrk`, after a short run of it that is not counted.
    fn wrk(&self) -> anyhow::Result<Option<Side>> {
        let started = self
            .bench
            .start(self.floor, Some(ANSWER_BYTES), self.interrupt)?;
        let Target::Floor { address, path, .. } = &started.target else {
            anyhow::bail!("{} is not a floor", self.floor);
        };
        let mut asked = Asked {
            url: format!("http://{address}{path}"),
            exchange: &self.exchange,
            clients: self.turns.clients,
            seconds: WARMUP_S,
            cores: &self.bench.setup().layout.load,
        };
        if wrk::run(&asked, self.folder.path(), self.interrupt)?.is_none() {
            return Ok(None);
        }
        asked.seconds = self.turns.seconds;
        let before = core_times();
        let brought = wrk::run(&asked, self.folder.path(), self.interrupt)?;
        let floor_busy_permille = self.floor_busy_permille(&before, &core_times())?;
        Ok(brought.map(|brought| Side {
            calls_per_s: brought.rate,
            cpu_us: brought.cpu_us / brought.requests.max(1) as f64,
            floor_busy_permille,
        }))
    }

    /// The load engine. The calling thread is pinned to the load cores since the bench was made.
    fn client(&self) -> anyhow::Result<Side> {
        let started = self
            .bench
            .start(self.floor, Some(ANSWER_BYTES), self.interrupt)?;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let plan = Plan {
            target: started.target,
            exchanges: std::slice::from_ref(&self.exchange),
            clients: self.turns.clients,
            warmup: Duration::from_secs(WARMUP_S),
            duration: Duration::from_secs(self.turns.seconds),
            call_timeout: load::DEFAULT_CALL_TIMEOUT,
            revision: Revision::default(),
            extra_params: Map::new(),
            shape: Shape::default(),
            stop: self.interrupt.flag(),
        };
        let outcome = load::run(1, plan, &mut |moment| match moment {
            Moment::MeasureStart => before = core_times(),
            Moment::MeasureEnd => after = core_times(),
            Moment::HandshakeDone | Moment::Tick { .. } => {}
        })?;
        anyhow::ensure!(!self.interrupt.is_set(), "interrupted");
        let examples: Vec<String> = outcome
            .errors
            .iter()
            .map(|(kind, tally)| format!("{kind}: {}", tally.example))
            .collect();
        anyhow::ensure!(
            examples.is_empty(),
            "the floor answered wrong: {}",
            examples.join("; ")
        );
        Ok(Side {
            calls_per_s: outcome.calls_per_s(),
            cpu_us: outcome.client_cpu.as_secs_f64() * 1e6 / outcome.calls.max(1) as f64,
            floor_busy_permille: self.floor_busy_permille(&before, &after)?,
        })
    }

    fn floor_busy_permille(&self, before: &[CoreTime], after: &[CoreTime]) -> anyhow::Result<u64> {
        let cores = self.bench.setup().layout.server.numbers();
        utilisation(before, after, cores)
            .map(|cores| cores.busy_permille)
            .context("cannot read from /proc/stat how busy the floor's cores are")
    }
}

fn said(side: Side) -> String {
    format!(
        "{:.0} calls/s, {:.2} us CPU per call, floor {:.1}% busy",
        side.calls_per_s,
        side.cpu_us,
        side.floor_busy_permille as f64 / 10.0
    )
}

/// The two held against each other. The rate decides; where the floor was the limit for both it
/// says little, and the CPU time beside it says how much room the client has left.
fn judge(floor: &str, ours: Side, theirs: Side, turns: u32) -> Check {
    let share = ours.calls_per_s / theirs.calls_per_s;
    let grade = if share >= LEAST_SHARE {
        Grade::Good
    } else {
        Grade::Bad
    };
    let floor_is_limit = ours.floor_busy_permille.min(theirs.floor_busy_permille) > FULL_PERMILLE;
    let remark = if floor_is_limit {
        "; the floor was the limit for both, so compare the CPU per call"
    } else {
        ""
    };
    let found = format!(
        "{floor}: {:.0} calls/s, {:.0}% of wrk's {:.0}; client CPU {:.2} us/call, {:.0}% of wrk's {:.2}; floor's cores \
         {:.1}% busy, with wrk {:.1}%{remark} (medians of {turns})",
        ours.calls_per_s,
        share * 100.0,
        theirs.calls_per_s,
        ours.cpu_us,
        ours.cpu_us / theirs.cpu_us * 100.0,
        theirs.cpu_us,
        ours.floor_busy_permille as f64 / 10.0,
        theirs.floor_busy_permille as f64 / 10.0,
    );
    let remedy =
        "at least 90% of wrk's rate is needed: measure with a release build on a quiet machine";
    Check::new("client", found, grade, remedy)
}

/// The median of each figure.
fn medians(sides: &[Side]) -> Option<Side> {
    let middle = |figure: fn(&Side) -> f64| -> Option<f64> {
        let mut figures: Vec<f64> = sides.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    };
    let mut busy: Vec<u64> = sides.iter().map(|side| side.floor_busy_permille).collect();
    busy.sort_unstable();
    Some(Side {
        calls_per_s: middle(|side| side.calls_per_s)?,
        cpu_us: middle(|side| side.cpu_us)?,
        floor_busy_permille: *busy.get(busy.len() / 2)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Grade, Side, judge, medians};

    fn side(calls_per_s: f64, cpu_us: f64, floor_busy_permille: u64) -> Side {
        Side {
            calls_per_s,
            cpu_us,
            floor_busy_permille,
        }
    }

    #[test]
    fn the_rate_decides_and_a_full_floor_is_remarked() {
        let good = judge("floor", side(91.0, 5.0, 990), side(100.0, 4.0, 995), 3);
        assert_eq!(good.grade, Grade::Good);
        for part in [
            "91% of wrk's 100",
            "125% of wrk's 4.00",
            "the floor was the limit",
        ] {
            assert!(good.found.contains(part), "{part} in {}", good.found);
        }
        let bad = judge("floor", side(89.0, 5.0, 700), side(100.0, 4.0, 995), 3);
        assert_eq!(bad.grade, Grade::Bad);
        assert!(
            !bad.found.contains("the floor was the limit"),
            "{}",
            bad.found
        );
    }

    #[test]
    fn medians_are_of_each_figure() {
        let found = medians(&[side(1.0, 9.0, 5), side(3.0, 7.0, 6), side(2.0, 8.0, 9)]);
        let found = found.unwrap();
        assert!((found.calls_per_s - 2.0).abs() < 1e-9 && (found.cpu_us - 8.0).abs() < 1e-9);
        assert_eq!(found.floor_busy_permille, 6);
        assert!(medians(&[]).is_none());
    }
}

//! How often verdicts are right, on simulated machines whose noise is known.
//!
//! The noise is that of a cloud machine in a bad hour: readings correlate 0.40 when 3 s lie between
//! them and 0.29 when it is 30 s, and half of the variance is new in each reading. A long trial has
//! as much noise as a short slice. Each process has a pace of its own. Of eight subjects every
//! other one is 5% slower. With `--nocapture` it prints what METHODOLOGY.md shows under "Slices",
//! there with `RUNS` at 200.

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::{Better, Bootstrap, Design, Fit, Resampled, Sample, Threshold, Verdict, median_of};

const RUNS: usize = 12;
const SUBJECTS: usize = 8;
const SLOWER: f64 = 1.05;

/// Parts of the variance that drift, each with the seconds in which it forgets; the rest is new in
/// each reading. Correlation after 3 s: 0.20 / e + 0.33 x 0.99 = 0.40; after 30 s: 0.33 x 0.88.
const DRIFTS: [(f64, f64); 2] = [(0.20, 3.0), (0.33, 232.0)];

/// A machine.
#[derive(Debug, Clone, Copy)]
struct Machine {
    /// The range of three readings of one subject, as a share of their median.
    range: f64,
    /// The standard deviation of the processes of one subject.
    process: f64,
}

/// How a run is made; each takes about 8 s of load for each subject.
#[derive(Clone, Copy)]
struct Plan {
    processes: u32,
    rounds: u32,
    /// From one reading to the next.
    step_s: f64,
    /// Whether two subjects differ where their ranges do not overlap, as of three trials before.
    by_ranges: bool,
}

const fn slices(processes: u32, rounds: u32) -> Plan {
    Plan {
        processes,
        rounds,
        step_s: 0.25,
        by_ranges: false,
    }
}

/// Three trials of 2.5 s, each in a fresh process: by medians, and by the fit and its interval.
const TRIALS_BY_RANGES: Plan = Plan {
    by_ranges: true,
    ..TRIALS
};
const TRIALS: Plan = Plan {
    step_s: 2.8,
    ..slices(3, 1)
};

struct Noise(Xoshiro256PlusPlus);

impl Noise {
    /// Normal: the sum of twelve uniform draws.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.0.random_range(-0.5..0.5)).sum()
    }

    /// The readings of all subjects in one run.
    fn run(&mut self, machine: Machine, plan: Plan) -> Vec<Vec<Sample>> {
        // The range of three normal values is 1.69 standard deviations on average.
        let spread = machine.range / 1.69;
        let new = (1.0 - DRIFTS.iter().map(|(part, _)| part).sum::<f64>()).sqrt();
        let mut drifts = DRIFTS.map(|_| self.normal());
        let mut found = vec![Vec::new(); SUBJECTS];
        for process in 0..plan.processes {
            let paces = [(); SUBJECTS].map(|()| machine.process * self.normal());
            for round in 0..plan.rounds {
                let mut order: Vec<usize> = (0..SUBJECTS).collect();
                order.shuffle(&mut self.0);
                for subject in order {
                    let mut noise = new * self.normal();
                    for (drift, (part, forgets_s)) in drifts.iter_mut().zip(DRIFTS) {
                        let kept = (-plan.step_s / forgets_s).exp();
                        *drift = kept * *drift + (1.0 - kept * kept).sqrt() * self.normal();
                        noise += part.sqrt() * *drift;
                    }
                    found[subject].push(Sample {
                        process,
                        round: process * plan.rounds + round,
                        value: cost(subject) * (spread * noise + paces[subject]).exp(),
                    });
                }
            }
        }
        found
    }
}

fn cost(subject: usize) -> f64 {
    if subject % 2 == 1 { SLOWER } else { 1.0 }
}

/// Shares of all pairs of subjects in all runs.
#[derive(Debug)]
struct Found {
    rms: f64,
    told_5: f64,
    told_0: f64,
    covered: f64,
}

fn simulate(machine: Machine, plan: Plan) -> Found {
    let mut noise = Noise(Xoshiro256PlusPlus::seed_from_u64(5));
    let (mut squares, mut covered) = (Vec::new(), Vec::new());
    let (mut told_5, mut told_0) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let run = noise.run(machine, plan);
        let all: Vec<&[Sample]> = run.iter().map(Vec::as_slice).collect();
        let fit = Fit::new(&all).unwrap();
        let draws = (!plan.by_ranges).then(|| Bootstrap::new(&fit));
        let pairs = (0..SUBJECTS).flat_map(|of| (0..of).map(move |against| (of, against)));
        for (of, against) in pairs {
            let truth = cost(of) / cost(against);
            let (point, verdict) = if let Some(draws) = &draws {
                let ratio = draws.over(of, against).unwrap().ratio();
                let ends = ratio.interval.unwrap();
                covered.push(f64::from(ends.low <= truth && truth <= ends.high));
                (
                    ratio.point,
                    Threshold::default().judge(&ratio, Better::Less),
                )
            } else {
                by_ranges(all[of], all[against])
            };
            squares.push((point / truth).ln().powi(2));
            let (told, wanted) = if of % 2 == against % 2 {
                (&mut told_0, !verdict.is_tie())
            } else if truth > 1.0 {
                (&mut told_5, verdict == Verdict::Slower)
            } else {
                (&mut told_5, verdict == Verdict::Faster)
            };
            told.push(f64::from(wanted));
        }
    }
    let share = |of: &[f64]| of.iter().sum::<f64>().abs() / of.len().max(1) as f64;
    Found {
        rms: share(&squares).sqrt(),
        told_5: share(&told_5),
        told_0: share(&told_0),
        covered: share(&covered),
    }
}

fn by_ranges(of: &[Sample], against: &[Sample]) -> (f64, Verdict) {
    let sorted = |samples: &[Sample]| {
        let mut values: Vec<f64> = samples.iter().map(|one| one.value).collect();
        let middle = median_of(&mut values).unwrap();
        (values[0], middle, values[values.len() - 1])
    };
    let (of, against) = (sorted(of), sorted(against));
    let verdict = match (of.0 > against.2, of.2 < against.0) {
        (true, _) => Verdict::Slower,
        (_, true) => Verdict::Faster,
        _ => Verdict::CannotTell,
    };
    (of.1 / against.1, verdict)
}

#[test]
fn slices_with_the_fit_err_less_than_three_long_trials_and_invent_fewer_differences() {
    println!("range process | plan: rms error, true 5% told, true 0% told apart, covered");
    for (range, process) in [(0.30, 0.01), (0.10, 0.01), (0.03, 0.01), (0.03, 0.03)] {
        let machine = Machine { range, process };
        let plans = [TRIALS_BY_RANGES, TRIALS, slices(3, 13), slices(5, 8)];
        let [by_ranges, trials, three, five] = plans.map(|plan| {
            let found = simulate(machine, plan);
            let shares = [found.rms, found.told_5, found.told_0, found.covered];
            let [rms, told_5, told_0, covered] = shares.map(|share| share * 100.0);
            let Plan {
                processes,
                rounds,
                by_ranges,
                ..
            } = plan;
            println!(
                "{range} {process} | {processes} x {rounds}, by ranges {by_ranges}: \
                 {rms:.1} {told_5:.0} {told_0:.1} {covered:.0}"
            );
            found
        });
        // How much smaller the error gets depends on what the processes leave of it.
        let less = by_ranges.rms / three.rms;
        let wanted = if range > 0.05 { 3.0 } else { 1.0 };
        assert!(
            less > wanted && five.rms < three.rms * 1.05,
            "{machine:?} {less}"
        );
        for found in [trials, three, five] {
            assert!(
                found.covered > 0.93 && found.told_0 < 0.04,
                "{machine:?} {found:?}"
            );
            assert!(found.told_0 < by_ranges.told_0, "{machine:?} {found:?}");
        }
    }
    let steady = Machine {
        range: 0.03,
        process: 0.01,
    };
    assert!(simulate(steady, slices(5, 8)).told_5 > 0.75);
}

#[test]
fn intervals_of_few_trials_cover_the_true_ratio() {
    let mut noise = Noise(Xoshiro256PlusPlus::seed_from_u64(7));
    for (design, trials) in [
        (Design::SameRounds, 3),
        (Design::SameRounds, 5),
        (Design::SameRounds, 15),
        (Design::Apart, 3),
        (Design::Apart, 9),
    ] {
        let mut readings = |middle: f64| -> Vec<Sample> {
            let mut value = || middle * (0.02 * noise.normal()).exp();
            (0..trials)
                .map(|trial| Sample::of_trial(trial, value()))
                .collect()
        };
        let mut covers = |_: &i32| {
            let found = Resampled::new(&readings(1.2), &readings(1.0), design)
                .unwrap()
                .ratio();
            found
                .interval
                .is_some_and(|ends| (ends.low..=ends.high).contains(&1.2))
        };
        let count = (0..200).filter(&mut covers).count();
        // 190, with a standard deviation of 3.
        assert!(count >= 184, "{design:?} {trials}: {count} of 200");
    }
}

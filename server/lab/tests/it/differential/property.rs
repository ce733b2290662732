//! Many thousand generated requests are answered equally.

use std::env;

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use transports::streamable::Answer as Kind;

use super::{
    compare::{Pair, Tally},
    generate,
    stateless::report,
};
use crate::in_process::tools;

/// Requests for each kind of answer; both together are more than 100,000.
const CASES: usize = 51_000;
/// The seed of the cases, unless the environment names another.
const SEED: u64 = 20_261_121;
/// Failures that are looked for; each is made smaller, which takes a while.
const FAILURES: usize = 5;

/// The cases to send.
struct Cases {
    seed: u64,
    count: usize,
    /// This one alone.
    only: Option<u64>,
}

impl Cases {
    fn from_environment() -> Self {
        let number = |name: &str| {
            let value = env::var(name).ok()?;
            let number = value.parse::<u64>();
            Some(number.unwrap_or_else(|_| panic!("{name}={value} is no whole number")))
        };
        let seed = match env::var("DIFFERENTIAL_SEED").as_deref() {
            Ok("random") => rand::random(),
            _ => number("DIFFERENTIAL_SEED").unwrap_or(SEED),
        };
        let count = number("DIFFERENTIAL_CASES").map(usize::try_from);
        Self {
            seed,
            count: count.map_or(CASES, |count| count.expect("a count")),
            only: number("DIFFERENTIAL_CASE"),
        }
    }

    /// The seeds of all cases: each case is made from its own, so that one can be asked again
    /// alone.
    fn seeds(&self) -> Vec<u64> {
        if let Some(case) = self.only {
            return vec![case];
        }
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        (0..self.count).map(|_| random.random()).collect()
    }
}

async fn generated_to(kind: Kind) {
    let cases = Cases::from_environment();
    let seeds = cases.seeds();
    println!("{kind:?}: {} cases of seed {}", seeds.len(), cases.seed);
    let mut pair = Pair::start(&tools().await, kind, false).await;
    let mut failures = Vec::new();
    for case in &seeds {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(*case);
        let request = generate::request(&mut random);
        if let Err(failure) = pair
            .check(&format!("DIFFERENTIAL_CASE={case}"), &request)
            .await
        {
            failures.push(failure);
            if failures.len() == FAILURES {
                break;
            }
        }
    }
    let tally = pair.tally;
    println!("{kind:?}: {tally:?}; {}", pair.counters());
    report(&failures);
    let Tally {
        asked,
        equal,
        explained,
        taken,
    } = tally;
    assert_eq!(asked, seeds.len(), "every case was asked");
    assert_eq!(equal + explained, asked, "every case was compared");
    assert!(
        cases.only.is_some() || taken * 2 >= asked,
        "half of the cases are taken: {tally:?}"
    );
}

#[tokio::test]
async fn generated_requests_are_answered_equally_with_json() {
    generated_to(Kind::Json).await;
}

#[tokio::test]
async fn generated_requests_are_answered_equally_with_event_streams() {
    generated_to(Kind::EventStream).await;
}

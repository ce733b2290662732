//! What would change a recommendation, and what it cannot say.

use super::{Candidates, Wish, unlimited};
use crate::analysis::dataset::Dataset;
use crate::analysis::ranking::{Place, Ranking};
use crate::stats::Verdict;

/// A runner-up this near may be first on another day or with another version.
const NEAR: f64 = 1.03;

pub(super) fn advice(
    run: &Dataset,
    wish: &Wish,
    order: &Ranking,
    sorted: &Candidates,
) -> anyhow::Result<Vec<String>> {
    let mut said = near(order);
    if let Some(all) = unlimited(run, wish, order, sorted)? {
        said.extend(better_but_too_large(&all, order, sorted));
    }
    said.extend(
        sorted
            .excluded
            .values()
            .map(|why| format!("{why}: it was left out.")),
    );
    said.extend(
        order
            .left_out
            .iter()
            .map(|why| format!("{why}: it was left out.")),
    );
    said.extend(extrapolation(run, wish, &order.suites));
    Ok(said)
}

fn percent(ratio: f64) -> f64 {
    (ratio - 1.0) * 100.0
}

/// Who could as well be first.
fn near(order: &Ranking) -> Vec<String> {
    let mut said = Vec::new();
    let Some((first, behind)) = order.places.split_first() else {
        return said;
    };
    if behind.is_empty() {
        said.push(format!(
            "{} was the only candidate: nothing was compared.",
            first.subject
        ));
    }
    for place in behind {
        let ratio = place.to_best.point / first.to_best.point;
        let name = &place.subject;
        match place.beside_first {
            Verdict::Equal | Verdict::CannotTell => said.push(format!(
                "{name} ties with it ({:+.1}%): choose between the two by what else matters.",
                percent(ratio)
            )),
            _ if ratio <= NEAR => said.push(format!(
                "{name} is within 3% of it ({:+.1}%): another version or machine may turn the two round.",
                percent(ratio)
            )),
            _ => {}
        }
    }
    if behind
        .iter()
        .any(|place| place.beside_first == Verdict::Unknown)
    {
        said.push(
            "There are fewer than three trials, so no verdict says that the order is not chance: measure with --trials 5 or more."
                .to_owned(),
        );
    }
    said
}

/// Who would be before it if memory did not matter.
fn better_but_too_large(all: &Ranking, order: &Ranking, sorted: &Candidates) -> Vec<String> {
    let first = order.places.first().map(|place| place.subject.as_str());
    let chosen = all
        .places
        .iter()
        .find(|place| Some(place.subject.as_str()) == first);
    let Some(chosen) = chosen else {
        return Vec::new();
    };
    let is_better =
        |place: &&Place| place.rank < chosen.rank && sorted.too_large.contains_key(&place.subject);
    let said = |place: &Place| {
        let why = sorted
            .too_large
            .get(&place.subject)
            .cloned()
            .unwrap_or_default();
        let ratio = chosen.to_best.point / place.to_best.point;
        format!(
            "{why}; without that limit it would be before the choice, which is {:+.1}% worse.",
            percent(ratio)
        )
    };
    all.places.iter().filter(is_better).map(said).collect()
}

/// Whether the question goes beyond what was measured.
fn extrapolation(run: &Dataset, wish: &Wish, suites: &[String]) -> Option<String> {
    let asked = wish.clients?;
    let clients = suites
        .iter()
        .filter_map(|suite| Some(run.suites.get(suite)?.load.clients));
    let mut other: Vec<usize> = clients.filter(|clients| *clients != asked).collect();
    other.sort_unstable();
    other.dedup();
    let other: Vec<String> = other.iter().map(ToString::to_string).collect();
    (!other.is_empty()).then(|| {
        format!(
            "Measured with {} clients, asked for {asked}: this is an extrapolation; measure with --clients {asked} to know.",
            other.join(" and ")
        )
    })
}

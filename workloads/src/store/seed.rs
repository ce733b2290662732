//! The parts of the store's content, and how they are put there batch by batch.

use std::ops::Range;

use super::content;

/// A part of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Carts,
    Histories,
    Ranking,
    RateCounters,
}

/// How far a seeding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The part of the content, for people: `carts`, for instance.
    pub what: &'static str,
    /// How many of its entries are there.
    pub done: u32,
    /// How many entries it has.
    pub total: u32,
}

/// An engine that is being seeded.
pub(super) trait Seeded: Send {
    /// The engine's error.
    type Error;

    /// Adds the entries of `part` with these numbers.
    fn put(
        &mut self,
        part: Part,
        numbers: Range<u32>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl Part {
    const ALL: [Self; 4] = [
        Self::Carts,
        Self::Histories,
        Self::Ranking,
        Self::RateCounters,
    ];

    /// Its name for people, how many entries it has, and how many of them make a batch: a round
    /// trip for each would take most of the time, and a statement of `SQLite` takes 32,766 values.
    /// A history is one entry.
    const fn size(self) -> (&'static str, u32, u32) {
        match self {
            Self::Carts => ("carts", content::CARTS, 1_000),
            Self::Histories => ("histories", content::HISTORIES, 50),
            Self::Ranking => ("products of the ranking", content::POPULAR, 1_000),
            Self::RateCounters => ("rate counters", content::RATE_COUNTERS, 1_000),
        }
    }
}

/// Puts all of the content into `engine`.
pub(super) async fn seed<S: Seeded>(
    engine: &mut S,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), S::Error> {
    for part in Part::ALL {
        let (what, total, batch) = part.size();
        for first in (0..total).step_by(batch as usize) {
            let done = total.min(first + batch);
            engine.put(part, first..done).await?;
            progress(Progress { what, done, total });
        }
    }
    Ok(())
}

//! The place of published figures in the report. Where they come from is for others to say.

use serde::Serialize;

/// A published figure beside the one that was measured here, in the same unit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Published {
    /// Its name, for instance `P2`.
    pub(crate) id: String,
    /// Who published it.
    pub(crate) source: String,
    /// What it is a figure of, with its unit.
    pub(crate) what: String,
    /// As it was published.
    pub(crate) claimed: f64,
    /// As it was measured here.
    pub(crate) measured: f64,
    /// The verdict in a sentence: reproduced, not reproduced, explained by, not testable here.
    pub(crate) verdict: String,
}

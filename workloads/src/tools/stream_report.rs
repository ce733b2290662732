//! `stream_report`: a report that is told row by row while it is made. What an event stream is for.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::runtime::Handle;

use super::{ToolError, arguments, error::check_range, progress::Progress};
use crate::catalog::{Product, units};

/// The longest report.
pub const MAX_ROWS: i64 = 1_000;
/// The longest that a row may take.
pub const MAX_ROW_DELAY_MS: i64 = 1_000;

/// The arguments of `stream_report`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReportArguments {
    /// How many rows the report has: the first products of the catalogue.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_ROWS))]
    pub rows: i64,
    /// How many milliseconds each row takes.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_ROW_DELAY_MS))]
    pub delay_ms: i64,
}

impl Default for ReportArguments {
    fn default() -> Self {
        Self {
            rows: 10,
            delay_ms: 0,
        }
    }
}

/// The result of `stream_report`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReportResult {
    /// How many rows there were.
    pub rows: i64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// How many pieces of these products are in stock.
    pub stock: i64,
    /// What these pieces cost together, to the cent.
    pub stock_value: f64,
}

/// A report as far as it has come.
#[derive(Default)]
struct Report {
    stock: i64,
    value_cents: i64,
}

impl Report {
    fn add(&mut self, product: &Product) {
        self.stock += product.stock;
        self.value_cents += product.stock * product.price_cents;
    }
}

/// Makes the report and tells each row as it is made; `progress` opens the way, given the number of rows.
///
/// # Errors
/// When an argument is outside of its limits.
pub async fn report(
    arguments: ReportArguments,
    server_type: &'static str,
    runtime: &Handle,
    progress: impl FnOnce(f64) -> Progress,
) -> Result<ReportResult, ToolError> {
    let ReportArguments { rows, delay_ms } = arguments;
    check_range("rows", rows, 1, MAX_ROWS)?;
    check_range("delay_ms", delay_ms, 0, MAX_ROW_DELAY_MS)?;
    let delay = Duration::from_millis(delay_ms.unsigned_abs());
    let mut progress = progress(rows as f64);
    let mut report = Report::default();
    for (done, product) in (1..=rows).zip((0..).map(Product::at)) {
        if !delay.is_zero() {
            runtime.sleep(delay).await;
        }
        report.add(&product);
        if progress.is_heard() {
            progress.tell(done as f64, row(&product)).await;
        }
    }
    Ok(ReportResult {
        rows,
        server_type,
        stock: report.stock,
        stock_value: units(report.value_cents),
    })
}

fn row(product: &Product) -> String {
    let (name, stock, price) = (&product.name, product.stock, units(product.price_cents));
    format!("{name}: {stock} in stock at {price:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_adds_up_to_the_cent() {
        let mut report = Report::default();
        // Stocks 0, 1, 2 at 1.00, 1.01, 1.02.
        (0..3).for_each(|index| report.add(&Product::at(index)));
        assert_eq!((report.stock, report.value_cents), (3, 101 + 204));
        assert_eq!(
            row(&Product::at(1)),
            "Birchwood Books Item 2: 1 in stock at 1.01"
        );
    }
}

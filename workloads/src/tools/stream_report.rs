//! `stream_report`: a report whose rows are sent while it is made. What an event stream is for.

use std::time::Duration;

use rmcp::{RoleServer, service::RequestContext};

use super::{Progress, prelude::*};
use crate::catalog::{Product, units};

pub(super) const TOOL: Tool = Tool::new(DemoServer::report_router);

/// The longest report.
const MAX_ROWS: i64 = 1_000;
/// The longest that a row may take.
const MAX_ROW_DELAY_MS: i64 = 1_000;

/// The arguments of `stream_report`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ReportArguments {
    /// How many rows the report has: the first products of the catalogue.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_ROWS))]
    rows: i64,
    /// How many milliseconds each row takes.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_ROW_DELAY_MS))]
    delay_ms: i64,
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
pub(super) struct ReportResult {
    /// How many rows there were.
    rows: i64,
    /// How many pieces of these products are in stock.
    stock: i64,
    /// What these pieces cost together, to the cent.
    stock_value: f64,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

#[tool_router(router = report_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Makes a report of the first products and, if the call has a progressToken, sends each row as a progress notification while it runs.",
        annotations(
            title = "Stream a report",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub(super) async fn stream_report(
        &self,
        Parameters(arguments): Parameters<ReportArguments>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<ReportResult>, ToolError> {
        let ReportArguments { rows, delay_ms } = arguments;
        check_range("rows", rows, 1, MAX_ROWS)?;
        check_range("delay_ms", delay_ms, 0, MAX_ROW_DELAY_MS)?;
        let state = self.state();
        let delay = Duration::from_millis(delay_ms.unsigned_abs());
        let mut progress = Progress::of(&context, rows as f64);
        let mut report = Report::default();
        for (done, product) in (1..=rows).zip((0..).map(Product::at)) {
            if !delay.is_zero() {
                state.runtime.sleep(delay).await;
            }
            report.add(&product);
            if progress.is_heard() {
                progress.tell(done as f64, row(&product)).await;
            }
        }
        Ok(Json(ReportResult {
            rows,
            stock: report.stock,
            stock_value: units(report.value_cents),
            server_type: state.server_type,
        }))
    }
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

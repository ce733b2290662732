//! The tools that stand on one thing each: nothing, the CPU, the clock, the database or the upstream.

use rmcp::{
    RoleServer,
    handler::server::{
        tool::schema_for_output,
        wrapper::{Json, Parameters},
    },
    service::RequestContext,
    tool, tool_router,
};

use super::{DemoServer, AppState};
use crate::{
    cache::{Cacheable, Cached},
    tools::{
        Progress, ToolError,
        aggregate_json::{self, AggregateArguments, AggregateResult},
        echo::{self, EchoArguments, EchoResult},
        fetch_external_data::{self, FetchArguments, FetchResult},
        fibonacci::{self, FibonacciArguments, FibonacciResult},
        process_json_data::{self, ProcessArguments, ProcessResult},
        query_products::{self, QueryAnswer, QueryArguments},
        scan_text::{self, ScanArguments, ScanResult},
        simulate_database_query::{self, SimulateArguments, SimulateResult},
        stream_report::{self, ReportArguments, ReportResult},
    },
};

#[tool_router(router = plain_tools, vis = "pub(super)")]
impl DemoServer {
    /// Returns the message: the floor of a transport.
    #[tool(
        description = "Returns the message it was given, unchanged.",
        annotations(title = "Echo", read_only_hint = true, open_world_hint = false)
    )]
    #[must_use]
    pub fn echo(&self, Parameters(arguments): Parameters<EchoArguments>) -> Json<EchoResult> {
        Json(echo::echo(arguments, self.parts.here().server_type))
    }

    /// Computes a Fibonacci number by naive recursion: CPU work.
    ///
    /// # Errors
    /// When `n` is outside of 0 to 40.
    #[tool(
        description = "Computes the n-th Fibonacci number by naive recursion, for n from 0 to 40.",
        annotations(title = "Fibonacci", read_only_hint = true, open_world_hint = false)
    )]
    pub async fn calculate_fibonacci(
        &self,
        Parameters(arguments): Parameters<FibonacciArguments>,
    ) -> Result<Json<FibonacciResult>, ToolError> {
        let AppState {
            server_type,
            runtime,
            tuning,
            ..
        } = self.parts.here();
        fibonacci::calculate(arguments, server_type, runtime, tuning.cpu_offload)
            .await
            .map(Json)
    }

    /// Turns all text of a JSON object into capitals: JSON work.
    #[tool(
        description = "Turns every string value of a JSON object into capitals, at any depth, and lists the object's own keys.",
        annotations(
            title = "Process JSON data",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn process_json_data(
        &self,
        Parameters(arguments): Parameters<ProcessArguments>,
    ) -> Json<ProcessResult> {
        let AppState {
            server_type,
            runtime,
            tuning,
            ..
        } = self.parts.here();
        let cpu = tuning.cpu_offload;
        Json(process_json_data::process(arguments, server_type, runtime, cpu).await)
    }

    /// Waits, as if a database took its time: no work at all.
    ///
    /// # Errors
    /// When `delay_ms` is outside of 0 to 5,000.
    #[tool(
        description = "Waits as long as a database query would take, 0 to 5000 milliseconds, and returns the query and the time.",
        annotations(
            title = "Simulate a database query",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn simulate_database_query(
        &self,
        Parameters(arguments): Parameters<SimulateArguments>,
    ) -> Result<Json<SimulateResult>, ToolError> {
        let AppState {
            server_type,
            runtime,
            ..
        } = self.parts.here();
        simulate_database_query::simulate(arguments, server_type, runtime)
            .await
            .map(Json)
    }

    /// Finds products by category and price: SQL work. It publishes no schema of its results, for text has none.
    ///
    /// # Errors
    /// When the category is unknown, a bound is no price, the limit is outside of 1 to 100, no field is
    /// wanted, or the database cannot answer.
    #[tool(
        description = "Finds products of one category within a price range, cheapest first, and counts how many match in all; returns the fields wanted as JSON, plain text or TOON.",
        annotations(
            title = "Query products",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn query_products(
        &self,
        Parameters(arguments): Parameters<QueryArguments>,
    ) -> Cached<Result<QueryAnswer, ToolError>> {
        let query = |lab: Self, arguments| async move {
            let AppState {
                server_type,
                database,
                ..
            } = lab.parts.here();
            query_products::query(arguments, server_type, database).await
        };
        self.cached(Cacheable::QueryProducts, arguments, query)
            .await
    }

    /// Gets a path of the configured upstream: HTTP work.
    ///
    /// # Errors
    /// When the endpoint is no plain path, or the upstream does not answer with JSON in time.
    #[tool(
        description = "Fetches a path of the configured upstream API with HTTP GET and returns its status, duration and JSON body.",
        annotations(
            title = "Fetch external data",
            read_only_hint = true,
            open_world_hint = true
        ),
        output_schema = schema_for_output::<FetchResult>()
    )]
    pub async fn fetch_external_data(
        &self,
        Parameters(arguments): Parameters<FetchArguments>,
    ) -> Cached<Result<Json<FetchResult>, ToolError>> {
        let fetch = |lab: Self, arguments| async move {
            let AppState {
                server_type,
                upstream,
                ..
            } = lab.parts.here();
            fetch_external_data::fetch(arguments, server_type, upstream.as_ref())
                .await
                .map(Json)
        };
        self.cached(Cacheable::FetchExternalData, arguments, fetch)
            .await
    }

    /// Fetches JSON from the upstream and works through it: megabytes to read and to add up.
    ///
    /// # Errors
    /// When `bytes` is outside of 1,000 to 16,000,000, or the upstream does not answer with such a document.
    #[tool(
        description = "Fetches a JSON document of so many bytes from the upstream, filters its records and adds them up by category.",
        annotations(
            title = "Aggregate JSON",
            read_only_hint = true,
            open_world_hint = true
        ),
        output_schema = schema_for_output::<AggregateResult>()
    )]
    pub async fn aggregate_json(
        &self,
        Parameters(arguments): Parameters<AggregateArguments>,
    ) -> Cached<Result<Json<AggregateResult>, ToolError>> {
        let aggregate = |lab: Self, arguments| async move {
            let AppState {
                server_type,
                runtime,
                upstream,
                tuning,
                ..
            } = lab.parts.here();
            let cpu = tuning.cpu_offload;
            aggregate_json::aggregate(arguments, server_type, upstream.as_ref(), runtime, cpu)
                .await
                .map(Json)
        };
        self.cached(Cacheable::AggregateJson, arguments, aggregate)
            .await
    }

    /// Fetches a log from the upstream and works through it: megabytes to scan.
    ///
    /// # Errors
    /// When `bytes` is outside of 1,000 to 16,000,000, or the upstream does not answer with such a text.
    #[tool(
        description = "Fetches a log of so many bytes from the upstream and counts the errors in it by service.",
        annotations(title = "Scan text", read_only_hint = true, open_world_hint = true),
        output_schema = schema_for_output::<ScanResult>()
    )]
    pub async fn scan_text(
        &self,
        Parameters(arguments): Parameters<ScanArguments>,
    ) -> Cached<Result<Json<ScanResult>, ToolError>> {
        let scan = |lab: Self, arguments| async move {
            let AppState {
                server_type,
                runtime,
                upstream,
                tuning,
                ..
            } = lab.parts.here();
            let cpu = tuning.cpu_offload;
            scan_text::scan(arguments, server_type, upstream.as_ref(), runtime, cpu)
                .await
                .map(Json)
        };
        self.cached(Cacheable::ScanText, arguments, scan).await
    }

    /// Makes a report and tells the client each row as it is made: what an event stream is for.
    ///
    /// # Errors
    /// When `rows` is outside of 1 to 1,000 or `delay_ms` outside of 0 to 1,000.
    #[tool(
        description = "Makes a report of the first products and, if the call has a progressToken, sends each row as a progress notification while it runs.",
        annotations(
            title = "Stream a report",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn stream_report(
        &self,
        Parameters(arguments): Parameters<ReportArguments>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<ReportResult>, ToolError> {
        let AppState {
            server_type,
            runtime,
            ..
        } = self.parts.here();
        let progress = |total| Progress::of(&context, total);
        stream_report::report(arguments, server_type, runtime, progress)
            .await
            .map(Json)
    }
}

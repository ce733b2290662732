//! Times one call of each of three tools through each layer.
//!
//! A time is the processor's time of this process: of server, client and database together. So
//! waits do not count, and neither does the rest of the machine. Server and client share one
//! thread. Calls follow one another, with the same arguments, on a connection that stays open. Each
//! layer's answer is checked before it is timed, and once more afterwards.

mod ask;
mod figures;
mod wire;

use std::time::Duration;

use anyhow::Context as _;
use criterion::{BenchmarkId, Criterion};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use transports::{
    Limits,
    fast_path::Framing,
    http::Guard,
    runtime::{Handle, Tokio},
    sse::{Sse, SseOptions},
    streamable::{Answer, Streamable, StreamableOptions},
    supervise::{SuperviseOptions, Supervised},
};
use workloads::{
    AppState, DemoServer,
    database::{Database, DatabaseOptions},
};

pub(crate) use self::figures::Figures;
use self::{
    ask::{Ask, Direct, Dispatch, Messages, Posts, Stdio, Streamed},
    figures::LAYERS,
};

/// The benchmark group, which is a folder of criterion's.
const GROUP: &str = "layers";
const ECHO: &str = "echo";
const FIBONACCI: &str = "calculate_fibonacci";
const QUERY: &str = "query_products";
const TOOLS: [&str; 3] = [ECHO, FIBONACCI, QUERY];
/// The server's own name in its answers.
const SERVER_TYPE: &str = "bench-tokio";
/// How long a supervised call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The arguments of the call that is timed.
fn arguments(tool: &str) -> Value {
    match tool {
        ECHO => json!({"message": "What each layer costs."}),
        FIBONACCI => json!({"n": 10}),
        _ => json!({"category": "Electronics", "min_price": 50, "max_price": 500, "limit": 10}),
    }
}

/// Checks a result against the right one, which is worked out here.
fn check(layer: &str, tool: &str, result: &Value) {
    let expected = match tool {
        ECHO => json!({"message": "What each layer costs.", "server_type": SERVER_TYPE}),
        FIBONACCI => json!({"input": 10, "result": 55, "server_type": SERVER_TYPE}),
        _ => {
            // Electronics are every twentieth product; the one with index 4,900 costs 50.
            let ids: Vec<i64> = (0..10).map(|place| 4_901 + 20 * place).collect();
            let products = result["products"].as_array().map(Vec::as_slice);
            let found: Vec<_> = products.unwrap_or_default().iter().collect();
            let found: Vec<_> = found.iter().filter_map(|one| one["id"].as_i64()).collect();
            assert_eq!(found, ids, "{tool} through {layer}: {result}");
            assert_eq!(result["total_found"], 2_251, "{tool} through {layer}");
            return;
        }
    };
    assert_eq!(*result, expected, "{tool} through {layer}");
}

/// Times every layer of every tool.
///
/// # Errors
/// When the runtime or a socket cannot be had.
pub(crate) fn measure(criterion: &mut Criterion) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let bare = runtime.block_on(server())?;
    let options = SuperviseOptions::new(Handle::new(Tokio), CALL_TIMEOUT);
    let tools = Supervised::new(bare.clone(), options);
    let mut times = Times { criterion, runtime };
    for tool in TOOLS {
        times.direct(&bare, tool);
        times.layer("tool_dispatch", tool, async || {
            Ok(Dispatch::new(&bare, tool))
        })?;
        for (layer, fast_path) in [("fast_path", true), ("rmcp_dispatch", false)] {
            times.layer(layer, tool, async || {
                Messages::start(&tools, tool, fast_path).await
            })?;
        }
        let http = times.runtime.block_on(streamable(&tools));
        times.layer("http_memory", tool, async || {
            Ok(Posts::over(wire::in_memory(http.clone()), tool))
        })?;
        times.layer("http_loopback", tool, async || {
            let server = wire::serve(http.clone())?;
            Ok(Posts::over(wire::connect(server).await?, tool))
        })?;
        times.layer("stdio", tool, async || Stdio::start(&tools, tool).await)?;
        times.layer("sse", tool, async || {
            let server = wire::serve(sse(&tools))?;
            Streamed::open(server, tool).await
        })?;
    }
    Ok(())
}

/// The tools over a database in memory.
async fn server() -> anyhow::Result<DemoServer> {
    let database = Database::open(&DatabaseOptions::new("sqlite::memory:")).await?;
    let state = AppState::new(SERVER_TYPE, Handle::new(Tokio), database);
    Ok(DemoServer::new(state))
}

/// Streamable HTTP as a program serves it by default.
async fn streamable(tools: &Supervised<DemoServer>) -> Streamable<Supervised<DemoServer>> {
    let options = StreamableOptions {
        answer: Answer::Json,
        session_ttl: None,
        guard: Guard::default(),
        limits: Limits::default(),
        fast_path: true,
    };
    Streamable::start(&Tokio, tools.clone(), options).await
}

/// Legacy SSE as a program serves it by default.
fn sse(tools: &Supervised<DemoServer>) -> Sse<Supervised<DemoServer>> {
    let options = SseOptions {
        guard: Guard::default(),
        limits: Limits::default(),
        fast_path: true,
    };
    Sse::new(&Tokio, tools.clone(), options)
}

/// Takes the times.
struct Times<'c> {
    criterion: &'c mut Criterion,
    runtime: Runtime,
}

impl Times<'_> {
    /// Times the tool's own method.
    fn direct(&mut self, server: &DemoServer, tool: &'static str) {
        let (layer, arguments) = ("direct_call", arguments(tool));
        match tool {
            ECHO => self.time(
                layer,
                tool,
                &mut Direct::new(server, &arguments, async |server, arguments| {
                    server.echo(arguments)
                }),
            ),
            FIBONACCI => self.time(
                layer,
                tool,
                &mut Direct::new(server, &arguments, async |server, arguments| {
                    server.calculate_fibonacci(arguments).await
                }),
            ),
            _ => self.time(
                layer,
                tool,
                &mut Direct::new(server, &arguments, async |server, arguments| {
                    server.query_products(arguments).await
                }),
            ),
        }
    }

    /// Times what `start` sets up.
    fn layer<A: Ask>(
        &mut self,
        layer: &'static str,
        tool: &'static str,
        start: impl AsyncFnOnce() -> anyhow::Result<A>,
    ) -> anyhow::Result<()> {
        let started = self.runtime.block_on(start());
        let mut ask = started.with_context(|| format!("setting up {layer} for {tool}"))?;
        self.time(layer, tool, &mut ask);
        Ok(())
    }

    fn time(&mut self, layer: &'static str, tool: &'static str, ask: &mut impl Ask) {
        assert!(LAYERS.iter().any(|known| known.name == layer), "{layer}");
        let runtime = &self.runtime;
        let verify = |ask: &mut _| {
            runtime.block_on(Ask::ask(ask));
            check(layer, tool, &Ask::result(ask));
        };
        verify(ask);
        let mut group = self.criterion.benchmark_group(GROUP);
        group.bench_function(BenchmarkId::new(layer, tool), |bencher| {
            bencher.iter_custom(|calls| {
                runtime.block_on(async {
                    let started = processor_time();
                    for _ in 0..calls {
                        ask.ask().await;
                    }
                    processor_time().saturating_sub(started)
                })
            });
        });
        group.finish();
        verify(ask);
    }
}

/// The processor's time that this process has taken so far.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    now.expect("every Linux has this clock").into()
}

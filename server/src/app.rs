//! A server's life: its app is opened, served over a transport, and closed.
//!
//! Left to others: what the app's tools do, and how the process starts and ends ([`process`]).

use std::{ffi::OsString, future::Future, pin::pin, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, Command, Error, error::ErrorKind};
use futures::future::{Either, select};
use rmcp::transport::streamable_http_server::session::SessionStore;
use transports::{
    admission::{Admission, AdmissionOptions},
    fast_path::FastTools,
    metrics::Metrics,
    runtime::{Handle, Runtime},
    shutdown::Shutdown,
    supervise::{CallHook, SuperviseOptions, Supervised},
    telemetry::Telemetry,
};

use crate::{
    command::{self, CommandLine},
    flags::{CallLimits, ToolFlags},
    process::{self, LOG},
    telemetry,
    transport::Transport,
};

/// The share of a call's time that it may wait for memory or a processor: a little less than all, so
/// that the answer says what it waited for.
const PATIENCE_SHARE: f64 = 0.9;

/// A tool set and its flags. [`main`] makes a program of it.
pub trait App: 'static {
    /// The app's own flags. `--help` lists them beside those of every server.
    type Flags: Args + Send + 'static;

    /// The tools: an rmcp `ServerHandler` with a line of [`fast_tools!`](crate::fast_tools). The
    /// server clones it for sessions and requests, so share what is large or counts.
    type Handler: FastTools;

    /// The log filter where `MCP_LOG` is not set: levels, or `target=level`, with commas between.
    const LOG: &'static str = LOG;

    /// Opens what the tools need and returns them, before the server says that it is ready.
    ///
    /// # Errors
    /// Whatever keeps the tools from working. The program says it and ends with exit code 1, or
    /// with 2 if the error is a [`clap::Error`].
    fn open(
        flags: Self::Flags,
        context: Context,
    ) -> impl Future<Output = anyhow::Result<Self::Handler>> + Send;

    /// Completes the command line's description: the app's version, a line about it.
    #[must_use]
    fn command(command: Command) -> Command {
        command
    }

    /// The names of the tools that `flags` ask for. `--help` lists them, and `--tools` and
    /// `--time-limit` are checked against them before anything is opened. Without names they are
    /// checked afterwards, against the handler's `get_tool`.
    #[must_use]
    fn tools(_flags: &Self::Flags) -> Vec<String> {
        Vec::new()
    }

    /// What to say to a user who named a tool that is not among [`tools`](Self::tools), for
    /// instance which flag adds more.
    #[must_use]
    fn tools_hint(_flags: &Self::Flags) -> Option<&'static str> {
        None
    }

    /// Checks flags that contradict each other.
    ///
    /// # Errors
    /// The contradiction, and what to do about it. The program ends with exit code 2.
    fn check(_flags: &Self::Flags, _limits: &CallLimits) -> Result<(), String> {
        Ok(())
    }

    /// What sees every tool call before the tool does, on the fast path and on rmcp's, and may
    /// reject it: authorisation, audit, quotas. Without one a call costs nothing more.
    #[must_use]
    fn hook(_handler: &Self::Handler) -> Option<Arc<dyn CallHook>> {
        None
    }

    /// Where sessions are kept that all instances of the server share, so that a client may be sent
    /// to any of them. Without it each session lives in the process that opened it. Entries have to
    /// end some time after [`Context::session_ttl`] without being stored again.
    #[must_use]
    fn session_store(_handler: &Self::Handler) -> Option<Arc<dyn SessionStore>> {
        None
    }

    /// Runs when the server has answered its last call, for instance to log a summary.
    fn closed(_handler: &Self::Handler) {}
}

/// What the server tells an [`App`] while it opens. Cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// The runtime: to wait, to spawn, to run what blocks.
    pub runtime: Handle,
    /// Tells when the server is to stop.
    pub shutdown: Shutdown,
    /// Transport and runtime, for instance `http-json-tokio`.
    pub server_type: &'static str,
    /// What all calls use at once: a tool asks it for memory and for processors.
    pub admission: Admission,
    /// How long a session of Streamable HTTP lives without traffic. Without a value there are none
    /// (`--sessions stateless`, and other transports).
    pub session_ttl: Option<Duration>,
    limits: Arc<CallLimits>,
    tools: Arc<[String]>,
    telemetry: Telemetry,
}

impl Context {
    /// How long a call of `tool` may take.
    #[must_use]
    pub fn limit_of(&self, tool: &str) -> Duration {
        self.limits.of(tool)
    }

    /// The metrics of the server, if it has any (`--metrics on`): an app adds its pools, its caches
    /// and what else a scrape shall find.
    #[must_use]
    pub fn metrics(&self) -> Option<&Metrics> {
        self.telemetry.metrics.as_ref()
    }

    /// How long a call of any tool may take.
    #[must_use]
    pub fn call_timeout(&self) -> Duration {
        self.limits.call_timeout
    }

    /// `handler` under this server's limits: a call that panics or takes too long is answered in
    /// band, and only the tools of `--tools` are served. [`main`] does this itself; an app needs it
    /// to call its own tools while it opens.
    pub fn supervise<H: FastTools>(
        &self,
        handler: H,
        hook: Option<Arc<dyn CallHook>>,
    ) -> Supervised<H> {
        let options = SuperviseOptions {
            runtime: self.runtime.clone(),
            call_timeout: self.limits.call_timeout,
            time_limits: self.limits.time_limits.clone(),
            tools: (!self.tools.is_empty()).then(|| self.tools.to_vec()),
            hook,
            admission: Some(self.admission.clone()),
            telemetry: self.telemetry.clone(),
        };
        Supervised::new(handler, options)
    }

    /// Checks what the command line could not: that the tools it names are there.
    fn check<H: FastTools>(&self, handler: &H) -> Result<(), Error> {
        let flags = ToolFlags {
            tools: self.tools.to_vec(),
        };
        match command::unknown_tool(&flags, &self.limits, |name| {
            handler.get_tool(name).is_some()
        }) {
            None => Ok(()),
            Some(unknown) => Err(Error::raw(
                ErrorKind::ValueValidation,
                format!("{unknown}\n"),
            )),
        }
    }
}

/// The `main` of a program that serves `A` over transport `T` on runtime `R`.
#[must_use]
pub fn main<T: Transport, R: Runtime, A: App>() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    main_with::<T, R, A>(&arguments)
}

/// [`main`] with these arguments, the first of which is the program's name: for a program that
/// chooses its transport when it starts.
#[must_use]
pub fn main_with<T: Transport, R: Runtime, A: App>(arguments: &[OsString]) -> ExitCode {
    let line = command::parse::<T, A>(R::NAME, arguments).unwrap_or_else(|error| error.exit());
    let process = line.process.clone();
    #[cfg(feature = "otlp")]
    let collector = line.telemetry.otlp_endpoint.clone();
    let serve = |runtime, shutdown| serve::<T, R, A>(runtime, line, shutdown);
    #[cfg(feature = "otlp")]
    if let Some(collector) = collector {
        return process::run_traced::<R, _>(&process, A::LOG, &collector, serve);
    }
    process::run::<R, _>(&process, A::LOG, serve)
}

/// What all calls use at once, on a server with so many `workers`.
fn admission(runtime: &Handle, limits: &CallLimits, workers: usize) -> Admission {
    Admission::new(AdmissionOptions {
        max_bytes: limits.max_inflight_bytes,
        cpu_jobs: limits.cpu_jobs.map_or(workers, |jobs| jobs.get() as usize),
        patience: limits.call_timeout.mul_f64(PATIENCE_SHARE),
        ..AdmissionOptions::new(runtime.clone())
    })
}

async fn serve<T: Transport, R: Runtime, A: App>(
    runtime: R,
    line: CommandLine<T::Flags, A::Flags>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let handle = Handle::new(runtime.clone());
    let workers = line.process.workers();
    let context = Context {
        admission: admission(&handle, &line.limits, workers),
        runtime: handle,
        shutdown: shutdown.clone(),
        // Made once, and used for as long as the process lives.
        server_type: format!("{}-{}", T::NAME, R::NAME).leak(),
        session_ttl: T::session_ttl(&line.transport),
        limits: Arc::new(line.limits),
        tools: line.tools.tools.into(),
        telemetry: telemetry::observers(&line.telemetry, workers),
    };
    // Opening may take a while, for instance to fill a database. A signal ends it at once.
    let handler = {
        let open = pin!(A::open(line.app, context.clone()));
        match select(open, pin!(shutdown.begun())).await {
            Either::Left((opened, _)) => opened?,
            Either::Right(_) => return Ok(()),
        }
    };
    context.check(&handler)?;
    if let (Some(address), Some(metrics)) = (line.telemetry.metrics_listen, context.metrics()) {
        telemetry::serve_metrics(&runtime, address, metrics.clone(), shutdown.clone())?;
    }
    let supervised = context
        .supervise(handler.clone(), A::hook(&handler))
        .with_session_store(A::session_store(&handler));
    T::serve(runtime, supervised, line.transport, shutdown).await?;
    A::closed(&handler);
    Ok(())
}

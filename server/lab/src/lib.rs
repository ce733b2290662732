//! The lab's servers: its tools ([`workloads`]) as an [`App`] of the library [`server`].
//!
//! [`programs`] names the transport and the runtime of each program; a file in `bin` calls one of
//! them.

/// The system's allocator, named: the default is the same one behind a function that is called for
/// each allocation, which costs 1% of a call on rmcp's path.
#[cfg(not(feature = "mimalloc"))]
#[global_allocator]
static ALLOCATOR: std::alloc::System = std::alloc::System;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod flags;
mod open;
pub mod programs;

use std::sync::Arc;

use rmcp::transport::streamable_http_server::session::SessionStore;
use server::{
    App, Context,
    flags::{CallLimits, Switch},
};
use workloads::tools;

pub use self::flags::LabFlags;

/// The lab's tools and their flags.
#[derive(Debug)]
pub enum Lab {}

/// The server of the tools.
#[cfg(not(feature = "experiments"))]
type Handler = workloads::DemoServer;

/// The server of the tools, and of the experiments.
#[cfg(feature = "experiments")]
type Handler = experiments::ExperimentServer;

impl App for Lab {
    type Flags = LabFlags;
    type Handler = Handler;

    const LOG: &'static str = "info,rmcp=error,sqlx=warn";

    async fn open(flags: LabFlags, context: Context) -> anyhow::Result<Handler> {
        let warm_up = flags.cache.cache_warm == Switch::On;
        let demo = open::demo_server(&flags, &context).await?;
        #[cfg(feature = "experiments")]
        let handler = Handler::new(demo, &flags.experiments());
        #[cfg(not(feature = "experiments"))]
        let handler = demo;
        if warm_up {
            tools::warm_up(&context.supervise(handler.clone(), None)).await;
        }
        Ok(handler)
    }

    fn command(command: clap::Command) -> clap::Command {
        command.version(env!("CARGO_PKG_VERSION"))
    }

    #[cfg_attr(
        not(feature = "experiments"),
        expect(
            unused_variables,
            reason = "the tools without the experiments are fixed"
        )
    )]
    fn tools(flags: &LabFlags) -> Vec<String> {
        let mut names: Vec<_> = tools::NAMES.iter().map(ToString::to_string).collect();
        #[cfg(feature = "experiments")]
        names.extend(Handler::tool_names(&flags.experiments()));
        names.sort_unstable();
        names
    }

    #[cfg(feature = "experiments")]
    fn tools_hint(flags: &LabFlags) -> Option<&'static str> {
        let is_on = flags.experiments().experiments;
        (!is_on).then_some("--experiments on adds those of the experiments")
    }

    #[cfg(not(feature = "experiments"))]
    fn tools_hint(_: &LabFlags) -> Option<&'static str> {
        Some("a server built with the cargo feature `experiments` has those of the experiments")
    }

    fn check(flags: &LabFlags, _limits: &CallLimits) -> Result<(), String> {
        flags.cache.check(&flags.services)
    }

    fn session_store(handler: &Handler) -> Option<Arc<dyn SessionStore>> {
        demo(handler).state().session_store.clone()
    }

    fn closed(handler: &Handler) {
        let handler = demo(handler);
        if let Some(cache) = &handler.state().cache {
            let (hits, misses) = cache.hits_and_misses();
            tracing::info!("cache: {hits} hits, {misses} misses");
        }
    }
}

/// The server of the tools themselves.
fn demo(handler: &Handler) -> &workloads::DemoServer {
    #[cfg(feature = "experiments")]
    let handler = handler.demo();
    handler
}

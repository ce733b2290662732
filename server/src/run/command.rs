//! The command line: what it says of itself, and what it refuses.

use clap::{
    Args, Command, CommandFactory, FromArgMatches, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use transports::runtime::Runtime;
use workloads::DemoServer;

use crate::{
    flags::{CacheFlags, CachePlace, ProcessFlags, ServiceFlags, Switch, ToolFlags},
    transport::{Transport, elsewhere},
};

/// What every binary's `--help` ends with.
pub(crate) const LIFE: &str = "\
When ready it prints one line on standard error, `ready URL` or `ready stdio`, and logs there as
MCP_LOG says. SIGTERM and SIGINT answer what is in flight and end it with exit code 0.
Exit codes: 0 ended as asked, 1 could not start or serve, 2 wrong usage.";

/// The flags of a server with the transport's own, `F`.
#[derive(Parser, Debug)]
#[command(version)]
pub(super) struct Flags<F: Args> {
    #[command(flatten)]
    pub(super) transport: F,
    #[command(flatten)]
    pub(super) tools: ToolFlags,
    #[command(flatten)]
    pub(super) services: ServiceFlags,
    #[command(flatten)]
    pub(super) cache: CacheFlags,
    #[command(flatten)]
    pub(super) process: ProcessFlags,
}

/// The flags that this process was given, if they have a meaning together.
pub(super) fn parse<T: Transport, R: Runtime>() -> Result<Flags<T::Flags>, clap::Error> {
    let name: &'static str = format!("mcp-{}-{}", T::NAME, R::NAME).leak();
    let mut command = Flags::<T::Flags>::command()
        .name(name)
        .about(format!("{}, on {}", T::ABOUT, R::NAME))
        .after_help(format!(
            "Tools: {}.\n{LIFE}",
            DemoServer::tool_names(false, 0).join(", ")
        ));
    let parsed = command
        .try_get_matches_from_mut(std::env::args_os())
        .and_then(|matches| Flags::from_arg_matches(&matches));
    let flags = parsed.map_err(|error| said_better::<T>(error, &mut command))?;
    match contradiction(&flags) {
        None => Ok(flags),
        Some(message) => Err(command.error(ErrorKind::ValueValidation, message)),
    }
}

/// `error`, with the transports that have the flag which this one does not know.
fn said_better<T: Transport>(error: clap::Error, command: &mut Command) -> clap::Error {
    let Some(flag) = unknown_flag(&error) else {
        return error;
    };
    let others = elsewhere(&flag);
    if others.is_empty() {
        return error;
    }
    let others = others.join(", ");
    let message = format!(
        "--{flag} has no meaning on {}; it is a flag of {others}",
        T::NAME
    );
    command.error(ErrorKind::UnknownArgument, message)
}

/// The name of the flag that `error` does not know, without its dashes and value.
fn unknown_flag(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) => {
            let flag = flag.strip_prefix("--")?;
            Some(flag.split('=').next()?.to_owned())
        }
        _ => None,
    }
}

/// What each flag may say, but not beside the others.
fn contradiction<F: Args>(flags: &Flags<F>) -> Option<String> {
    let Flags {
        tools,
        services,
        cache,
        ..
    } = flags;
    of_tools(tools).or_else(|| of_cache(cache, services))
}

fn of_tools(flags: &ToolFlags) -> Option<String> {
    if flags.tools.is_empty() && flags.time_limits.is_empty() {
        return None;
    }
    let names = DemoServer::tool_names(flags.lessons == Switch::On, flags.extra_tools);
    let chosen = flags.tools.iter().map(|name| ("--tools", name));
    let limited = flags
        .time_limits
        .iter()
        .map(|(name, _)| ("--time-limit", name));
    let unknown = chosen
        .chain(limited)
        .find(|(_, name)| !names.contains(name));
    if let Some((flag, name)) = unknown {
        let names = names.join(", ");
        let lessons = match flags.lessons {
            Switch::On => "",
            Switch::Off => "; --lessons on adds those of the lessons",
        };
        return Some(format!(
            "{flag} names no tool of this server: {name:?}; the tools are {names}{lessons}"
        ));
    }
    let (name, limit) = flags
        .time_limits
        .iter()
        .find(|(_, limit)| *limit > flags.call_timeout)?;
    Some(format!(
        "--time-limit {name}={} is longer than any call may take (--call-timeout {}); \
         raise that and limit the other tools",
        limit.as_secs_f64(),
        flags.call_timeout.as_secs_f64()
    ))
}

fn of_cache(flags: &CacheFlags, services: &ServiceFlags) -> Option<String> {
    let message = match flags.cache {
        CachePlace::Off if flags.cache_warm == Switch::On => {
            "--cache-warm has nothing to fill; add --cache memory or --cache redis"
        }
        CachePlace::Redis if flags.url(services).is_none() => {
            "--cache redis needs a Redis; give --cache-url redis://HOST:PORT, or a --store-url that is one"
        }
        _ => return None,
    };
    Some(message.to_owned())
}

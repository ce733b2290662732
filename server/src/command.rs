//! The command line: what it says of itself, and which flags it rejects.

use std::path::Path;

use clap::{
    ArgMatches, Args, Command, CommandFactory, Error, FromArgMatches, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    app::App,
    flags::{CallLimits, ProcessFlags, ToolFlags},
    process::LIFE,
    transport::{Transport, transports_with},
};

/// The flags of a server: the transport's, `T`, the app's, `A`, and those of every server.
#[derive(Parser, Debug)]
#[group(skip)]
pub(crate) struct CommandLine<T: Args, A: Args> {
    #[command(flatten)]
    pub(crate) app: A,
    #[command(flatten)]
    pub(crate) transport: T,
    #[command(flatten)]
    pub(crate) tools: ToolFlags,
    #[command(flatten)]
    pub(crate) limits: CallLimits,
    #[command(flatten)]
    pub(crate) process: ProcessFlags,
}

/// The flags of one server program.
type Line<T, A> = CommandLine<<T as Transport>::Flags, <A as App>::Flags>;

/// The flags that this process was given, if they fit together.
pub(crate) fn parse<T: Transport, A: App>(runtime: &str) -> Result<Line<T, A>, Error> {
    let mut command = command::<T, A>(runtime);
    let matches = match command.try_get_matches_from_mut(std::env::args_os()) {
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            let mut command = command.after_help(after_help::<T, A>(runtime));
            return command
                .try_get_matches_from_mut(std::env::args_os())
                .and_then(|matches| read::<T, A>(&matches));
        }
        Err(error) => return Err(explained::<T>(error, &mut command)),
        Ok(matches) => matches,
    };
    let line = read::<T, A>(&matches)?;
    match contradiction::<T, A>(&line) {
        None => Ok(line),
        Some(message) => Err(command.error(ErrorKind::ValueValidation, message)),
    }
}

fn read<T: Transport, A: App>(matches: &ArgMatches) -> Result<Line<T, A>, Error> {
    Line::<T, A>::from_arg_matches(matches)
}

/// The command under the program's own name.
fn command<T: Transport, A: App>(runtime: &str) -> Command {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default();
    // clap wants a name that lives as long as the program.
    let name: &'static str = name.to_string_lossy().into_owned().leak();
    let command = Line::<T, A>::command()
        .name(name)
        .about(format!("{}, on {runtime}", T::ABOUT))
        .after_help(LIFE);
    A::command(command)
}

/// What `--help` ends with: the tools that are served without flags, where the app names them.
fn after_help<T: Transport, A: App>(runtime: &str) -> String {
    let defaults = command::<T, A>(runtime).try_get_matches_from([""]);
    let defaults = defaults.and_then(|matches| read::<T, A>(&matches));
    let names = defaults.map_or_else(|_| Vec::new(), |line| A::tools(&line.app));
    if names.is_empty() {
        return LIFE.to_owned();
    }
    format!("Tools: {}.\n{LIFE}", names.join(", "))
}

/// `error`, with the transports that have the flag which this one does not know.
fn explained<T: Transport>(error: Error, command: &mut Command) -> Error {
    let Some(flag) = unknown_flag(&error) else {
        return error;
    };
    let others = transports_with(&flag);
    if others.is_empty() {
        return error;
    }
    let message = format!(
        "--{flag} has no meaning on {}; it is a flag of {}",
        T::NAME,
        others.join(", ")
    );
    command.error(ErrorKind::UnknownArgument, message)
}

/// The name of the flag that `error` does not know, without its dashes and value.
fn unknown_flag(error: &Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) => {
            let flag = flag.strip_prefix("--")?;
            Some(flag.split('=').next()?.to_owned())
        }
        _ => None,
    }
}

/// Flags that are right by themselves and wrong together.
fn contradiction<T: Transport, A: App>(line: &Line<T, A>) -> Option<String> {
    let names = A::tools(&line.app);
    if !names.is_empty()
        && let Some(mut message) =
            unknown_tool(&line.tools, &line.limits, |name| names.iter().any(|known| known == name))
    {
        message.push_str("; the tools are ");
        message.push_str(&names.join(", "));
        if let Some(hint) = A::tools_hint(&line.app) {
            message.push_str("; ");
            message.push_str(hint);
        }
        return Some(message);
    }
    let limits = line.limits.contradiction();
    limits.or_else(|| A::check(&line.app, &line.limits).err())
}

/// The flag that names a tool which is not `known`.
pub(crate) fn unknown_tool(
    tools: &ToolFlags,
    limits: &CallLimits,
    known: impl Fn(&str) -> bool,
) -> Option<String> {
    let chosen = tools.tools.iter().map(|name| ("--tools", name));
    let limited = limits.time_limits.iter();
    let limited = limited.map(|(name, _)| ("--time-limit", name));
    let (flag, name) = chosen.chain(limited).find(|(_, name)| !known(name))?;
    Some(format!("{flag} names no tool of this server: {name:?}"))
}

//! The command line: what it says of itself, and which flags it rejects.

use std::{ffi::OsString, path::Path};

use clap::{
    ArgMatches, Args, Command, CommandFactory, Error, FromArgMatches, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    app::App,
    flags::{CallLimits, ProcessFlags, TelemetryFlags, ToolFlags},
    process::LIFE,
    transport::{Transport, has_flag, transports_with},
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
    #[command(flatten)]
    pub(crate) telemetry: TelemetryFlags,
}

/// The flags of one server program.
type Line<T, A> = CommandLine<<T as Transport>::Flags, <A as App>::Flags>;

/// The flags in `arguments`, whose first is the program, if they fit together.
pub(crate) fn parse<T: Transport, A: App>(
    runtime: &str,
    arguments: &[OsString],
) -> Result<Line<T, A>, Error> {
    let program = arguments.first().map(Path::new).and_then(Path::file_name);
    // clap wants a name that lives as long as the program.
    let name: &'static str = program
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
        .leak();
    let command = || command::<T, A>(name, runtime);
    let matches = match command().try_get_matches_from(arguments) {
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            let tools = default_tools::<T, A>(command());
            command()
                .after_help(tools + LIFE)
                .try_get_matches_from(arguments)?
        }
        Err(error) => return Err(explained::<T>(error, &mut command())),
        Ok(matches) => matches,
    };
    let line = read::<T, A>(&matches)?;
    match contradiction::<T, A>(&line) {
        None => Ok(line),
        Some(message) => Err(command().error(ErrorKind::ValueValidation, message)),
    }
}

fn read<T: Transport, A: App>(matches: &ArgMatches) -> Result<Line<T, A>, Error> {
    Line::<T, A>::from_arg_matches(matches)
}

/// The command of the program `name`.
fn command<T: Transport, A: App>(name: &'static str, runtime: &str) -> Command {
    let command = Line::<T, A>::command()
        .name(name)
        .about(format!("{}, on {runtime}", T::ABOUT))
        .after_help(LIFE);
    A::command(command)
}

/// A line about the tools that are served without flags; nothing where the app does not name them.
fn default_tools<T: Transport, A: App>(command: Command) -> String {
    let defaults = command.try_get_matches_from([""]);
    let defaults = defaults.and_then(|matches| read::<T, A>(&matches));
    match defaults.map(|line| A::tools(&line.app)) {
        Ok(names) if !names.is_empty() => format!("Tools: {}.\n", names.join(", ")),
        _ => String::new(),
    }
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
        && let Some(mut message) = unknown_tool(&line.tools, &line.limits, |name| {
            names.iter().any(|known| known == name)
        })
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
    let limits = limits.or_else(|| line.telemetry.contradiction(has_flag::<T>("listen")));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Context, HttpJson, Stdio, flags::Switch};

    #[derive(Clone)]
    struct Tools;

    impl rmcp::ServerHandler for Tools {}

    transports::fast_tools!(Tools:);

    /// Flags with the name that most apps give theirs.
    #[derive(Args, Debug)]
    struct Flags {
        /// What else there is
        #[arg(long, value_name = "SWITCH", default_value = "off")]
        more: Switch,
    }

    enum Test {}

    impl App for Test {
        type Flags = Flags;
        type Handler = Tools;

        async fn open(_: Flags, _: Context) -> anyhow::Result<Tools> {
            Ok(Tools)
        }

        fn tools(flags: &Flags) -> Vec<String> {
            let all = ["one", "two", "three"].map(str::to_owned);
            all.into_iter()
                .take(if flags.more.is_on() { 3 } else { 2 })
                .collect()
        }

        fn tools_hint(flags: &Flags) -> Option<&'static str> {
            (!flags.more.is_on()).then_some("--more on adds three")
        }

        fn check(flags: &Flags, limits: &CallLimits) -> Result<(), String> {
            if flags.more.is_on() && limits.call_timeout < Duration::from_secs(2) {
                return Err("three takes two seconds".into());
            }
            Ok(())
        }
    }

    fn line<T: Transport>(flags: &[&str]) -> Result<Line<T, Test>, String> {
        let arguments = [&["/bin/program"], flags].concat();
        let arguments: Vec<_> = arguments.into_iter().map(OsString::from).collect();
        let line = parse::<T, Test>("tokio", &arguments);
        line.map_err(|error| error.to_string())
    }

    #[test]
    fn the_flags_of_the_app_stand_beside_those_of_the_server() {
        let Ok(line) = line::<HttpJson>(&["--more=on", "--call-timeout=2", "--tools=one,three"])
        else {
            panic!("the flags are right");
        };
        assert_eq!(line.app.more, Switch::On);
        assert_eq!(line.limits.of("one"), Duration::from_secs(2));
        assert_eq!(line.tools.tools, ["one", "three"]);
    }

    #[test]
    fn help_lists_all_flags_under_their_headings_and_the_tools() {
        let help = line::<HttpJson>(&["--help"]).err().unwrap();
        for part in [
            "on tokio",
            "Usage: program",
            "Options:\n      --more",
            "HTTP:\n      --listen",
            "Limits:\n      --",
            "Sessions:\n",
            "Tools: one, two.\nWhen ready",
        ] {
            assert!(help.contains(part), "{part}: {help}");
        }
    }

    #[test]
    fn flags_that_mean_nothing_here_or_together_are_rejected() {
        for (flags, part) in [
            (
                &["--tools=three"][..],
                "\"three\"; the tools are one, two; --more on adds three\n",
            ),
            (
                &["--more=on", "--tools=four"],
                "the tools are one, two, three\n",
            ),
            (
                &["--time-limit=three=1"],
                "--time-limit names no tool of this server: \"three\"",
            ),
            (
                &["--time-limit=one=31"],
                "one=31 is longer than any call may take (--call-timeout 30)",
            ),
            (
                &["--more=on", "--call-timeout=1"],
                "three takes two seconds",
            ),
            (
                &["--sessions=stateful"],
                "--sessions has no meaning on stdio; it is a flag of http-json, http-stream",
            ),
            (
                &["--max-sessions=1"],
                "it is a flag of sse, http-json, http-stream",
            ),
            (&["--nonsense"], "unexpected argument '--nonsense'"),
        ] {
            let error = line::<Stdio>(flags).err().unwrap();
            assert!(error.contains(part), "{flags:?}: {error}");
        }
        let error = line::<HttpJson>(&["--max-queue=1"]).err().unwrap();
        assert!(error.contains("it is a flag of stdio, sse"), "{error}");
    }
}

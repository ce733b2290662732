//! The programs: one for each runtime, with a table of the transports that it serves.

use std::{ffi::OsString, process::ExitCode};

use crate::Fixtures;

/// A transport's name, and the `main` of a server over it.
type Program = (&'static str, fn(&[OsString]) -> ExitCode);

macro_rules! programs {
    ($($feature:literal $name:ident $runtime:ident { $($transport_name:literal: $transport:ident),* })*) => {
        $(
            /// The `main` of the program on this runtime.
            #[cfg(feature = $feature)]
            #[must_use]
            pub fn $name() -> ExitCode {
                choose($feature, &[$((
                    $transport_name,
                    server::main_with::<server::$transport, server::$runtime, Fixtures>,
                )),*])
            }
        )*
    };
}

programs! {
    "tokio" tokio Tokio { "stdio": Stdio, "sse": Sse, "http-json": HttpJson, "http-stream": HttpStream }
    "percore" percore PerCore { "sse": Sse, "http-json": HttpJson, "http-stream": HttpStream }
    "async-std" async_std AsyncStd { "stdio": Stdio, "sse": Sse, "http-json": HttpJson, "http-stream": HttpStream }
    "smol" smol Smol { "stdio": Stdio, "sse": Sse, "http-json": HttpJson, "http-stream": HttpStream }
}

/// Runs the one of `programs` that the first argument names, with the arguments after it.
fn choose(runtime: &str, programs: &[Program]) -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let transport = arguments.next().unwrap_or_default();
    let chosen = programs.iter().find(|(name, _)| transport == *name);
    let Some((name, main)) = chosen else {
        let names: Vec<_> = programs.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        eprintln!("error: the first argument names the transport, one of {names}");
        return ExitCode::from(2);
    };
    let program = OsString::from(format!("mcp-conformance-{name}-{runtime}"));
    let arguments: Vec<_> = [program].into_iter().chain(arguments).collect();
    main(&arguments)
}

//! The programs: a function for each transport and runtime, data for the binaries.
//!
//! They are made here and not in the binaries, so that what they share (rmcp's service, the fast
//! path, hyper's connections over the lab's types) is compiled once for each runtime.

use std::process::ExitCode;

use crate::Lab;

macro_rules! programs {
    ($($feature:literal $runtime:ident { $($name:ident: $transport:ident),* })*) => {
        $($(
            /// The `main` of the program of this name.
            #[cfg(feature = $feature)]
            #[must_use]
            pub fn $name() -> ExitCode {
                server::main::<server::$transport, server::$runtime, Lab>()
            }
        )*)*
    };
}

programs! {
    "tokio" Tokio { stdio_tokio: Stdio, sse_tokio: Sse, http_json_tokio: HttpJson, http_stream_tokio: HttpStream }
    "percore" PerCore { sse_percore: Sse, http_json_percore: HttpJson, http_stream_percore: HttpStream }
    "async-std" AsyncStd { stdio_async_std: Stdio, sse_async_std: Sse, http_json_async_std: HttpJson, http_stream_async_std: HttpStream }
    "smol" Smol { stdio_smol: Stdio, sse_smol: Sse, http_json_smol: HttpJson, http_stream_smol: HttpStream }
}

//! SIGTERM and SIGINT begin the shutdown; a second one ends the process on the spot.

use anyhow::Context;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use transports::shutdown::Shutdown;

/// 128 + SIGINT, as shells report a process that a signal ended.
pub(crate) const INTERRUPTED: i32 = 130;

/// Begins `shutdown` at the first signal. A thread of its own waits for it, whatever the runtime.
///
/// # Errors
/// When the handler or its thread cannot be set up.
pub(crate) fn begin(shutdown: Shutdown) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("handling SIGTERM and SIGINT")?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if shutdown.is_begun() {
                    std::process::exit(INTERRUPTED);
                }
                tracing::debug!(signal, "shutting down");
                shutdown.begin();
            }
        })
        .context("starting the thread that waits for signals")?;
    Ok(())
}

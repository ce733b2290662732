//! Ctrl-C and SIGTERM: one flag that everything looks at, so that children are ended and results
//! closed in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How often waits look at the flag.
const LOOK: Duration = Duration::from_millis(10);

/// Set once by the first signal, never cleared.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes over SIGINT, SIGTERM and SIGHUP for this process.
    pub(crate) fn install() -> std::io::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    /// The flag itself, for those that look at it in their own loop.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }

    /// Whether a signal came.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits until `done` gives something, the time is over, or a signal comes; `None` in the
    /// latter two.
    pub(crate) fn wait<T>(
        &self,
        limit: Duration,
        mut done: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let begin = Instant::now();
        loop {
            if let Some(result) = done() {
                return Some(result);
            }
            if self.is_set() || begin.elapsed() >= limit {
                return None;
            }
            std::thread::sleep(LOOK);
        }
    }
}

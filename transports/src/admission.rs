//! What all calls of a server may use at once: bytes of memory, and processors.
//!
//! A tool asks before it begins: [`Admission::bytes`] for a payload that it makes or fetches,
//! [`Admission::compute`] for work that keeps a processor busy. The transports count the messages
//! and the answers that are large. A call that finds no room waits in line, first come, first
//! served. It waits for a bounded time, leaves the line with its client, and where the line is full
//! it is rejected at once. What is small is never counted.
//!
//! Left to others: limits of one client ([`Limits`](crate::Limits)), and of what tools stand on.

mod counted;
#[cfg(all(test, feature = "tokio-runtime"))]
mod tests;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::{Either, select};
use rmcp::{ErrorData, model::ErrorCode};

pub use self::counted::Reserved;
use self::counted::{Held, Permits};
use crate::{
    log_limit::LogLimit,
    metrics::{Shed, count_shed},
    presence::{self, Presence, With},
    runtime::Handle,
};

/// Messages and answers up to this size are not counted.
pub(crate) const SMALL_BYTES: usize = 16 * 1024;
/// How many times the bytes of a message its call is counted with. Arguments and answer are copies
/// of it, and a tree of values takes up to 16 times the bytes of its text, mostly fewer than 4.
const BYTES_FOR_A_BYTE: usize = 8;
/// The bytes of one permit.
const PERMIT_BYTES: usize = 1024;
/// Calls that may wait in each line.
const MAX_WAITING: usize = 1024;
/// How often a call that waits looks whether its client is there. One whose client has finished
/// sending waits no longer than that.
const LOOK: Duration = Duration::from_secs(1);

/// Server-defined error of JSON-RPC 2.0 section 5.1: the server is busy.
pub(crate) const BUSY: ErrorCode = ErrorCode(-32000);

/// How much calls may use at once.
#[derive(Clone, Debug)]
pub struct AdmissionOptions {
    /// The runtime that computes, and whose timers end the wait.
    pub runtime: Handle,
    /// Bytes that all calls in flight may use: large messages, large answers that are not written
    /// yet, and what tools ask for.
    pub max_bytes: usize,
    /// Pieces of CPU-bound work that run at once.
    pub cpu_jobs: usize,
    /// How long a call may wait in a line.
    pub patience: Duration,
}

impl AdmissionOptions {
    /// The default of [`AdmissionOptions::max_bytes`].
    pub const MAX_BYTES: usize = 128 * 1024 * 1024;

    /// Options with the defaults: 128 MiB, as many jobs as this process may use cores, and a wait
    /// of up to 27 s.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        let cores = std::thread::available_parallelism();
        Self {
            runtime,
            max_bytes: Self::MAX_BYTES,
            cpu_jobs: cores.map_or(1, std::num::NonZero::get),
            patience: Duration::from_secs(27),
        }
    }
}

/// Admits calls to memory and processors. Cheap to clone: clones count together.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    runtime: Handle,
    patience: Duration,
    max_bytes: usize,
    bytes: Line,
    cpu: Line,
    rejections: LogLimit,
}

/// Permits, and the calls that wait for some.
#[derive(Debug)]
struct Line {
    resource: Resource,
    permits: Arc<Permits>,
    waiting: AtomicUsize,
}

/// What calls wait for, with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// So many bytes of memory.
    Bytes(usize),
    /// So many CPU-bound jobs at once.
    CpuJobs(usize),
}

/// Why a call was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// The line is full.
    #[error("the server is busy: {MAX_WAITING} calls wait for {0} already; try again later")]
    LineFull(Resource),
    /// It waited for so long in vain.
    #[error(
        "the server is busy: the call waited {waited:.1} s in vain for {0}; try again later",
        waited = .1.as_secs_f64()
    )]
    Late(Resource, Duration),
    /// Its client left while it waited, or while its job ran.
    #[error("the client has left its call")]
    ClientLeft,
}

/// Tells a CPU-bound job whether its result is still wanted.
#[derive(Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

/// A place in a line.
struct Place<'l>(&'l AtomicUsize);

impl Admission {
    /// Admits as much at once as `options` say.
    #[must_use]
    pub fn new(options: AdmissionOptions) -> Self {
        let permits = permits_for(options.max_bytes) as usize;
        Self(Arc::new(Inner {
            runtime: options.runtime,
            patience: options.patience,
            max_bytes: options.max_bytes,
            bytes: Line::new(Resource::Bytes(options.max_bytes), permits),
            cpu: Line::new(Resource::CpuJobs(options.cpu_jobs), options.cpu_jobs),
            rejections: LogLimit::default(),
        }))
    }

    /// Reserves `bytes` bytes of memory until the reservation is dropped. Who asks for more than
    /// there are in all gets all of them, and is alone.
    ///
    /// # Errors
    /// When the wait is too long, or the client leaves.
    pub async fn bytes(&self, bytes: usize) -> Result<Reserved, NotAdmitted> {
        let permits = permits_for(bytes.min(self.0.max_bytes));
        let admitted = self.admit(&self.0.bytes, permits).await;
        admitted.map(Reserved::new)
    }

    /// Reserves the memory for the call of a large message, one of `bytes` bytes, where calls are
    /// counted.
    ///
    /// # Errors
    /// When the wait is too long, or the client leaves.
    pub(crate) async fn reserve(
        this: Option<&Self>,
        bytes: usize,
    ) -> Result<Option<Reserved>, NotAdmitted> {
        match this {
            Some(admission) => {
                let all = bytes.saturating_mul(BYTES_FOR_A_BYTE);
                admission.bytes(all).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Runs CPU-bound `work` on a thread that may block, when fewer than the allowed number of such
    /// jobs run. The job tells from its [`Stop`] when its client has left.
    ///
    /// # Errors
    /// When the wait is too long, or the client leaves.
    ///
    /// # Panics
    /// When `work` panics: the panic is resumed here.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, NotAdmitted> {
        let permit = self.admit(&self.0.cpu, 1).await?;
        let stop = Stop::default();
        let _stops = StopOnDrop(stop.0.clone());
        let job = self.0.runtime.unblock(move || {
            // Held until the work ends, also when its call has ended before.
            let _permit = permit;
            work(&stop)
        });
        until_client_leaves(job)
            .await
            .ok_or(NotAdmitted::ClientLeft)
    }

    /// Counts `answer` until it is dropped, that is, written. An answer is never rejected: where
    /// there is no room left it takes more than there is, and calls wait until that is made up for.
    pub(crate) fn answer(&self, answer: Bytes) -> Bytes {
        if answer.len() <= SMALL_BYTES {
            return answer;
        }
        let permits = permits_for(answer.len());
        self.0.bytes.permits.take_at_once(permits).hold(answer)
    }

    async fn admit(&self, line: &Line, permits: u32) -> Result<Held, NotAdmitted> {
        if let Some(held) = line.permits.try_take(permits) {
            return Ok(held);
        }
        let admitted = self.wait(line, permits).await;
        if let Err(reason) = &admitted
            && *reason != NotAdmitted::ClientLeft
        {
            count_shed(line.resource.shed());
            if let Some(left_out) = self.0.rejections.admit() {
                tracing::warn!(left_out, "a call was rejected: {reason}");
            }
        }
        admitted
    }

    async fn wait(&self, line: &Line, permits: u32) -> Result<Held, NotAdmitted> {
        let _place = line.join()?;
        let began = Instant::now();
        let mut admitted = pin!(line.permits.take(permits));
        loop {
            let left = self.0.patience.saturating_sub(began.elapsed());
            let next = pin!(until_client_leaves(admitted.as_mut()));
            match select(next, self.0.runtime.sleep(left.min(LOOK))).await {
                Either::Left((Some(held), _)) => return Ok(held),
                Either::Left((None, _)) => return Err(NotAdmitted::ClientLeft),
                Either::Right(_) => {
                    let waited = began.elapsed();
                    if waited >= self.0.patience || presence::ask() == Presence::FinishedSending {
                        return Err(NotAdmitted::Late(line.resource, waited));
                    }
                }
            }
        }
    }
}

impl Resource {
    fn shed(self) -> Shed {
        match self {
            Self::Bytes(_) => Shed::InFlightBytes,
            Self::CpuJobs(_) => Shed::CpuJobs,
        }
    }
}

impl Line {
    fn new(resource: Resource, permits: usize) -> Self {
        Self {
            resource,
            permits: Permits::new(permits),
            waiting: AtomicUsize::new(0),
        }
    }

    fn join(&self) -> Result<Place<'_>, NotAdmitted> {
        let place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(NotAdmitted::LineFull(self.resource));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stop {
    /// Whether the client has left, so that the job may end without a result.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "memory (--max-inflight-bytes {bytes})"),
            Self::CpuJobs(jobs) => write!(formatter, "a processor (--cpu-jobs {jobs})"),
        }
    }
}

impl From<NotAdmitted> for ErrorData {
    /// A JSON-RPC error and no result of the tool: nothing is wrong with the call.
    fn from(reason: NotAdmitted) -> Self {
        Self::new(BUSY, reason.to_string(), None)
    }
}

fn permits_for(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX)
}

/// The output of `future`, unless the client of the call is found to have left.
async fn until_client_leaves<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if presence::ask() == Presence::Left => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Polls `work` as if a client waited for it: work that calls share does not end with the client of
/// the call that happens to poll it.
pub fn shared<F: Future + Unpin>(work: F) -> impl Future<Output = F::Output> {
    With {
        presence: Presence::There,
        future: work,
    }
}

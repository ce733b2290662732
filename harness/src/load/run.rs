//! One run: handshake, warm-up, window, drain, farewell.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::{
    engine::Engine,
    outcome::{Ended, LoadError, Outcome},
    pace::Share,
    plan::{Moment, Plan},
    score::Edge,
    setup::Setup,
};

/// How often the observer gets a [`Moment::Tick`].
const TICK: Duration = Duration::from_millis(100);

/// Carries out a plan on the calling thread and returns when its last connection is closed.
///
/// # Errors
/// Only when there was nothing to measure: a plan that cannot be run, a handshake that failed, an event loop that
/// does not work. What goes wrong afterwards is counted in the [`Outcome`].
pub fn run(plan: Plan<'_>) -> Result<Outcome, LoadError> {
    plan.check()?;
    run_share(plan, Share::ALL, || Ok(()))
}

/// Carries out a thread's share of a load; `rendezvous` returns when all threads have opened their sessions.
pub(super) fn run_share(
    plan: Plan<'_>,
    share: Share,
    rendezvous: impl FnOnce() -> Result<(), LoadError>,
) -> Result<Outcome, LoadError> {
    let Plan {
        target,
        exchanges,
        clients,
        warmup,
        duration,
        call_timeout,
        revision,
        extra_params,
        shape,
        stop,
        observer,
    } = plan;
    let mut engine = Engine::new(Setup {
        target,
        exchanges,
        clients,
        call_timeout,
        revision,
        extra_params,
        shape,
        share,
        stop,
    })?;
    engine.shake_hands()?;
    rendezvous()?;
    observer(Moment::HandshakeDone);
    engine.desk.begin_load();
    let mut ended = spend(&mut engine, Instant::now() + warmup, observer)?;
    let (mut edges, mut unsent) = (None, 0);
    if ended == Ended::Completed {
        observer(Moment::MeasureStart);
        let opened = edge(&engine)?;
        engine.desk.crew.score.open(opened.at);
        ended = spend(&mut engine, opened.at + duration, observer)?;
        let closed = edge(&engine)?;
        let outstanding = engine.desk.crew.outstanding();
        engine
            .desk
            .crew
            .score
            .close(closed.at, outstanding.into_iter());
        observer(Moment::MeasureEnd);
        edges = Some((opened, closed));
        unsent = engine.catch_up((opened.at, closed.at), duration.min(call_timeout))?;
    }
    engine.drain()?;
    engine.leave()?;
    let crew = engine.desk.crew;
    Ok(crew
        .score
        .outcome(edges, unsent, crew.closing_errors, ended))
}

/// Lets the clients call until then, if nothing ends it before.
fn spend(
    engine: &mut Engine<'_>,
    until: Instant,
    observer: &mut dyn FnMut(Moment),
) -> Result<Ended, LoadError> {
    let mut tick = Instant::now() + TICK;
    loop {
        let now = Instant::now();
        if engine.desk.is_stopped() {
            return Ok(Ended::Stopped);
        }
        if engine.desk.is_gone() {
            return Ok(Ended::SubjectGone);
        }
        if now >= until {
            return Ok(Ended::Completed);
        }
        if now >= tick {
            tick = now + TICK;
            let (calls, errors) = engine.desk.crew.score.so_far();
            observer(Moment::Tick { calls, errors });
        }
        engine.turn(until.min(tick))?;
    }
}

fn edge(engine: &Engine<'_>) -> Result<Edge, LoadError> {
    let cpu = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_err(|errno| LoadError::Io {
        doing: "read the CPU time of the load thread",
        source: errno.into(),
    })?;
    Ok(Edge {
        at: Instant::now(),
        cpu: cpu.into(),
        spun: engine.spun,
        traffic: engine.desk.traffic(),
    })
}

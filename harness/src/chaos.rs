//! What servers withstand: each experiment of `config::chaos` on each of its servers.
//!
//! A trial is a server of its own: an ordinary load before the fault, during it, and after it. The
//! load engine checks every answer, as it does everywhere.

mod load;
mod restart;
mod watch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;

use self::load::{Ordinary, Seen, open_loop};
pub(crate) use self::restart::free_address;
use self::watch::{growth, megabytes, watched};
use crate::config::chaos::{Bound, Chaos, Fault, Figure, member};
use crate::config::subject::duration;
use crate::interrupt::Interrupt;
use crate::load::{Disturbance, Disturbed, Disturber, Exchange, Outcome, Shape, Target};
use crate::run::testbed::{Started, Testbed};

/// How long the clients of a disturbance may take to begin.
const BEGIN_LIMIT: Duration = Duration::from_mins(2);
/// From the begin of a fault until the load during it, and from its end until the load after it,
/// unless that load is shorter: what a hundred clients cost that come at once is another question.
const REST: Duration = Duration::from_secs(1);
/// How long a call of an overload waits for a free client.
const GIVE_UP: Duration = Duration::from_millis(500);

/// What an experiment found at one server.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) experiment: String,
    pub(crate) title: String,
    pub(crate) fault: Fault,
    pub(crate) subject: String,
    pub(crate) figures: BTreeMap<Figure, f64>,
    /// The first error of each kind, from all loads.
    pub(crate) errors: BTreeMap<String, String>,
    /// Why the trial came to no end.
    pub(crate) failure: Option<String>,
    pub(crate) bounds: Vec<Held>,
}

/// A bound, and whether it held.
#[derive(Debug, Serialize)]
pub(crate) struct Held {
    #[serde(flatten)]
    pub(crate) bound: Bound,
    pub(crate) verdict: Verdict,
}

/// Whether a bound held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Verdict {
    /// It holds.
    Met,
    /// It does not.
    Missed,
    /// There is no figure.
    NotMeasured,
    /// The figure depends on the machine's pace, which the short form does not judge.
    NotJudged,
}

impl Finding {
    /// Whether no bound was missed, and all were measured.
    pub(crate) fn is_right(&self) -> bool {
        let is_right = |held: &Held| matches!(held.verdict, Verdict::Met | Verdict::NotJudged);
        self.failure.is_none() && self.bounds.iter().all(is_right)
    }
}

/// One experiment at one server.
pub(crate) struct Trial<'a> {
    pub(crate) bench: &'a Testbed,
    pub(crate) name: &'a str,
    pub(crate) chaos: &'a Chaos,
    pub(crate) subject: &'a str,
    pub(crate) exchanges: &'a [Exchange],
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) is_quick: bool,
}

/// The figures of a trial, as far as it has come.
#[derive(Debug, Default)]
struct Figures {
    values: BTreeMap<Figure, f64>,
    errors: BTreeMap<String, String>,
}

impl Figures {
    fn set(&mut self, figure: Figure, value: impl Into<Option<f64>>) {
        if let Some(value) = value.into() {
            self.values.insert(figure, value);
        }
    }

    /// Of a figure that has several values: their sum.
    fn add(&mut self, figure: Figure, value: f64) {
        *self.values.entry(figure).or_insert(0.0) += value;
    }

    /// Of a figure that has several values: the largest.
    fn most(&mut self, figure: Figure, value: impl Into<Option<f64>>) {
        if let Some(value) = value.into() {
            let most = self.values.entry(figure).or_insert(value);
            *most = most.max(value);
        }
    }

    fn get(&self, figure: Figure) -> Option<f64> {
        self.values.get(&figure).copied()
    }

    /// Keeps the first error of each kind.
    fn note(&mut self, outcome: &Outcome) {
        for (kind, tally) in outcome.errors.iter() {
            let first = self.errors.entry(kind.to_string());
            first.or_insert_with(|| tally.example.clone());
        }
    }

    /// What the clients see during a fault; where it is made several times, the worst of it.
    fn during(&mut self, outcome: &Outcome) {
        self.note(outcome);
        let seen = Seen::of(outcome);
        self.set(Figure::GoodputPerS, outcome.calls_per_s());
        self.set(Figure::ClientBusyShare, outcome.client_busy_share());
        self.add(Figure::Shed, seen.shed);
        self.add(Figure::ErrorsDuring, seen.failed);
        self.add(Figure::Unsent, outcome.unsent as f64);
        self.most(Figure::P50DuringMs, seen.p50_ms);
        self.most(Figure::P99DuringMs, seen.p99_ms);
    }

    /// What they see after it, likewise.
    fn after(&mut self, outcome: &Outcome) {
        self.note(outcome);
        let seen = Seen::of(outcome);
        self.add(Figure::ErrorsAfter, seen.failed + seen.shed);
        self.most(Figure::P50AfterMs, seen.p50_ms);
        self.most(Figure::P99AfterMs, seen.p99_ms);
        let before = self.get(Figure::P50BeforeMs);
        let ratio = seen
            .p50_ms
            .zip(before)
            .map(|(after, before)| after / before);
        self.most(Figure::P50AfterRatio, ratio);
    }
}

impl Trial<'_> {
    /// Carries it out.
    pub(crate) fn make(&self) -> Finding {
        let mut figures = Figures::default();
        let made = match self.chaos.fault {
            Fault::Kill => self.kill(&mut figures),
            Fault::RollingRestart => self.rolling_restart(&mut figures),
            _ => self.withstand(&mut figures),
        };
        let bounds = self.chaos.bounds.iter().map(|bound| Held {
            verdict: self.verdict(bound, figures.get(bound.figure)),
            bound: bound.clone(),
        });
        Finding {
            experiment: self.name.to_owned(),
            title: self.chaos.title.clone(),
            fault: self.chaos.fault,
            subject: self.subject.to_owned(),
            bounds: bounds.collect(),
            figures: figures.values,
            errors: figures.errors,
            failure: made.err().map(|error| format!("{error:#}")),
        }
    }

    fn verdict(&self, bound: &Bound, value: Option<f64>) -> Verdict {
        match value {
            None => Verdict::NotMeasured,
            Some(_) if self.is_quick && bound.figure.depends_on_pace() => Verdict::NotJudged,
            Some(value) if bound.allows(value) => Verdict::Met,
            Some(_) => Verdict::Missed,
        }
    }

    /// Starts the server, or one of several.
    fn start(&self, instance: usize) -> anyhow::Result<Started> {
        let name = member(self.name, self.subject, instance);
        self.bench.start(&name, None, self.interrupt)
    }

    /// The ordinary clients of a server that was started.
    fn ordinary(&self) -> anyhow::Result<Ordinary<'_>> {
        let subject = self.bench.subject(&member(self.name, self.subject, 0))?;
        Ok(Ordinary::new(subject, self.exchanges))
    }

    fn around(&self) -> Duration {
        duration(self.chaos.around_s).unwrap_or_default()
    }

    fn rest(&self) {
        (self.interrupt).wait(REST.min(self.around()), || None::<()>);
    }

    fn duration(&self) -> Duration {
        duration(self.chaos.duration_s).unwrap_or_default()
    }

    /// Right answers a second of a closed loop.
    fn capacity(
        &self,
        ordinary: &mut Ordinary<'_>,
        target: &Target,
        figures: &mut Figures,
    ) -> anyhow::Result<f64> {
        let load = (self.chaos.capacity_clients, Shape::default());
        let outcome = ordinary.load(target, load, self.around(), self.interrupt.flag())?;
        figures.note(&outcome);
        if outcome.calls == 0 {
            bail!("no call was answered right while the capacity was measured");
        }
        Ok(outcome.calls_per_s())
    }

    /// The rate of the ordinary clients, for which the capacity may have to be found out.
    fn rate(
        &self,
        ordinary: &mut Ordinary<'_>,
        target: &Target,
        figures: &mut Figures,
    ) -> anyhow::Result<f64> {
        if let (Some(rate), None) = (self.chaos.rate_per_s, self.chaos.times_capacity) {
            return Ok(rate);
        }
        let capacity = self.capacity(ordinary, target, figures)?;
        figures.set(Figure::CapacityPerS, capacity);
        Ok(self.chaos.rate_per_s.unwrap_or(capacity / 2.0))
    }

    /// The goodput of an overload, as a share of the capacity. That is measured once more, because
    /// the pace of a machine changes within a minute, and the mean counts.
    fn goodput_share(
        &self,
        ordinary: &mut Ordinary<'_>,
        target: &Target,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let before = figures.get(Figure::CapacityPerS).unwrap_or_default();
        let capacity = before.midpoint(self.capacity(ordinary, target, figures)?);
        figures.set(Figure::CapacityPerS, capacity);
        let goodput = figures.get(Figure::GoodputPerS);
        figures.set(
            Figure::GoodputShare,
            goodput.map(|goodput| goodput / capacity),
        );
        Ok(())
    }

    /// The load before the fault.
    fn before(
        &self,
        ordinary: &mut Ordinary<'_>,
        target: &Target,
        figures: &mut Figures,
    ) -> anyhow::Result<f64> {
        let rate = self.rate(ordinary, target, figures)?;
        let shape = open_loop(rate, None);
        let load = (self.chaos.clients, shape);
        let outcome = ordinary.load(target, load, self.around(), self.interrupt.flag())?;
        figures.note(&outcome);
        let seen = Seen::of(&outcome);
        figures.set(Figure::ErrorsBefore, seen.failed + seen.shed);
        figures.set(Figure::P50BeforeMs, seen.p50_ms);
        figures.set(Figure::P99BeforeMs, seen.p99_ms);
        Ok(rate)
    }

    /// The load after the fault.
    fn after(
        &self,
        ordinary: &mut Ordinary<'_>,
        target: &Target,
        rate: f64,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let load = (self.chaos.clients, open_loop(rate, None));
        let outcome = ordinary.load(target, load, self.around(), self.interrupt.flag())?;
        figures.after(&outcome);
        Ok(())
    }

    /// A fault that the server itself lives through.
    fn withstand(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let mut started = self.start(0)?;
        let id = started.running.id().context("its process is not known")?;
        let mut ordinary = self.ordinary()?;
        let rate = self.before(&mut ordinary, &started.target, figures)?;
        let before = watch::look(id).context("its process cannot be read")?;
        figures.set(Figure::RssBeforeMb, megabytes(before.rss_bytes));
        let (done, samples) = watched(id, || {
            self.disturbed(&mut ordinary, &started.target, rate, figures)
        });
        let (outcome, disturbed) = done?;
        figures.during(&outcome);
        if let Some(disturbed) = disturbed {
            figures.set(Figure::Made, disturbed.made as f64);
            figures.set(Figure::Kept, disturbed.kept.map(|kept| kept as f64));
        }
        let peak = samples.iter().map(|one| one.rss_bytes).max();
        figures.set(Figure::RssPeakMb, peak.map(megabytes));
        if let (Some(peak), Some(made)) = (peak, figures.get(Figure::Made)) {
            let grown = peak.saturating_sub(before.rss_bytes) as f64;
            figures.set(Figure::BytesEach, (made > 0.0).then(|| grown / made));
        }
        let grown = growth(&samples);
        figures.set(Figure::RssGrowthPercent, grown.rss_percent);
        figures.set(Figure::OpenFilesGrowth, grown.open_files);
        figures.set(Figure::ThreadsGrowth, grown.threads);
        self.rest();
        self.after(&mut ordinary, &started.target, rate, figures)?;
        if self.chaos.fault == Fault::Overload {
            self.goodput_share(&mut ordinary, &started.target, figures)?;
        }
        let after = watch::look(id).map(|usage| megabytes(usage.rss_bytes));
        figures.set(Figure::RssAfterMb, after);
        // Pipes are closed before a server on stdio is ended.
        drop(started.target);
        let ended = started.running.stop();
        if !ended.is_clean || ended.killed {
            bail!("after the fault the server ended with {}", ended.status);
        }
        Ok(())
    }

    /// The load during a fault, and what those have done who made it.
    fn disturbed(
        &self,
        ordinary: &mut Ordinary<'_>,
        target: &Target,
        rate: f64,
        figures: &Figures,
    ) -> anyhow::Result<(Outcome, Option<Disturbed>)> {
        let load = match (self.chaos.times_capacity, figures.get(Figure::CapacityPerS)) {
            (Some(times), Some(capacity)) => {
                (self.chaos.count, open_loop(times * capacity, Some(GIVE_UP)))
            }
            _ => (self.chaos.clients, open_loop(rate, None)),
        };
        let (stop, begun) = (&AtomicBool::new(false), &AtomicBool::new(false));
        let what = disturbance(self.chaos.fault);
        let disturber =
            what.and_then(|what| Disturber::new(what, self.chaos.count, target, (stop, begun)));
        thread::scope(|scope| {
            let handle = disturber.map(|one| scope.spawn(move || one.run()));
            if handle.is_some() {
                let has_begun = || begun.load(Ordering::Acquire).then_some(());
                self.interrupt.wait(BEGIN_LIMIT, has_begun);
                self.rest();
            }
            let outcome = ordinary.load(target, load, self.duration(), self.interrupt.flag());
            stop.store(true, Ordering::Release);
            let ended = handle.map(thread::ScopedJoinHandle::join).transpose();
            let ended = ended.map_err(|_| anyhow::anyhow!("the disturber panicked"))?;
            Ok((outcome?, ended))
        })
    }
}

/// What misbehaving clients do in a fault that is made of them.
const fn disturbance(fault: Fault) -> Option<Disturbance> {
    Some(match fault {
        Fault::IdleConnections => Disturbance::IdleConnections,
        Fault::IdleSessions => Disturbance::IdleSessions,
        Fault::SessionChurn => Disturbance::SessionChurn,
        Fault::SlowHeads => Disturbance::SlowHeads,
        Fault::HalfBodies => Disturbance::HalfBodies,
        Fault::Resets => Disturbance::Resets,
        Fault::SilentReaders => Disturbance::SilentReaders,
        Fault::Overload | Fault::Soak | Fault::Kill | Fault::RollingRestart => return None,
    })
}

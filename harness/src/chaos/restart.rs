//! Servers that end under load: killed, or replaced one after the other behind `HAProxy`.

use std::io::ErrorKind as IoErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use super::{Figures, Trial};
use crate::config::chaos::Figure;
use crate::config::subject::Launch;
use crate::config::template::{Context, fill};
use crate::load::{ErrorKind, Outcome, Target};
use crate::run::process::{Running, Server, output};
use crate::run::testbed::Started;

/// From the kill until the load ends: long enough for every call to fail that was on its way.
const DYING: Duration = Duration::from_millis(300);
/// How long a tool of another package may take.
const TOOL_LIMIT: Duration = Duration::from_mins(5);
/// How long `HAProxy` may take to listen.
const PROXY_LIMIT: Duration = Duration::from_secs(10);
/// The configuration of `HAProxy`.
const PROXY: &str = include_str!("../../chaos/haproxy.cfg");

impl Trial<'_> {
    /// The server is killed under load and started again, several times.
    pub(super) fn kill(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let mut started = self.start(0)?;
        let mut ordinary = self.ordinary()?;
        let rate = self.before(&mut ordinary, &started.target, figures)?;
        let (mut lost, mut back_ms) = (0, 0.0_f64);
        for _ in 0..self.chaos.count {
            let outcome = self.killed_under_load(&started, rate, ordinary)?;
            lost += outcome.errors.count(ErrorKind::Transport)
                + outcome.errors.count(ErrorKind::Timeout);
            figures.during(&outcome);
            drop(started.target);
            started.running.stop();
            started = self.start(0)?;
            let back = started.startup.unwrap_or_default();
            back_ms = back_ms.max(back.as_secs_f64() * 1e3);
            ordinary = self.ordinary()?;
            self.after(&mut ordinary, &started.target, rate, figures)?;
        }
        figures.set(Figure::LostCalls, lost as f64);
        figures.set(Figure::BackAfterMs, back_ms);
        drop(started.target);
        started.running.stop();
        figures.set(Figure::DamagedFiles, self.damaged_files()? as f64);
        Ok(())
    }

    /// The load on a server that is killed in the middle of it.
    fn killed_under_load(
        &self,
        started: &Started,
        rate: f64,
        mut ordinary: super::Ordinary<'_>,
    ) -> anyhow::Result<Outcome> {
        let Server::Ours(running) = &started.running else {
            bail!("only a server that the harness has started can be killed");
        };
        let stop = &AtomicBool::new(false);
        let load = (self.chaos.clients, super::open_loop(rate, None));
        let (target, length) = (&started.target, self.duration());
        thread::scope(|scope| {
            let loading = scope.spawn(move || ordinary.load(target, load, length, stop));
            self.interrupt.wait(length / 2, || None::<()>);
            let killed = running.signal(Signal::SIGKILL);
            self.interrupt.wait(DYING, || None::<()>);
            stop.store(true, Ordering::Release);
            let outcome = loading.join();
            killed?;
            outcome.map_err(|_| anyhow::anyhow!("the load panicked"))?
        })
    }

    /// How many of the servers' `SQLite` files `PRAGMA integrity_check` finds damaged.
    fn damaged_files(&self) -> anyhow::Result<usize> {
        let urls = ["database_url", "store_url"].map(|name| self.bench.url(name));
        let files = urls.iter().filter_map(|url| {
            let path = url.strip_prefix("sqlite:")?;
            Some(path.strip_prefix("//").unwrap_or(path))
        });
        let mut damaged = 0;
        for file in files {
            self.install("sqlite3", "sqlite3")?;
            let mut check = Command::new("sqlite3");
            check.args([file, "PRAGMA integrity_check"]);
            check.stdout(std::process::Stdio::piped());
            let checked = output(&mut check, TOOL_LIMIT, self.interrupt);
            let checked = checked.context("cannot run sqlite3")?;
            let checked = checked.context("sqlite3 did not end")?;
            let says = String::from_utf8_lossy(&checked.stdout);
            if says.trim() != "ok" {
                eprintln!("{file} is damaged: {says}");
                damaged += 1;
            }
        }
        Ok(damaged)
    }

    /// Installs a package where its program is missing.
    fn install(&self, program: &str, package: &str) -> anyhow::Result<()> {
        let looked = Command::new(program).arg("-version").output();
        if !looked.is_err_and(|error| error.kind() == IoErrorKind::NotFound) {
            return Ok(());
        }
        let mut install = Command::new(self.bench.setup().root.join("scripts/apt-install"));
        let installed = output(install.arg(package), TOOL_LIMIT, self.interrupt);
        match installed.context("cannot run scripts/apt-install")? {
            Some(ended) if ended.status.success() => Ok(()),
            _ => bail!("{program} is missing and could not be installed"),
        }
    }

    /// Two servers behind `HAProxy`, replaced in turn under load.
    pub(super) fn rolling_restart(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let mut servers = [self.start(0)?, self.start(1)?];
        let (path, sessions) = match &servers[0].target {
            Target::Http { path, sessions, .. } => (path.clone(), *sessions),
            _ => bail!("only Streamable HTTP goes through a proxy here"),
        };
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let front = free_address()?;
        let _proxy = self.proxy(folder.path(), front, &servers)?;
        let target = Target::Http {
            address: front.into(),
            path,
            sessions,
        };
        let mut ordinary = self.ordinary()?;
        let rate = self.before(&mut ordinary, &target, figures)?;
        let load = (self.chaos.clients, super::open_loop(rate, None));
        let length = self.duration();
        let pause = length / u32::try_from(self.chaos.count + 1).unwrap_or(u32::MAX);
        let mut replaced = 0_u32;
        let outcome = thread::scope(|scope| {
            let (loaded, stop) = (&target, self.interrupt.flag());
            let clients = &mut ordinary;
            let loading = scope.spawn(move || clients.load(loaded, load, length, stop));
            let done = (0..self.chaos.count).try_for_each(|number| {
                self.interrupt.wait(pause, || None::<()>);
                self.replace(&mut servers, number % 2)?;
                replaced += 1;
                Ok::<_, anyhow::Error>(())
            });
            let outcome = loading.join();
            done?;
            outcome.map_err(|_| anyhow::anyhow!("the load panicked"))?
        })?;
        figures.set(Figure::Made, f64::from(replaced));
        figures.during(&outcome);
        self.after(&mut ordinary, &target, rate, figures)
    }

    /// Ends one of the servers with SIGTERM, which has to answer what is in flight, and starts it
    /// again at its address.
    fn replace(&self, servers: &mut [Started; 2], place: usize) -> anyhow::Result<()> {
        let ended = servers[place].running.stop();
        if ended.killed || !ended.is_clean {
            bail!("a server that was to drain ended with {}", ended.status);
        }
        servers[place] = self.start(place)?;
        Ok(())
    }

    /// `HAProxy` at `front`, before the two servers.
    fn proxy(
        &self,
        folder: &std::path::Path,
        front: SocketAddr,
        servers: &[Started; 2],
    ) -> anyhow::Result<Running> {
        self.install("haproxy", "haproxy")?;
        let address = |one: &Started| match &one.target {
            Target::Http { address, .. } => address.socket.to_string(),
            _ => String::new(),
        };
        let context = Context::from([
            ("front".to_owned(), front.to_string().into()),
            ("first".to_owned(), address(&servers[0]).into()),
            ("second".to_owned(), address(&servers[1]).into()),
        ]);
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, fill(PROXY, &context)?).context("cannot write haproxy.cfg")?;
        let command = ["haproxy", "-db", "-f"].map(str::to_owned).into_iter();
        let launch = Launch {
            command: command.chain([file.display().to_string()]).collect(),
            environment: std::collections::BTreeMap::new(),
            ready_within: PROXY_LIMIT,
        };
        let cores = self.bench.setup().common_load();
        let running = Running::start("haproxy", &launch, cores, false)?;
        let listens = || TcpStream::connect(front).ok();
        match self.interrupt.wait(PROXY_LIMIT, listens) {
            Some(_) => Ok(running),
            None => bail!(
                "HAProxy does not listen; its last lines:\n{}",
                running.last_lines()
            ),
        }
    }
}

/// The ports of [`free_address`]: below those that Linux gives to outgoing connections (32,768 and
/// above), one of which could otherwise take the port of a server that is away for a moment.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// An address of this machine that is free now, another one each time.
pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    // Another process of this kind begins elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    let port = |_| {
        let place = begin.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % count;
        PORTS.start + u16::try_from(place).unwrap_or_default()
    };
    let free = |port: u16| {
        TcpListener::bind(("127.0.0.1", port))
            .ok()?
            .local_addr()
            .ok()
    };
    let address = (0..count).map(port).find_map(free);
    address.ok_or_else(|| IoErrorKind::AddrInUse.into())
}

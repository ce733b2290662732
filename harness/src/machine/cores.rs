//! Sets of cores, and threads pinned to them.

use std::fmt;
use std::str::FromStr;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Cores by number, sorted, each once, never empty. Written as `0`, `0,2` or `0-3,6`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

/// Why a text is no set of cores, or a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CoresError {
    /// The text cannot be read.
    #[error("\"{0}\" is not a list of cores; write it like 0 or 0,2 or 0-3,6")]
    Malformed(String),
    /// A core is not there, or this process may not use it.
    #[error("core {core} cannot be used by this process; usable: {usable}")]
    NotUsable {
        /// The core asked for.
        core: usize,
        /// The cores that can be used.
        usable: Cores,
    },
    /// The system refused.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: nix::Error,
    },
}

impl Cores {
    /// The cores that the calling thread may use.
    ///
    /// # Errors
    /// [`CoresError::System`].
    pub fn usable() -> Result<Self, CoresError> {
        let set = sched_getaffinity(Pid::from_raw(0)).map_err(|source| CoresError::System {
            doing: "read which cores this process may use",
            source,
        })?;
        let cores = (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false));
        Ok(Self(cores.collect()))
    }

    /// Their numbers.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }

    /// Whether the two have a core in common.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> bool {
        self.0.iter().any(|core| other.0.contains(core))
    }

    fn within(self, usable: &Self) -> Result<Self, CoresError> {
        match self.0.iter().find(|core| !usable.0.contains(core)) {
            Some(core) => Err(CoresError::NotUsable {
                core: *core,
                usable: usable.clone(),
            }),
            None => Ok(self),
        }
    }
}

impl FromStr for Cores {
    type Err = CoresError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || CoresError::Malformed(text.to_owned());
        let number = |part: &str| {
            let number: usize = part.trim().parse().map_err(|_| malformed())?;
            if number < CpuSet::count() {
                Ok(number)
            } else {
                Err(malformed())
            }
        };
        let mut cores = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(malformed());
            }
            cores.extend(first..=last);
        }
        cores.sort_unstable();
        cores.dedup();
        Ok(Self(cores))
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

/// Who runs where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The server, alone.
    pub server: Cores,
    /// The load thread, the services and the harness itself.
    pub load: Cores,
}

impl Layout {
    /// Shares out the usable cores: the first to the server and the rest to the load, or as asked
    /// for. With one core both use it, and every trial carries a warning.
    ///
    /// # Errors
    /// [`CoresError`] when a core asked for cannot be used.
    pub fn new(server: Option<Cores>, load: Option<Cores>) -> Result<Self, CoresError> {
        Self::of(&Cores::usable()?, server, load)
    }

    fn of(usable: &Cores, server: Option<Cores>, load: Option<Cores>) -> Result<Self, CoresError> {
        let server = server.map(|cores| cores.within(usable)).transpose()?;
        let load = load.map(|cores| cores.within(usable)).transpose()?;
        let all_but = |taken: &Cores| {
            let rest: Vec<usize> = usable
                .0
                .iter()
                .copied()
                .filter(|core| !taken.0.contains(core))
                .collect();
            Cores(if rest.is_empty() {
                usable.0.clone()
            } else {
                rest
            })
        };
        let server = match (server, &load) {
            (Some(server), _) => server,
            (None, Some(load)) => Cores(all_but(load).0.into_iter().take(1).collect()),
            (None, None) => Cores(usable.0.iter().copied().take(1).collect()),
        };
        let load = load.unwrap_or_else(|| all_but(&server));
        Ok(Self { server, load })
    }

    /// Whether server and load have to share a core.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.server.overlap(&self.load)
    }
}

/// Pins the calling thread. Threads and processes that it starts inherit the pinning.
///
/// # Errors
/// [`CoresError::System`].
pub fn pin_this_thread(cores: &Cores) -> Result<(), CoresError> {
    let system = |source| CoresError::System {
        doing: "pin a thread to its cores",
        source,
    };
    let mut set = CpuSet::new();
    for core in &cores.0 {
        set.set(*core).map_err(system)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).map_err(system)
}

/// Runs something with the calling thread pinned, and puts the thread back where it was.
///
/// # Errors
/// [`CoresError::System`].
pub fn pinned<T>(cores: &Cores, work: impl FnOnce() -> T) -> Result<T, CoresError> {
    let before = Cores::usable()?;
    pin_this_thread(cores)?;
    let done = work();
    pin_this_thread(&before)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::{Cores, Layout};

    fn cores(text: &str) -> Cores {
        text.parse().unwrap()
    }

    #[test]
    fn lists_and_ranges_are_read() {
        assert_eq!(cores("3,0-1,1").numbers(), [0, 1, 3]);
        for bad in ["", "a", "3-1", "1,,2", "99999999"] {
            assert!(bad.parse::<Cores>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_server_is_alone_where_it_can_be() {
        let layout = |usable: &str, server: Option<&str>, load: Option<&str>| {
            Layout::of(&cores(usable), server.map(cores), load.map(cores))
        };
        let two = layout("0-1", None, None).unwrap();
        assert_eq!(
            (two.server.to_string(), two.load.to_string()),
            ("0".into(), "1".into())
        );
        assert!(!two.is_shared());
        assert!(layout("0", None, None).unwrap().is_shared());
        let four = layout("0-3", Some("1-2"), None).unwrap();
        assert_eq!(four.load.to_string(), "0,3");
        assert_eq!(
            layout("0-3", None, Some("0")).unwrap().server.to_string(),
            "1"
        );
        assert!(layout("0-1", Some("5"), None).is_err());
    }
}

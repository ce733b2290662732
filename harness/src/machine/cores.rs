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
    /// There are fewer cores than were asked for.
    #[error("{wanted} cores cannot be had for the server; usable: {usable}")]
    TooFew {
        /// How many were asked for.
        wanted: usize,
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

/// The cores that the server is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// So many, the first ones that are not asked for by the load.
    Count(usize),
    /// Exactly these.
    These(Cores),
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
    /// Shares out the usable cores: as asked for to the server, and the rest, or what is asked for,
    /// to the load. Where nothing is left the load has the server's too, and every trial carries a
    /// warning.
    ///
    /// # Errors
    /// [`CoresError`] when a core asked for cannot be used, or there are not as many.
    pub fn new(server: Server, load: Option<Cores>) -> Result<Self, CoresError> {
        Self::of(&Cores::usable()?, server, load)
    }

    fn of(usable: &Cores, server: Server, load: Option<Cores>) -> Result<Self, CoresError> {
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
        let server = match server {
            Server::These(cores) => cores.within(usable)?,
            Server::Count(wanted) => {
                let free = load.as_ref().map_or_else(|| usable.clone(), all_but);
                // With fewer beside the load's than wanted, the server takes the first of all.
                let from = if free.0.len() < wanted { usable } else { &free };
                if from.0.len() < wanted {
                    return Err(CoresError::TooFew {
                        wanted,
                        usable: usable.clone(),
                    });
                }
                Cores(from.0.iter().copied().take(wanted).collect())
            }
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
    use super::{Cores, Layout, Server};

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
        let layout = |usable: &str, server: Server, load: Option<&str>| {
            Layout::of(&cores(usable), server, load.map(cores))
        };
        let two = layout("0-1", Server::Count(1), None).unwrap();
        assert_eq!(
            (two.server.to_string(), two.load.to_string()),
            ("0".into(), "1".into())
        );
        assert!(!two.is_shared());
        assert!(layout("0", Server::Count(1), None).unwrap().is_shared());
        let four = layout("0-3", Server::These(cores("1-2")), None).unwrap();
        assert_eq!(four.load.to_string(), "0,3");
        let behind = layout("0-3", Server::Count(1), Some("0")).unwrap();
        assert_eq!(behind.server.to_string(), "1");
        assert!(layout("0-1", Server::These(cores("5")), None).is_err());
    }

    #[test]
    fn the_load_shares_the_servers_cores_where_there_are_no_others() {
        let layout = |usable: &str, count, load: Option<&str>| {
            Layout::of(&cores(usable), Server::Count(count), load.map(cores))
        };
        let four = layout("0-3", 2, None).unwrap();
        assert_eq!(
            (four.server.to_string(), four.load.to_string()),
            ("0,1".into(), "2,3".into())
        );
        for load in [None, Some("1")] {
            let two = layout("0-1", 2, load).unwrap();
            assert_eq!(two.server.to_string(), "0,1");
            assert!(two.is_shared(), "{load:?}");
        }
        let error = layout("0-1", 3, None).unwrap_err().to_string();
        assert!(
            error.contains("3 cores") && error.contains("0,1"),
            "{error}"
        );
    }
}

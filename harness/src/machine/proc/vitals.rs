//! What processes are like at one moment, and what they have used since they began: for the samples of a window.
//!
//! All of it is read from a few small files for each process and thread. What `/proc/PID/status` says of context switches
//! is that of the first thread alone, so they are read thread by thread, and a thread that ends between two readings
//! keeps what was last read of it. That costs about 8 us a thread, all else about 12 us a process, however many files it has
//! open.

use std::collections::HashMap;
use std::fs;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::{CHILDREN_TICKS, OWN_TICKS, ProcessId, kib_field, ticks_of, ticks_per_s, tree};

/// Of some processes together. Counters run from the start of each process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vitals {
    /// CPU time in user mode, in milliseconds (ticks, mostly of 10 ms).
    pub cpu_user_ms: u64,
    /// CPU time in the kernel, in milliseconds (ticks).
    pub cpu_system_ms: u64,
    /// Resident memory, in bytes. Pages that several processes share are counted in each.
    pub rss_bytes: u64,
    /// The most that was resident since the start, in bytes, summed over the processes.
    pub peak_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_files: u64,
    /// How often threads gave up their core to wait for something.
    pub switches_voluntary: u64,
    /// How often threads lost their core to others.
    pub switches_involuntary: u64,
}

/// With more threads than this a process' context switches are read only by a thorough look.
const MANY_THREADS: u64 = 64;

/// Processes that are looked at again and again.
#[derive(Debug, Default)]
pub struct Watched {
    processes: Vec<ProcessId>,
    with_children: bool,
    /// Voluntary and involuntary context switches of each thread, when they were last read.
    switches: HashMap<ProcessId, (u64, u64)>,
}

impl Watched {
    /// These processes, and nobody else.
    #[must_use]
    pub fn only(processes: Vec<ProcessId>) -> Self {
        Self {
            processes,
            ..Self::default()
        }
    }

    /// These processes, and all that descend from them.
    #[must_use]
    pub fn with_children(processes: Vec<ProcessId>) -> Self {
        Self {
            with_children: true,
            ..Self::only(processes)
        }
    }

    /// Looks at all of them; `None` when there are none, or one has ended. Where a process has many threads, its context
    /// switches are those of the last thorough look.
    pub fn look(&mut self, is_thorough: bool) -> Option<Vitals> {
        let mut sum = Vitals::default();
        for process in &self.processes {
            let mut family = vec![*process];
            if self.with_children {
                family = tree(*process);
            }
            for one in family {
                let Some(vitals) = look(one, self.with_children) else {
                    // A child may end whenever it likes.
                    if one == *process {
                        return None;
                    }
                    continue;
                };
                add(&mut sum, &vitals);
                if is_thorough || vitals.threads <= MANY_THREADS {
                    note_switches(&mut self.switches, one);
                }
            }
        }
        for (voluntary, involuntary) in self.switches.values() {
            sum.switches_voluntary += voluntary;
            sum.switches_involuntary += involuntary;
        }
        (!self.processes.is_empty()).then_some(sum)
    }
}

/// Looks at the harness itself; `None` where the system does not say.
#[must_use]
pub fn own() -> Option<Vitals> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let ms = |time: TimeVal| count(time.num_milliseconds());
    Some(Vitals {
        cpu_user_ms: ms(usage.user_time()),
        cpu_system_ms: ms(usage.system_time()),
        // Of all threads, those that have ended among them.
        switches_voluntary: count(usage.voluntary_context_switches()),
        switches_involuntary: count(usage.involuntary_context_switches()),
        ..look(std::process::id(), false)?
    })
}

fn add(sum: &mut Vitals, one: &Vitals) {
    sum.cpu_user_ms += one.cpu_user_ms;
    sum.cpu_system_ms += one.cpu_system_ms;
    sum.rss_bytes += one.rss_bytes;
    sum.peak_bytes += one.peak_bytes;
    sum.threads += one.threads;
    sum.open_files += one.open_files;
}

/// One process, without its context switches. `with_ended`: CPU time holds that of the children that it has seen end.
fn look(process: ProcessId, with_ended: bool) -> Option<Vitals> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (mut user, mut system) = ticks_of(&stat, OWN_TICKS)?;
    if with_ended {
        let ended = ticks_of(&stat, CHILDREN_TICKS)?;
        user += ended.0;
        system += ended.1;
    }
    let ticks_per_s = ticks_per_s()?;
    Some(Vitals {
        cpu_user_ms: user * 1_000 / ticks_per_s,
        cpu_system_ms: system * 1_000 / ticks_per_s,
        rss_bytes: kib_field(&status, "VmRSS:")? * 1_024,
        peak_bytes: kib_field(&status, "VmHWM:")? * 1_024,
        threads: kib_field(&status, "Threads:")?,
        open_files: open_files(process)?,
        ..Vitals::default()
    })
}

/// Open file descriptors of a process. Since Linux 6.2 the length of the folder is their number (`proc_pid_fd(5)`), and
/// before that 0: then they are counted.
fn open_files(process: ProcessId) -> Option<u64> {
    let folder = format!("/proc/{process}/fd");
    match fs::metadata(&folder).ok()?.len() {
        0 => Some(fs::read_dir(&folder).ok()?.count() as u64),
        count => Some(count),
    }
}

/// Takes note of the context switches of all threads of a process.
fn note_switches(switches: &mut HashMap<ProcessId, (u64, u64)>, process: ProcessId) {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    for thread in threads.into_iter().flatten().flatten() {
        let number = thread
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let status = fs::read_to_string(thread.path().join("status"));
        if let (Some(number), Ok(status)) = (number, status)
            && let Some(read) = kib_field(&status, "voluntary_ctxt_switches:")
                .zip(kib_field(&status, "nonvoluntary_ctxt_switches:"))
        {
            switches.insert(number, read);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::{Watched, open_files, own};

    #[test]
    fn what_this_process_does_shows() {
        let this = std::process::id();
        let mut watched = Watched::only(vec![this]);
        let before = watched.look(true).unwrap();
        let files: Vec<File> = (0..300).map(|_| File::open("/dev/null").unwrap()).collect();
        let waits = std::thread::spawn(|| {
            for _ in 0..50 {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::park();
        });
        // The thread is parked when it has waited often enough.
        let after = loop {
            let after = watched.look(true).unwrap();
            if after.switches_voluntary >= before.switches_voluntary + 50 {
                break after;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(after.threads >= 2, "{after:?}");
        assert!(after.open_files >= 300, "{after:?}");
        waits.thread().unpark();
        waits.join().unwrap();
        let ended = watched.look(true).unwrap();
        assert!(
            ended.switches_voluntary >= after.switches_voluntary,
            "a thread that has ended keeps what was read of it"
        );
        assert!(own().unwrap().switches_voluntary >= 50);
        drop(files);
    }

    #[test]
    fn of_many_threads_context_switches_are_those_of_the_last_thorough_look() {
        let this = std::process::id();
        let over = std::sync::Barrier::new(101);
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| over.wait());
            }
            let mut watched = Watched::only(vec![this]);
            while watched.look(false).unwrap().threads < 100 {
                std::thread::yield_now();
            }
            let mut fresh = Watched::only(vec![this]);
            assert_eq!(fresh.look(false).unwrap().switches_voluntary, 0);
            let read = fresh.look(true).unwrap().switches_voluntary;
            assert!(read > 0);
            assert_eq!(fresh.look(false).unwrap().switches_voluntary, read);
            over.wait();
        });
    }

    #[test]
    fn open_files_are_as_many_as_their_folder_holds() {
        let mut shell = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let folder = format!("/proc/{}/fd", shell.id());
        let counted = std::fs::read_dir(folder).unwrap().count() as u64;
        let read = open_files(shell.id());
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert_eq!(read, Some(counted));
    }

    #[test]
    fn nobody_and_one_that_is_not_there_have_no_vitals() {
        assert_eq!(Watched::only(Vec::new()).look(true), None);
        assert_eq!(Watched::with_children(vec![u32::MAX]).look(true), None);
    }
}

//! What a process and its descendants use: CPU time, memory, threads, open files, context switches.
//!
//! All of it is read from a few small files for each process and thread: about 8 us a thread, and
//! else about 12 us a process, however many files it has open.

use std::collections::HashMap;
use std::fs;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::proc::{ProcessId, Stat, cpu_time_ns, kib_field, with_descendants};

/// Usage of some processes together. Counters run from the start of each process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// CPU time, in nanoseconds. That of ended processes is in ticks, mostly of 10 ms.
    pub(crate) cpu_ns: u64,
    /// CPU time in user mode, in milliseconds (ticks).
    pub(crate) cpu_user_ms: u64,
    /// CPU time in the kernel, in milliseconds (ticks).
    pub(crate) cpu_system_ms: u64,
    /// Resident memory, in bytes. Pages that several processes share are counted in each.
    pub(crate) rss_bytes: u64,
    /// The most that was resident since the start, in bytes, summed over the processes.
    pub(crate) peak_bytes: u64,
    /// Threads.
    pub(crate) threads: u64,
    /// Open file descriptors; `None` where they cannot be read (processes of another user).
    pub(crate) open_files: Option<u64>,
    /// How often threads gave up their core to wait for something.
    pub(crate) switches_voluntary: u64,
    /// How often threads lost their core to others.
    pub(crate) switches_involuntary: u64,
}

impl Usage {
    /// All of them together; `None` without any, or when one is not known.
    pub(crate) fn sum(all: &[Option<Self>]) -> Option<Self> {
        let sum = |sum: Self, one: Self| Self {
            cpu_ns: sum.cpu_ns + one.cpu_ns,
            cpu_user_ms: sum.cpu_user_ms + one.cpu_user_ms,
            cpu_system_ms: sum.cpu_system_ms + one.cpu_system_ms,
            rss_bytes: sum.rss_bytes + one.rss_bytes,
            peak_bytes: sum.peak_bytes + one.peak_bytes,
            threads: sum.threads + one.threads,
            open_files: sum.open_files.zip(one.open_files).map(|(a, b)| a + b),
            switches_voluntary: sum.switches_voluntary + one.switches_voluntary,
            switches_involuntary: sum.switches_involuntary + one.switches_involuntary,
        };
        all.iter()
            .copied()
            .reduce(|all, one| Some(sum(all?, one?)))?
    }

    /// That of the harness itself; `None` where the system does not say.
    pub(crate) fn own() -> Option<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let ms = |time: TimeVal| count(time.num_milliseconds());
        let this = std::process::id();
        Some(Self {
            cpu_ns: cpu_time_ns(this)?,
            cpu_user_ms: ms(usage.user_time()),
            cpu_system_ms: ms(usage.system_time()),
            // Of all threads, those that have ended among them.
            switches_voluntary: count(usage.voluntary_context_switches()),
            switches_involuntary: count(usage.involuntary_context_switches()),
            ..held(this)?
        })
    }
}

/// With more threads than this, context switches of a process are read by a thorough look only.
const MANY_THREADS: u64 = 64;

/// A process and its descendants, looked at again and again.
///
/// A descendant counts from the first look that sees it, with all that it has used, also when the
/// process in between has ended and the system has given it another parent.
#[derive(Debug)]
pub(crate) struct Tree {
    root: ProcessId,
    /// Every process that was ever seen, by its number and start.
    seen: HashMap<(ProcessId, u64), Seen>,
    /// Voluntary and involuntary context switches of each thread, when they were last read. A
    /// thread that ends keeps what was last read of it.
    switches: HashMap<ProcessId, (u64, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// CPU time by its clock, when it was last read.
    cpu_ns: u64,
    /// CPU time of its children that had ended before it was first seen.
    ended_before_ns: u64,
}

impl Tree {
    /// The tree below this process.
    pub(crate) fn new(root: ProcessId) -> Self {
        Self {
            root,
            seen: HashMap::new(),
            switches: HashMap::new(),
        }
    }

    /// The processes of the tree that are there now, the root first.
    fn living(&self) -> Vec<(ProcessId, Stat)> {
        let known = self.seen.keys();
        let known = known.filter(|(id, started)| {
            *id != self.root && Stat::of(*id).is_some_and(|stat| stat.started == *started)
        });
        let begin = [self.root].into_iter().chain(known.map(|(id, _)| *id));
        let all = with_descendants(begin.collect()).into_iter();
        all.filter_map(|id| Some((id, Stat::of(id)?))).collect()
    }

    /// Looks at all of them; `None` when the root has ended. Where a process has many threads, its
    /// context switches are those of the last thorough look.
    pub(crate) fn look(&mut self, is_thorough: bool) -> Option<Usage> {
        let living = self.living();
        let mut all = Vec::with_capacity(living.len());
        for (process, stat) in &living {
            let held = match held(*process) {
                Some(held) => held,
                None if *process == self.root => return None,
                // It has ended and its parent has not taken note: only its CPU time is left.
                None => Usage {
                    open_files: Some(0),
                    ..Usage::default()
                },
            };
            if is_thorough || held.threads <= MANY_THREADS {
                note_switches(&mut self.switches, *process);
            }
            let (own, ended) = (stat.cpu_ms, stat.ended_children_ms);
            all.push(Some(Usage {
                cpu_user_ms: own.0 + ended.0,
                cpu_system_ms: own.1 + ended.1,
                ..held
            }));
        }
        living.first().filter(|(first, _)| *first == self.root)?;
        let mut sum = Usage::sum(&all)?;
        sum.cpu_ns = self.cpu_ns(&living);
        for (voluntary, involuntary) in self.switches.values() {
            sum.switches_voluntary += voluntary;
            sum.switches_involuntary += involuntary;
        }
        Some(sum)
    }

    /// CPU time of the tree: the greater of two sums.
    ///
    /// One is over the living processes, each with its ended children: a parent that waits for a
    /// child takes its time over, in ticks. The other is over the clocks of all processes ever
    /// seen: precise, and complete where a parent ignores the ends of its children, but without
    /// what a process did after it was last looked at.
    fn cpu_ns(&mut self, living: &[(ProcessId, Stat)]) -> u64 {
        let mut by_parents = 0;
        for (process, stat) in living {
            // One that ends right now keeps its last reading.
            let Some(cpu_ns) = cpu_time_ns(*process) else {
                continue;
            };
            let ended_ns = (stat.ended_children_ms.0 + stat.ended_children_ms.1) * 1_000_000;
            by_parents += cpu_ns + ended_ns;
            let first = Seen {
                cpu_ns,
                ended_before_ns: ended_ns,
            };
            let seen = self.seen.entry((*process, stat.started));
            seen.or_insert(first).cpu_ns = cpu_ns;
        }
        let seen = self.seen.values();
        let by_clocks = seen.map(|seen| seen.cpu_ns + seen.ended_before_ns).sum();
        by_parents.max(by_clocks)
    }
}

/// What one process holds: memory, threads, open files. `None` when it has ended.
fn held(process: ProcessId) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(Usage {
        rss_bytes: kib_field(&status, "VmRSS:")? * 1_024,
        peak_bytes: kib_field(&status, "VmHWM:")? * 1_024,
        threads: kib_field(&status, "Threads:")?,
        open_files: open_files(process),
        ..Usage::default()
    })
}

/// Open file descriptors of a process. Since Linux 6.2 the length of the folder is their number
/// (`proc_pid_fd(5)`), and before that 0: then they are counted.
fn open_files(process: ProcessId) -> Option<u64> {
    let folder = format!("/proc/{process}/fd");
    match fs::metadata(&folder).ok()?.len() {
        0 => Some(fs::read_dir(&folder).ok()?.count() as u64),
        count => Some(count),
    }
}

/// Reads the context switches of all threads: `/proc/PID/status` has those of the first alone.
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
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::{Tree, Usage, open_files};
    use crate::host::proc::with_descendants;

    const BUSY: &str = "while :; do :; done";

    /// A shell that is killed with its descendants in the end.
    struct Shell(Child);

    impl Shell {
        /// Starts it, and waits until it has so many descendants.
        fn new(script: &str, descendants: usize) -> Self {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdin(Stdio::null());
            let shell = Self(command.spawn().unwrap());
            wait(|| (shell.descendants().len() == descendants).then_some(()));
            shell
        }

        fn descendants(&self) -> Vec<u32> {
            with_descendants(vec![self.0.id()]).split_off(1)
        }
    }

    impl Drop for Shell {
        fn drop(&mut self) {
            with_descendants(vec![self.0.id()])
                .into_iter()
                .for_each(kill);
            self.0.wait().unwrap();
        }
    }

    fn kill(process: u32) {
        let process = nix::unistd::Pid::from_raw(i32::try_from(process).unwrap());
        let _ = nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL);
    }

    fn wait<T>(mut until: impl FnMut() -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(found) = until() {
                return found;
            }
            assert!(begin.elapsed().as_secs() < 60, "it does not happen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Looks until the tree has used another 100 ms of CPU time.
    fn worked(tree: &mut Tree) -> Usage {
        let begin = tree.look(true).unwrap();
        wait(|| {
            tree.look(true)
                .filter(|now| now.cpu_ns > begin.cpu_ns + 100_000_000)
        })
    }

    #[test]
    fn work_of_children_and_their_children_counts() {
        let shell = Shell::new(&format!("sh -c 'sh -c \"{BUSY}\"; :'; :"), 2);
        let mut tree = Tree::new(shell.0.id());
        let worked = worked(&mut tree);
        assert!(
            worked.cpu_user_ms + worked.cpu_system_ms >= 50,
            "{worked:?}"
        );
        let alone = Tree::new(shell.descendants()[1]).look(true).unwrap();
        assert_eq!((worked.threads, alone.threads), (3, 1));
        assert!(worked.rss_bytes > alone.rss_bytes && worked.open_files > alone.open_files);
    }

    #[test]
    fn children_that_come_and_go_between_two_looks_count_by_their_parent() {
        let brief = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        let shell = Shell::new(&format!("while :; do sh -c '{brief}'; done"), 1);
        let mut tree = Tree::new(shell.0.id());
        let begin = tree.look(true).unwrap();
        std::thread::sleep(Duration::from_millis(600));
        let used_ns = tree.look(true).unwrap().cpu_ns - begin.cpu_ns;
        assert!(used_ns > 60_000_000, "{used_ns} ns of 600 ms");
    }

    #[test]
    fn an_ended_child_keeps_its_time_also_where_nobody_waits_for_it() {
        // `sleep` does not wait for the child: it stays a zombie, or with SIGCHLD ignored nothing.
        for ends in ["", "trap '' CHLD; "] {
            let shell = Shell::new(&format!("{ends}({BUSY}) & exec sleep 600"), 1);
            let mut tree = Tree::new(shell.0.id());
            let worked = worked(&mut tree);
            kill(shell.descendants()[0]);
            for _ in 0..20 {
                let after = tree.look(true).unwrap();
                assert!(after.cpu_ns >= worked.cpu_ns, "{worked:?} {after:?}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    #[test]
    fn a_descendant_whose_parent_has_ended_still_belongs_to_the_tree() {
        let shell = Shell::new(&format!("sh -c 'sh -c \"{BUSY}\"; :' & exec sleep 600"), 2);
        let mut tree = Tree::new(shell.0.id());
        tree.look(true).unwrap();
        let family = shell.descendants();
        kill(family[0]);
        let worked = worked(&mut tree);
        kill(family[1]);
        assert!(worked.threads >= 2, "{worked:?}");
    }

    #[test]
    fn what_this_process_holds_shows_and_switches_of_many_threads_by_a_thorough_look() {
        let files: Vec<File> = (0..300).map(|_| File::open("/dev/null").unwrap()).collect();
        let over = std::sync::Barrier::new(101);
        let mut tree = Tree::new(std::process::id());
        std::thread::scope(|scope| {
            // A child of another thread than the first.
            let child = scope
                .spawn(|| Shell::new("exec sleep 600", 0))
                .join()
                .unwrap();
            assert!(with_descendants(vec![std::process::id()]).contains(&child.0.id()));
            for _ in 0..100 {
                scope.spawn(|| over.wait());
            }
            wait(|| tree.look(false).filter(|now| now.threads > 101));
            let this = u32::try_from(nix::unistd::gettid().as_raw()).unwrap();
            assert_eq!(tree.switches.get(&this), None);
            assert!(tree.look(true).unwrap().open_files >= Some(300));
            assert!(tree.switches.contains_key(&this));
            over.wait();
        });
        drop(files);
        let counted = tree.switches.len();
        assert!(tree.look(true).unwrap().switches_voluntary > 0);
        assert!(
            tree.switches.len() >= counted,
            "ended threads keep what was read of them"
        );
    }

    #[test]
    fn open_files_are_as_many_as_their_folder_holds() {
        let shell = Shell::new("exec sleep 600", 0);
        let counted = std::fs::read_dir(format!("/proc/{}/fd", shell.0.id())).unwrap();
        assert_eq!(open_files(shell.0.id()), Some(counted.count() as u64));
    }

    #[test]
    fn a_process_that_is_not_there_has_no_usage() {
        assert_eq!(Tree::new(u32::MAX).look(true), None);
        assert_eq!((Usage::sum(&[]), Usage::sum(&[None])), (None, None));
    }
}

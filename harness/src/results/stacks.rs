//! Call stacks as `perf script` prints them, folded: each stack once, with how often it was seen.

use std::collections::BTreeMap;

/// One function of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Frame {
    /// Its name, without the hash that the compiler adds.
    pub(crate) name: String,
    /// Whether it is the kernel's.
    pub(crate) is_kernel: bool,
}

/// Stacks, the caller before the called, and how often each was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stacks(pub BTreeMap<Vec<Frame>, u64>);

impl Stacks {
    /// Reads what `perf script --fields comm,ip,sym,dso` prints: for each sample a line with the
    /// name of the thread, a line for each frame, the innermost first, and an empty one.
    pub(crate) fn read(text: &str) -> Self {
        let mut folded = Self::default();
        let mut frames = Vec::new();
        for line in text.lines().chain([""]) {
            if line.trim().is_empty() {
                folded.add(std::mem::take(&mut frames));
            } else if line.starts_with(char::is_whitespace) {
                frames.push(frame(line.trim()));
            }
        }
        folded
    }

    fn add(&mut self, mut frames: Vec<Frame>) {
        if !frames.is_empty() {
            frames.reverse();
            *self.0.entry(frames).or_default() += 1;
        }
    }

    /// How many samples there are.
    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The functions that were running themselves in most samples, and in how many.
    pub(crate) fn hottest(&self, count: usize) -> Vec<(&Frame, u64)> {
        let mut own: BTreeMap<&Frame, u64> = BTreeMap::new();
        for (stack, seen) in &self.0 {
            if let Some(innermost) = stack.last() {
                *own.entry(innermost).or_default() += seen;
            }
        }
        let mut all: Vec<_> = own.into_iter().collect();
        all.sort_by_key(|(_, seen)| std::cmp::Reverse(*seen));
        all.truncate(count);
        all
    }
}

/// `55d0c0ffee core::fmt::write::h0123456789abcdef (/usr/bin/server)`
fn frame(line: &str) -> Frame {
    let rest = line.split_once(' ').map_or("", |(_, rest)| rest.trim());
    let (name, place) = match rest.rfind(" (") {
        Some(at) => (&rest[..at], &rest[at + 2..]),
        None => (rest, ""),
    };
    let name = without_hash(name.trim());
    Frame {
        name: if name.is_empty() { "[unknown]" } else { name }.to_owned(),
        is_kernel: place.starts_with("[kernel") || place.starts_with("[guest.kernel"),
    }
}

fn without_hash(name: &str) -> &str {
    let is_hash = |hash: &str| hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    match name.rsplit_once("::h") {
        Some((before, hash)) if is_hash(hash) => before,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Stacks};

    const PRINTED: &str = "load \n\
        \x20   ffffffff81 do_syscall_64 ([kernel.kallsyms])\n\
        \x20       55d0c1 <T as core::fmt::Write>::write_str::h0123456789abcdef (/bin/server)\n\
        \x20       55d0c0 main (/bin/server)\n\n\
        load \n\
        \x20   ffffffff81 do_syscall_64 ([kernel.kallsyms])\n\
        \x20       55d0c9 <T as core::fmt::Write>::write_str::h0123456789abcdef (/bin/server)\n\
        \x20       55d0c0 main (/bin/server)\n\n\
        load \n\
        \x20       7f0000 [unknown] (/lib/libc.so.6)\n\
        \x20       55d0c0 main (/bin/server)\n";

    #[test]
    fn samples_with_the_same_functions_are_one_stack() {
        let stacks = Stacks::read(PRINTED);
        assert_eq!((stacks.0.len(), stacks.total()), (2, 3));
        let (stack, seen) = stacks.0.iter().find(|(stack, _)| stack.len() == 3).unwrap();
        assert_eq!(*seen, 2);
        let names: Vec<&str> = stack.iter().map(|frame| frame.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "main",
                "<T as core::fmt::Write>::write_str",
                "do_syscall_64"
            ]
        );
        assert!(stack[2].is_kernel && !stack[1].is_kernel);
    }

    #[test]
    fn the_hottest_function_is_the_one_that_runs_itself() {
        let stacks = Stacks::read(PRINTED);
        let hottest: Vec<(&str, u64)> = stacks
            .hottest(5)
            .into_iter()
            .map(|(Frame { name, .. }, seen)| (name.as_str(), seen))
            .collect();
        assert_eq!(hottest, [("do_syscall_64", 2), ("[unknown]", 1)]);
        assert_eq!(stacks.hottest(1).len(), 1);
        assert_eq!(Stacks::read("").total(), 0);
    }
}

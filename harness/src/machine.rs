//! What the operating system tells about the machine and its processes. Linux only: `/proc`,
//! `/sys`, processor clocks.

pub mod cgroup;
pub(crate) mod checks;
pub mod cores;
pub mod enclosure;
pub mod facts;
pub mod proc;

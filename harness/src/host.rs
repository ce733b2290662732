//! The machine and its processes, as Linux shows them in `/proc`, `/sys` and the CPU clocks.

pub mod cgroup;
pub(crate) mod checks;
pub mod cores;
pub mod facts;
pub mod limits;
pub mod proc;
pub mod usage;

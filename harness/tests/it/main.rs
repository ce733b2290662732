//! The tests of the harness, in one program: one link in place of twelve.
//!
//! `front_door` runs the binary, `load` drives the load engine inside this process, `other_servers`
//! measures servers in other languages, `templates` makes projects and builds them. `load::memory`
//! counts allocations: its counter is the allocator of the whole program, but it counts for each
//! thread apart, so other tests do not disturb it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod front_door;
mod load;
mod other_servers;
mod templates;

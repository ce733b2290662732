//! The harness through its front door: the real binary, definitions in a temporary folder, and fake
//! subjects that answer right or misbehave in a known way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "front_door/support.rs"]
mod support;

#[path = "front_door/aa.rs"]
mod aa;
#[path = "front_door/capacity.rs"]
mod capacity;
#[path = "front_door/catalogue.rs"]
mod catalogue;
#[path = "front_door/compare.rs"]
mod compare;
#[path = "front_door/definitions.rs"]
mod definitions;
#[path = "front_door/experiments.rs"]
mod experiments;
#[path = "front_door/families.rs"]
mod families;
#[path = "front_door/format_documentation.rs"]
mod format_documentation;
#[path = "front_door/gate.rs"]
mod gate;
#[path = "front_door/interrupt.rs"]
mod interrupt;
#[path = "front_door/levers.rs"]
mod levers;
#[path = "front_door/limits.rs"]
mod limits;
#[path = "front_door/measure.rs"]
mod measure;
#[path = "front_door/misfortune.rs"]
mod misfortune;
#[path = "front_door/ones_own.rs"]
mod ones_own;
#[path = "front_door/overhead.rs"]
mod overhead;
#[path = "front_door/profile.rs"]
mod profile;
#[path = "front_door/rank.rs"]
mod rank;
#[path = "front_door/recommend.rs"]
mod recommend;
#[path = "front_door/resume.rs"]
mod resume;
#[path = "front_door/right_answers.rs"]
mod right_answers;
#[path = "front_door/samples.rs"]
mod samples;
#[path = "front_door/schema.rs"]
mod schema;
#[path = "front_door/stores.rs"]
mod stores;
#[path = "front_door/sweeps.rs"]
mod sweeps;
#[path = "front_door/verify.rs"]
mod verify;

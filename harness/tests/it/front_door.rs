//! The real binary, with definitions in a temporary folder and fake subjects that answer correctly
//! or misbehave in a known way.

mod support;

mod aa;
mod capacity;
mod catalogue;
mod chaos;
mod compare;
mod definitions;
mod experiments;
mod families;
mod format_documentation;
mod gate;
mod golden;
mod interrupt;
mod lessons;
mod limits;
mod measure;
mod misfortune;
mod ones_own;
mod overhead;
mod own_experiments;
mod profile;
mod rank;
mod readme;
mod recommend;
mod replay;
mod report;
mod resume;
mod right_answers;
mod samples;
mod scenarios;
mod schema;
mod slices;
mod steps;
mod stores;
mod sweeps;
mod verify;

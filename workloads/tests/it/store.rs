//! The store: its formula ([`content`]), what holds for every engine ([`contract`], [`seeding`]),
//! what the pool's options do ([`pools`]), and what happens when Redis is absent, silent or killed
//! ([`failures`]).
//!
//! The engines are a file, memory and Redis.

mod content;
mod contract;
mod failures;
mod pools;
mod seeding;
mod support;

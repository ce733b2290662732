//! The cache: by itself with work that tests can hold, in Redis, and before the tools.

mod limits;
mod redis;
mod single_flight;
mod tools;
mod work;

//! What servers do when what they stand on fails: real services that are killed and come back, and
//! an upstream that misbehaves in every way it can. Against the programs, under load:
//!
//! - every call is answered within its limit, rightly or with an in-band error that names the
//!   service;
//! - two seconds after the service is back, every call is answered rightly;
//! - nothing panics, and no descriptor and no memory is left behind.
//!
//! One server that listens and one that does not are asked: what a failure does to a call happens
//! below the transports, and what it does to a connection differs between these two.

mod callers;
mod footprint;
#[cfg(all(feature = "postgres", feature = "redis"))]
mod killed;
mod upstream;

use crate::{
    common::Subject,
    front_door::subjects::tokio::{http_json, stdio},
};

const HTTP_JSON: Subject = http_json::SUBJECT;
const STDIO: Subject = stdio::SUBJECT;

//! The products database: what holds for every engine ([`contract`]), what a server of its own adds
//! ([`postgres`], on a real one), and several processes on one file ([`processes`]).

mod contract;
mod place;
mod postgres;
mod processes;

//! What `operating` holds, read by the programs that it is for: a Prometheus that scrapes a server
//! of the lab, and promtool. Traces, read by a collector.

mod prometheus;
#[cfg(feature = "otlp")]
mod traces;

//! What `operating` holds, read by the programs that it is for: a Prometheus that scrapes a server
//! of the lab, and promtool. Work that is turned away, as a scrape finds it. Traces, read by a
//! collector.

mod prometheus;
mod sheds;
#[cfg(feature = "otlp")]
mod traces;

//! Flags that limit what the servers may use.

use clap::Args;

use crate::machine::enclosure::Limits;
use crate::results::whole;

/// What the servers may use.
#[derive(Debug, Clone, Args)]
pub(super) struct LimitFlags {
    /// Memory of the server, like 512M or 2Gi (K, M and G are thousands, Ki, Mi and Gi powers of
    /// 1024) [default: no limit]
    #[arg(long, visible_alias = "memory", value_name = "BYTES", value_parser = bytes)]
    server_memory: Option<u64>,
    /// Processor time of the server in cores, like 2 or 0.5, within the cores that it is pinned to
    /// [default: no limit]
    #[arg(long = "server-cpus", visible_alias = "cpus", value_name = "N", value_parser = thousandths)]
    server_cpu_milli: Option<u64>,
}

impl LimitFlags {
    /// The limits; none when no flag was given.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            cpu_milli: self.server_cpu_milli,
            memory_bytes: self.server_memory,
        }
    }
}

/// Bytes like 512M: with K, M and G thousands, as in the tables, with Ki, Mi and Gi powers of 1024.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let units = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("K", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("", 1),
    ];
    let unit = units
        .into_iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let bytes = unit.and_then(|(number, bytes)| number.parse::<u64>().ok()?.checked_mul(bytes));
    // A server with less than a million bytes cannot start.
    bytes.filter(|bytes| *bytes >= 1_000_000).ok_or_else(|| {
        format!("\"{text}\" is not a size of 1M or more: write it like 512M, 512Mi or 2G")
    })
}

/// A number of cores in thousandths.
fn thousandths(text: &str) -> Result<u64, String> {
    let cores: f64 = text.parse().unwrap_or(f64::NAN);
    // A quota of less than a hundredth is refused by the kernel.
    if (0.01..=1_024.0).contains(&cores) {
        Ok(whole(cores * 1_000.0))
    } else {
        Err(format!(
            "\"{text}\" is no number of cores from 0.01 to 1024: write it like 2 or 0.5"
        ))
    }
}

//! Flags that limit what the servers may use.

use clap::Args;

use crate::host::limits::Limits;
use crate::results::whole;

/// What the servers may use.
#[derive(Debug, Clone, Args)]
pub(super) struct LimitFlags {
    /// Memory of the server, like 512M or 2G (K, M and G are powers of 1024) [default: no limit]
    #[arg(long, visible_alias = "memory", value_name = "BYTES", value_parser = bytes)]
    server_memory: Option<u64>,
    /// Processor time of the server in cores, like 2 or 0.5, beside the cores that it is pinned to [default: no limit]
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

/// A number of bytes, or of a power of 1024 of them.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("\"{text}\" is no amount of memory: write it like 512M or 2G, at least 1M");
    let (number, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let bytes = number.checked_mul(factor).ok_or_else(wrong)?;
    // Less holds no program at all.
    (bytes >= 1 << 20).then_some(bytes).ok_or_else(wrong)
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

#[cfg(test)]
mod tests {
    use super::{bytes, thousandths};

    #[test]
    fn amounts_are_read_and_others_refused() {
        for (text, value) in [
            ("1048576", 1 << 20),
            ("512M", 512 << 20),
            ("2g", 2 << 30),
            ("2048K", 2 << 20),
        ] {
            assert_eq!(bytes(text), Ok(value));
        }
        for wrong in ["", "G", "-1G", "1.5G", "2GB", "1023K", "99999999999G"] {
            assert!(bytes(wrong).unwrap_err().contains("512M"), "{wrong}");
        }
        assert_eq!((thousandths("2"), thousandths("0.5")), (Ok(2_000), Ok(500)));
        for wrong in ["", "0", "-1", "nan", "inf", "2 cores", "1025"] {
            assert!(thousandths(wrong).unwrap_err().contains("0.5"), "{wrong}");
        }
    }
}

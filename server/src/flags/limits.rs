//! Every limit of a server: one option, one flag, one default. A transport has the limits that mean
//! something on it, and rejects the flags of the others.

use std::{num::NonZeroU32, time::Duration};

use clap::Args;
use transports::Limits;

use super::values::{bytes, count, seconds, time_limit, up_to_1024};
use crate::process::open_files;

/// Limits of every tool call.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct CallLimits {
    /// How long one tool call may take before it is answered with an error
    #[arg(long, env = "MCP_CALL_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub call_timeout: Duration,

    /// How long the calls of one tool may take, if that is less; may be given several times
    #[arg(
        long = "time-limit",
        value_parser = time_limit,
        env = "MCP_TIME_LIMITS",
        value_name = "TOOL=SECONDS",
        value_delimiter = ','
    )]
    pub time_limits: Vec<(String, Duration)>,

    /// Memory that all calls in flight may use together, for what is larger than 16 KiB: a message
    /// counts eightfold while its call runs, an answer until it is written, and a tool asks for
    /// what it makes or fetches. A call waits for its share, up to 9 tenths of --call-timeout, and
    /// is then answered with -32000 or 503
    #[arg(long, env = "MCP_MAX_INFLIGHT_BYTES", value_name = "BYTES", default_value = "134217728", value_parser = bytes)]
    pub max_inflight_bytes: usize,

    /// CPU-bound jobs of tools that run at once; a call waits for its turn as for memory, and no
    /// longer than its client stays [default: as many as --workers]
    #[arg(long, env = "MCP_CPU_JOBS", value_name = "N", value_parser = up_to_1024)]
    pub cpu_jobs: Option<NonZeroU32>,
}

impl CallLimits {
    /// How long a call of `tool` may take.
    #[must_use]
    pub fn of(&self, tool: &str) -> Duration {
        let own = self.time_limits.iter().find(|(name, _)| name == tool);
        own.map_or(self.call_timeout, |(_, limit)| *limit)
    }

    /// A limit that never applies, because another one is shorter.
    pub(crate) fn contradiction(&self) -> Option<String> {
        let (name, limit) = self
            .time_limits
            .iter()
            .find(|(_, limit)| *limit > self.call_timeout)?;
        Some(format!(
            "--time-limit {name}={} is longer than any call may take (--call-timeout {}); \
             raise that and limit the other tools",
            limit.as_secs_f64(),
            self.call_timeout.as_secs_f64()
        ))
    }
}

/// The limit of a shutdown.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct DrainLimit {
    /// After SIGTERM or SIGINT, how long calls in flight may take to be answered
    #[arg(long, env = "MCP_DRAIN_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub drain_timeout: Duration,
}

/// Limits of what one client sends over an MCP transport.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct MessageLimits {
    /// Largest message that is taken: a request body over HTTP, a line over stdio
    /// [default: 4194304 over HTTP, 16777216 over stdio]
    #[arg(long, env = "MCP_MAX_BODY", value_name = "BYTES", value_parser = bytes)]
    pub max_body: Option<usize>,

    /// Values that a message may have: members of objects and elements of arrays
    #[arg(long, env = "MCP_MAX_VALUES", value_name = "N", default_value = "100000", value_parser = count)]
    pub max_values: usize,

    /// Messages that a batch may have (2025-03-26 alone has batches)
    #[arg(long, env = "MCP_MAX_BATCH", value_name = "N", default_value = "100", value_parser = count)]
    pub max_batch: usize,

    /// Requests that one client may have in flight (over Streamable HTTP: with --sessions stateful)
    #[arg(long, env = "MCP_MAX_IN_FLIGHT", value_name = "N", default_value = "1024", value_parser = count)]
    pub max_in_flight: usize,
}

impl MessageLimits {
    /// `limits` with these.
    pub(crate) fn set(self, limits: Limits) -> Limits {
        Limits {
            max_message_bytes: self.max_body.unwrap_or(limits.max_message_bytes),
            max_values: self.max_values,
            max_batch_messages: self.max_batch,
            max_in_flight: self.max_in_flight,
            ..limits
        }
    }
}

/// The limit of the queues between a lasting stream (stdio, SSE) and rmcp.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct QueueLimit {
    /// Messages of one client that wait for rmcp or for the client, each way; a full queue stops
    /// the reader
    #[arg(long, env = "MCP_MAX_QUEUE", value_name = "N", default_value = "256", value_parser = count)]
    pub max_queue: usize,

    /// Bytes of answers that wait for one client; over SSE, messages of a client that leaves more
    /// unread are answered 503
    #[arg(long, env = "MCP_MAX_QUEUE_BYTES", value_name = "BYTES", default_value = "16777216", value_parser = bytes)]
    pub max_queue_bytes: usize,
}

impl QueueLimit {
    /// `limits` with this one.
    pub(crate) fn set(self, limits: Limits) -> Limits {
        Limits {
            max_queued_messages: self.max_queue,
            max_queued_bytes: self.max_queue_bytes,
            ..limits
        }
    }
}

/// Limits of the MCP transports over HTTP.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct HttpLimits {
    /// Sessions that may be open at once: event streams of SSE, or sessions of --sessions stateful
    #[arg(long, env = "MCP_MAX_SESSIONS", value_name = "N", default_value = "10000", value_parser = count)]
    pub max_sessions: usize,

    /// Connections that may be open at once; an idle one is closed for a new one, and when all are
    /// busy the new one is answered 503
    /// [default: 20000, or less where the limit of open files is lower]
    #[arg(long, env = "MCP_MAX_CONNECTIONS", value_name = "N", value_parser = count)]
    pub max_connections: Option<usize>,

    /// How long the head of a request may take to arrive, and the first byte of a connection, give
    /// or take a fifth
    #[arg(long, env = "MCP_HEAD_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub head_timeout: Duration,

    /// How long a connection stays open between two requests, give or take a fifth
    #[arg(long, env = "MCP_IDLE_TIMEOUT", value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub idle_timeout: Duration,

    /// How long the body of a request may take to arrive after its head
    #[arg(long, env = "MCP_BODY_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub body_timeout: Duration,

    /// How long a client may leave an answer unread, give or take a fifth
    #[arg(long, env = "MCP_WRITE_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub write_timeout: Duration,
}

/// How many connections are open at most, without a flag.
const MAX_CONNECTIONS: usize = 20_000;
/// Open files that are kept back for all that is no connection: databases, upstreams, pipes.
const OTHER_FILES: usize = 128;

impl HttpLimits {
    /// The limit of connections, which has to be reached before that of open files: a server
    /// without descriptors can close no connection for another.
    fn max_connections(self) -> usize {
        let files = usize::try_from(open_files()).unwrap_or(usize::MAX);
        let possible = files - OTHER_FILES.min(files / 4);
        let Some(asked) = self.max_connections else {
            return MAX_CONNECTIONS.min(possible);
        };
        if asked > possible {
            tracing::warn!(
                "--max-connections {asked} is more than {files} open files allow (ulimit -n)"
            );
        }
        asked
    }

    /// `limits` with these.
    pub(crate) fn set(self, limits: Limits) -> Limits {
        Limits {
            max_sessions: self.max_sessions,
            max_connections: self.max_connections(),
            head_timeout: self.head_timeout,
            idle_timeout: self.idle_timeout,
            body_timeout: self.body_timeout,
            write_timeout: self.write_timeout,
            ..limits
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;
    use transports::admission::AdmissionOptions;

    use super::*;

    fn defaults<F: Args>() -> F {
        let command = F::augment_args(Command::new("test"));
        F::from_arg_matches(&command.try_get_matches_from(["test"]).unwrap()).unwrap()
    }

    /// Limits whose every field differs from the defaults.
    const OTHER: Limits = Limits {
        max_message_bytes: 1,
        max_values: 10,
        max_batch_messages: 2,
        max_in_flight: 3,
        max_queued_messages: 4,
        max_queued_bytes: 10,
        max_sessions: 5,
        max_connections: 8,
        head_timeout: Duration::from_secs(6),
        idle_timeout: Duration::from_secs(11),
        body_timeout: Duration::from_secs(7),
        write_timeout: Duration::from_secs(9),
    };

    #[test]
    fn flags_have_the_defaults_of_the_transports_and_set_every_limit() {
        let set = defaults::<MessageLimits>().set(OTHER);
        let set = defaults::<QueueLimit>().set(set);
        let set = defaults::<HttpLimits>().set(set);
        let expected = Limits {
            max_message_bytes: 1,
            // Depends on the system.
            max_connections: set.max_connections,
            ..Limits::default()
        };
        assert_eq!(set, expected);
        assert!((1..=MAX_CONNECTIONS).contains(&set.max_connections));
        let http = HttpLimits {
            max_connections: Some(5),
            ..defaults()
        };
        assert_eq!(http.set(OTHER).max_connections, 5);
        let messages = MessageLimits {
            max_body: Some(8),
            ..defaults()
        };
        assert_eq!(messages.set(OTHER).max_message_bytes, 8);
        let calls: CallLimits = defaults();
        assert_eq!(calls.max_inflight_bytes, AdmissionOptions::MAX_BYTES);
        assert_eq!(Limits::default().max_message_bytes, 4_194_304);
        assert_eq!(Limits::stdio().max_message_bytes, 16_777_216);
    }
}

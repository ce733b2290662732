//! The floors under the servers: they read every request whole and answer fixed bytes. What they
//! cost is what lies below any protocol.

mod burn;
pub mod epoll;
pub mod http;

use clap::Args;
use server::flags::ListenFlags;

/// The flags of every floor.
#[derive(Args, Debug)]
#[group(skip)]
pub struct FloorFlags {
    /// Where it listens.
    #[command(flatten)]
    pub listen: ListenFlags,
    /// Length of the fixed answer, to match that of the answers it is compared with
    #[arg(long, env = "MCP_ANSWER_BYTES", value_name = "BYTES", default_value = "192", value_parser = clap::value_parser!(u32).range(2..=64 * 1024 * 1024))]
    pub answer_bytes: u32,
}

impl FloorFlags {
    /// The body of every answer: a JSON string of the length asked for, quotes included.
    fn answer(&self) -> Vec<u8> {
        let mut answer = vec![b'x'; self.answer_bytes as usize];
        if let [first, .., last] = answer.as_mut_slice() {
            (*first, *last) = (b'"', b'"');
        }
        answer
    }
}

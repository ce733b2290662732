//! mcp-harness
fn main() {}

//! How bytes become MCP tool calls and back.

pub mod runtime;

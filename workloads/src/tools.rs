//! The tools: for each one its arguments, its result and its work.
//!
//! A file here is plain Rust: it knows neither rmcp's routing nor any transport. What the arguments
//! allow is said twice on purpose: in the published schema, for clients that read it, and in the
//! work, for those that do not. Both take their limits from the same constants.
//!
//! Fields that a tool does not know are refused: a misspelt `max_prise` would otherwise be answered
//! with the default, and a wrong answer is worse than none.

mod arguments;
pub mod echo;
mod error;
pub mod fetch_external_data;
pub mod fibonacci;
pub mod query_products;

pub use error::ToolError;

//! The bytes that published clients have sent (`data/clients`), replayed to every transport: every
//! answer is right, and the fast path takes every message that it may take.
//!
//! The test works out from the messages how many those are. A client whose calls fall back to rmcp
//! fails, with the reason that the fast path gives.

mod recording;
mod replay;

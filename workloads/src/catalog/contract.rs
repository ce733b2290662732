//! The limits of the catalogue API, which its client and its server share.

/// The most entries that a cart may have.
pub const MAX_CART_ITEMS: usize = 100;
/// The most pieces that one entry of a cart may have.
pub const MAX_CART_QUANTITY: i64 = 1_000;
/// The most products that one search returns.
pub const MAX_SEARCH_LIMIT: usize = 100;
/// The longest delay that the parameter `delay_ms` of a route may ask for.
pub const MAX_DELAY_MS: u64 = 60_000;

/// The length of the shortest payload.
pub const MIN_PAYLOAD_BYTES: u32 = 1_000;
/// The length of the longest payload.
pub const MAX_PAYLOAD_BYTES: u32 = 16_000_000;
/// The default length of the JSON payload: what the public five-language benchmark filters.
pub const JSON_BYTES: u32 = 4_000_000;
/// The default length of the text payload: what the same benchmark scans.
pub const TEXT_BYTES: u32 = 2_000_000;

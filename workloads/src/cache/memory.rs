//! Results kept in this process.

use moka::sync::{Cache, CacheBuilder};
use transports::fast_path::SerializedResult;

use super::{CacheOptions, key::Key};

/// A bounded number of results, each for a time. Which go when it is full is moka's to choose: it keeps what is
/// asked for often.
pub(super) struct Memory(Cache<Key, SerializedResult>);

impl Memory {
    pub(super) fn new(options: &CacheOptions) -> Self {
        let cache = CacheBuilder::new(options.capacity)
            .time_to_live(options.ttl)
            .build();
        Self(cache)
    }

    pub(super) fn find(&self, key: &Key) -> Option<SerializedResult> {
        self.0.get(key)
    }

    pub(super) fn keep(&self, key: &Key, written: &SerializedResult) {
        self.0.insert(key.clone(), written.clone());
    }

    pub(super) fn forget(&self, key: &Key) {
        self.0.invalidate(key);
    }
}

//! What changes rarely, kept between passes. Only what is there is kept: what is absent or unknown is looked for again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::observed::Seen;

#[derive(Debug)]
pub(super) struct Cache<T> {
    entries: Mutex<BTreeMap<String, T>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { entries: Mutex::default() }
    }
}

impl<T: Clone> Cache<T> {
    pub(super) fn recall(&self, key: &str) -> Option<T> {
        self.with(|entries| entries.get(key).cloned())
    }

    /// Keeps what was read; forgets what is no longer seen.
    pub(super) fn keep(&self, key: &str, seen: &Seen<T>) {
        self.with(|entries| match seen {
            Seen::Present(value) => entries.insert(key.to_owned(), value.clone()),
            Seen::Absent | Seen::Unknown(_) => entries.remove(key),
        });
    }

    pub(super) fn forget(&self, key: &str) {
        self.with(|entries| entries.remove(key));
    }

    fn with<R>(&self, act: impl FnOnce(&mut BTreeMap<String, T>) -> R) -> R {
        act(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

//! Data keys that stay in memory for a while, so that a busy log does not ask the backend for
//! every row, and goes on for that while when the backend is sealed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{SharedClock, TenantId};

use crate::{data_key::DataKey, envelope::Wrapped};

/// How long a key stays. Also the longest time that a destroyed tenant's log can be read by a
/// daemon other than the one that destroyed it.
const KEPT: TimeDelta = TimeDelta::minutes(10);
const MOST: usize = 4096;

/// The place is part of what is looked up: a wrapped key copied to another place is not found.
type Place = (Vec<u8>, Wrapped);
type Until = DateTime<Utc>;

pub(crate) struct Cache {
    clock: SharedClock,
    keys: Mutex<HashMap<Place, (Arc<DataKey>, Until)>>,
}

impl Cache {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            keys: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, context: Vec<u8>, wrapped: &Wrapped) -> Option<Arc<DataKey>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, until) = keys.get(&(context, wrapped.clone()))?;
        (self.clock.now() < *until).then(|| Arc::clone(key))
    }

    pub(crate) fn keep(&self, key: DataKey) -> Arc<DataKey> {
        let key = Arc::new(key);
        let now = self.clock.now();
        let place = (key.context.clone(), key.wrapped.clone());
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MOST {
            keys.retain(|_, (_, until)| now < *until);
        }
        if keys.len() < MOST {
            keys.insert(place, (Arc::clone(&key), now + KEPT));
        }
        key
    }

    pub(crate) fn forget(&self, tenant: TenantId) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, (key, _)| key.tenant != tenant);
    }
}

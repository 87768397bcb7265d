//! What the guard refused, told to the log and counted by purpose.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{error::EgressError, policy::Purpose};

#[derive(Debug, Default)]
pub(crate) struct Refusals {
    counts: [AtomicU64; Purpose::ALL.len()],
}

impl Refusals {
    /// Counts and logs the refusal, where `result` is one: a target that may not be contacted, a text that
    /// names none, a redirect.
    pub(crate) fn watch<T>(
        &self,
        purpose: Purpose,
        result: Result<T, EgressError>,
    ) -> Result<T, EgressError> {
        if let Err(
            error @ (EgressError::Refused { .. }
            | EgressError::Invalid(_)
            | EgressError::Redirected { .. }),
        ) = &result
        {
            if let Some(count) = self.of(purpose) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            let level = if purpose == Purpose::Trial {
                log::Level::Debug
            } else {
                log::Level::Warn
            };
            log::log!(level, REVKEEP_ACTION = "egress_refuse", REVKEEP_PURPOSE = purpose.name(); "a call outside was refused ({}): {error}", purpose.name());
        }
        result
    }

    pub(crate) fn count(&self, purpose: Purpose) -> u64 {
        self.of(purpose)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn of(&self, purpose: Purpose) -> Option<&AtomicU64> {
        let position = Purpose::ALL.iter().position(|one| *one == purpose)?;
        self.counts.get(position)
    }
}

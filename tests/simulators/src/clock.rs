//! The simulator's time: the machine's, moved by the administrator.

use std::sync::atomic::{AtomicI64, Ordering};

use kernel::{Clock, SystemClock};

use crate::wire::ClockCommand;

#[derive(Default)]
pub(crate) struct MovedClock {
    offset_millis: AtomicI64,
}

impl MovedClock {
    pub(crate) fn now(&self) -> i64 {
        real().saturating_add(self.offset_millis.load(Ordering::SeqCst))
    }

    pub(crate) fn command(&self, command: ClockCommand) {
        let offset = match command {
            ClockCommand::Set(millis) => millis.saturating_sub(real()),
            ClockCommand::Advance(millis) => self
                .offset_millis
                .load(Ordering::SeqCst)
                .saturating_add(millis),
            ClockCommand::Real => 0,
        };
        self.offset_millis.store(offset, Ordering::SeqCst);
    }
}

fn real() -> i64 {
    SystemClock.now().timestamp_millis()
}

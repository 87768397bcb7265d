//! Counts the statements that a test's own database is sent by this process, so that a test can say
//! that two paths do the same work.

use std::{
    collections::HashMap,
    sync::{Mutex, Once},
};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

static SENT: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);
static BEGIN: Once = Once::new();

/// One connection's, which knows its database from its own address.
#[derive(Default)]
struct Counter {
    database: String,
}

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                url.clone_into(&mut self.database)
            }
            InstrumentationEvent::StartQuery { .. } => {
                let mut sent = SENT.lock().unwrap();
                *sent
                    .get_or_insert_default()
                    .entry(self.database.clone())
                    .or_default() += 1;
            }
            _ => {}
        }
    }
}

/// Connections that are opened from now on are counted.
pub(crate) fn begin() {
    BEGIN.call_once(|| {
        set_default_instrumentation(|| Some(Box::new(Counter::default()))).unwrap();
    });
}

/// Statements that were sent to the database with this name since then.
pub(crate) fn sent(database: &str) -> u64 {
    let sent = SENT.lock().unwrap();
    let all = sent.iter().flatten();
    all.filter(|(address, _)| address.contains(database))
        .map(|(_, count)| count)
        .sum()
}

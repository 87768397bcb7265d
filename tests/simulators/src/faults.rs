//! What the administrator wants to go wrong.

use regex_lite::Regex;

use crate::{
    call::Call,
    model::id::Id,
    store::refusal::Refusal,
    wire::{Effect, Fault, FaultReport},
};

#[derive(Default)]
pub(crate) struct Faults(Vec<Armed>);

struct Armed {
    fault: Fault,
    path: Option<Regex>,
    seen: u64,
    hits: u64,
}

impl Faults {
    /// # Errors
    /// The path is no regular expression.
    pub(crate) fn add(&mut self, fault: Fault) -> Result<(), String> {
        let path = fault.path.as_deref().map(Regex::new).transpose();
        let path = path.map_err(|error| error.to_string())?;
        self.0.push(Armed {
            fault,
            path,
            seen: 0,
            hits: 0,
        });
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn report(&self) -> Vec<FaultReport> {
        let report = |armed: &Armed| FaultReport {
            fault: armed.fault.clone(),
            hits: armed.hits,
        };
        self.0.iter().map(report).collect()
    }

    /// The effects on a request, in the order in which they were asked for.
    pub(crate) fn on_call(&mut self, call: &Call) -> Vec<Effect> {
        let hit = |armed: &mut Armed| {
            !matches!(armed.fault.effect, Effect::Row { .. })
                && armed.concerns(call)
                && armed.names_record(call)
                && armed.fires()
        };
        self.0
            .iter_mut()
            .filter_map(|armed| hit(armed).then(|| armed.fault.effect.clone()))
            .collect()
    }

    /// Why the write of one record is refused, if it is to be.
    pub(crate) fn on_row(&mut self, call: &Call, id: Id) -> Option<Refusal> {
        self.0.iter_mut().find_map(|armed| {
            let Effect::Row { code, message } = armed.fault.effect.clone() else {
                return None;
            };
            let hit = armed.concerns(call)
                && armed.fault.record.is_none_or(|record| record == id)
                && armed.fires();
            hit.then(|| Refusal {
                status: 400,
                code: code.into(),
                message,
                fields: Vec::new(),
            })
        })
    }
}

impl Armed {
    fn concerns(&self, call: &Call) -> bool {
        self.fault
            .method
            .as_deref()
            .is_none_or(|method| method.eq_ignore_ascii_case(&call.method))
            && self
                .path
                .as_ref()
                .is_none_or(|path| path.is_match(&call.path))
    }

    /// By the 15 characters that both forms of an id share.
    fn names_record(&self, call: &Call) -> bool {
        let Some(record) = self.fault.record else {
            return true;
        };
        let short = record.as_str().get(..15).unwrap_or_default();
        let in_query = call.query.iter().any(|(_, value)| value.contains(short));
        let in_body = || {
            call.body
                .windows(short.len())
                .any(|part| part == short.as_bytes())
        };
        call.path.contains(short) || in_query || in_body()
    }

    fn fires(&mut self) -> bool {
        self.seen = self.seen.saturating_add(1);
        let fires =
            self.seen > self.fault.skip && self.fault.count.is_none_or(|count| self.hits < count);
        if fires {
            self.hits = self.hits.saturating_add(1);
        }
        fires
    }
}

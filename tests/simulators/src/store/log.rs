//! Every write that reached a record, refused ones too, field by field.

use crate::{
    model::{
        id::Id,
        value::{Value, time_text, write_json},
    },
    wire::WriteEntry,
};

/// Who writes, and over which request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author {
    pub(crate) user: Id,
    pub(crate) grant: u64,
    pub(crate) generation: u64,
    pub(crate) request: u64,
}

struct Entry {
    time: i64,
    object: &'static str,
    id: Id,
    field: Box<str>,
    old: Value,
    new: Value,
    author: Author,
    code: Box<str>,
}

#[derive(Default)]
pub(crate) struct WriteLog(Vec<Entry>);

pub(crate) struct Written<'a> {
    pub(crate) object: &'static str,
    pub(crate) id: Id,
    pub(crate) field: &'a str,
    pub(crate) old: Value,
    pub(crate) new: Value,
}

impl WriteLog {
    pub(crate) fn add(&mut self, now: i64, author: Author, code: &str, written: Written<'_>) {
        self.0.push(Entry {
            time: now,
            object: written.object,
            id: written.id,
            field: written.field.into(),
            old: written.old,
            new: written.new,
            author,
            code: code.into(),
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The entries after number `after` (the first is number 1), as JSON lines.
    pub(crate) fn lines_after(&self, after: u64) -> Vec<u8> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let mut out = Vec::new();
        for (entry, seq) in self.0.iter().zip(1_u64..).skip(skip) {
            write_json(&mut out, &entry.report(seq));
            out.push(b'\n');
        }
        out
    }
}

impl Entry {
    fn report(&self, seq: u64) -> WriteEntry {
        WriteEntry {
            seq,
            time: time_text(self.time),
            sobject: self.object.to_owned(),
            id: self.id,
            field: self.field.to_string(),
            old: self.old.to_json(),
            new: self.new.to_json(),
            user: self.author.user,
            grant: self.author.grant,
            generation: self.author.generation,
            request: self.author.request,
            code: self.code.to_string(),
        }
    }
}

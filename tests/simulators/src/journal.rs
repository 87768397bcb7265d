//! Every request, as it came and how it ended. Credentials are left out.

use std::collections::VecDeque;

use actix_web::web::Bytes;

use crate::{
    call::{Call, pairs},
    model::value::{time_text, write_json},
    wire::RequestEntry,
};

/// Requests kept; the oldest is forgotten first.
const KEPT: usize = 20_000;
/// Bytes of a body that are kept.
const BODY_KEPT: usize = 64 * 1024;
const SECRETS: &[&str] = &[
    "client_secret",
    "password",
    "code",
    "code_verifier",
    "refresh_token",
    "token",
    "oauth_token",
    "access_token",
];
const SECRET_HEADERS: &[&str] = &["authorization", "cookie"];

struct Entry {
    seq: u64,
    time: i64,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Bytes,
    form: bool,
    status: u16,
    grant: Option<(u64, u64)>,
}

#[derive(Default)]
pub(crate) struct Journal {
    entries: VecDeque<Entry>,
    count: u64,
}

impl Journal {
    /// Notes a request that just came, and gives it its number. `grant`: number and generation
    /// of the access token that it carries.
    pub(crate) fn begin(&mut self, now: i64, call: &Call, grant: Option<(u64, u64)>) -> u64 {
        self.count = self.count.saturating_add(1);
        let headers = call.headers.iter();
        self.entries.push_back(Entry {
            seq: self.count,
            time: now,
            method: call.method.clone(),
            path: call.path.clone(),
            query: without_secrets(call.query.clone()),
            headers: headers
                .filter(|(name, _)| !SECRET_HEADERS.contains(&name.as_str()))
                .map(|(name, value)| {
                    (
                        name.to_string(),
                        value.to_str().unwrap_or_default().to_owned(),
                    )
                })
                .collect(),
            body: call.body.slice(..call.body.len().min(BODY_KEPT)),
            form: call.is_form(),
            status: 0,
            grant,
        });
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
        self.count
    }

    pub(crate) fn end(&mut self, seq: u64, status: u16) {
        // The entry is among the last few: requests end soon after they begin.
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.seq == seq) {
            entry.status = status;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The requests after number `after`, as JSON lines.
    pub(crate) fn lines_after(&self, after: u64) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.seq > after) {
            write_json(&mut out, &entry.report());
            out.push(b'\n');
        }
        out
    }
}

impl Entry {
    fn report(&self) -> RequestEntry {
        let body = if self.form {
            let fields = without_secrets(pairs(&self.body));
            url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish()
        } else {
            String::from_utf8_lossy(&self.body).into_owned()
        };
        RequestEntry {
            seq: self.seq,
            time: time_text(self.time),
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body,
            status: self.status,
            grant: self.grant.map(|(grant, _)| grant),
            generation: self.grant.map(|(_, generation)| generation),
        }
    }
}

fn without_secrets(mut fields: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in &mut fields {
        if SECRETS.contains(&name.as_str()) {
            "***".clone_into(value);
        }
    }
    fields
}

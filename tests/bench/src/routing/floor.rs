//! The floor: a plain program that does what must be done whoever does it. It fetches the same
//! pages through the same HTTPS client, copies the same rows into the same tables (COPY, one
//! transaction a page, as a superuser whom no row security slows), and writes the owners with the
//! same composite calls of 200, each followed by its audit rows. It decides nothing (owners take
//! turns), checks nothing, keeps no claim, and would not survive a crash.

use std::{
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use diesel::{Connection as _, PgConnection};
use egress::{Egress, EgressConfig, Http, Method, Purpose, Request};
use kernel::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rows::{Lead, Writer, sql};
use crate::usage;

const BATCH: usize = 200;
const MOST_RESPONSE_BYTES: usize = 64 << 20;
const API: &str = "/services/data/v65.0";

/// What the floor is told first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) dsn: String,
    pub(crate) ca_file: PathBuf,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) tenant: Uuid,
    pub(crate) router: Uuid,
    /// Searchable fields: name and id.
    pub(crate) searchable: Vec<(String, Uuid)>,
    pub(crate) rep: Uuid,
    pub(crate) pool: Uuid,
    pub(crate) rule: Uuid,
    /// A reason text as long as those that Revkeep records.
    pub(crate) reasons: String,
    pub(crate) actor: String,
    pub(crate) owners: Vec<String>,
    pub(crate) query: String,
}

/// What a round took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Took {
    pub(crate) records: u32,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_megabytes: f64,
}

/// Reads its set-up from the first line of standard input, then runs one round for each further
/// line and answers a line of JSON.
pub(crate) fn serve() -> Result<()> {
    let mut lines = std::io::stdin().lines();
    let setup: Setup = serde_json::from_str(&lines.next().context("no set-up")??)?;
    // A thread of its own notices between rounds that a connection was closed.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut floor = Floor::new(setup)?;
    for line in lines {
        line?;
        let took = runtime.block_on(floor.round())?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&took)?)?;
        out.flush()?;
    }
    Ok(())
}

struct Floor {
    setup: Setup,
    token: Secret<String>,
    http: Http,
    conn: PgConnection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    done: bool,
    next_records_url: Option<String>,
    records: Vec<Lead>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Update<'a> {
    all_or_none: bool,
    records: Vec<Patch<'a>>,
}

#[derive(Serialize)]
struct Patch<'a> {
    attributes: Attributes,
    id: &'a str,
    #[serde(rename = "OwnerId")]
    owner_id: &'a str,
}

#[derive(Serialize)]
struct Attributes {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Deserialize)]
struct Saved {
    success: bool,
}

impl Floor {
    fn new(setup: Setup) -> Result<Self> {
        let host = setup.url.trim_start_matches("https://");
        let config = EgressConfig {
            private_endpoints: vec![host.parse()?],
            ca_file: Some(setup.ca_file.clone()),
            ..EgressConfig::default()
        };
        Ok(Self {
            token: Secret::new(setup.token.clone()),
            http: Egress::new(config)?.http(Purpose::Salesforce),
            conn: PgConnection::establish(&setup.dsn)?,
            setup,
        })
    }

    async fn round(&mut self) -> Result<Took> {
        let (begun, cpu) = (Instant::now(), usage::cpu_seconds(std::process::id())?);
        let mut written = Vec::new();
        let query = utf8_percent_encode(&self.setup.query, NON_ALPHANUMERIC);
        let mut next = Some(format!("{API}/query?q={query}"));
        while let Some(path) = next {
            let page = self.page(&path).await?;
            next = page.next_records_url.filter(|_| !page.done);
            written.extend(self.store(&page.records)?);
        }
        for batch in written.chunks(BATCH) {
            self.write(batch).await?;
            sql(&mut self.conn, "BEGIN")?;
            Writer::new(&self.setup, &mut self.conn).audit(batch)?;
            sql(&mut self.conn, "COMMIT")?;
        }
        Ok(Took {
            records: u32::try_from(written.len())?,
            seconds: begun.elapsed().as_secs_f64(),
            cpu_seconds: usage::cpu_seconds(std::process::id())? - cpu,
            peak_megabytes: usage::peak_megabytes(std::process::id())?,
        })
    }

    async fn page(&self, path: &str) -> Result<Page> {
        let request = Request::new(Method::Get, format!("{}{path}", self.setup.url))
            .bearer(&self.token)
            .header("accept", "application/json")
            .header("sforce-query-options", "batchSize=2000")
            .timeout(Duration::from_secs(60))
            .most_response_bytes(MOST_RESPONSE_BYTES);
        let answer = self.http.send(request).await?;
        ensure!(answer.is_success(), "query: {}", answer.status);
        Ok(answer.json()?)
    }

    /// One page in one transaction; answers who gets what.
    fn store(&mut self, leads: &[Lead]) -> Result<Vec<Written>> {
        let owners = self.setup.owners.iter().cycle();
        let written: Vec<Written> = leads
            .iter()
            .zip(owners)
            .map(|(lead, owner)| Written {
                assignment: Uuid::now_v7(),
                record: lead.id.clone(),
                owner: owner.clone(),
            })
            .collect();
        sql(&mut self.conn, "BEGIN")?;
        let mut writer = Writer::new(&self.setup, &mut self.conn);
        writer.records(leads)?;
        writer.values(leads)?;
        writer.assignments(leads, &written)?;
        writer.marks(&written)?;
        sql(&mut self.conn, "COMMIT")?;
        Ok(written)
    }

    async fn write(&self, batch: &[Written]) -> Result<()> {
        let patch = batch.iter().map(|written| Patch {
            attributes: Attributes { kind: "Lead" },
            id: &written.record,
            owner_id: &written.owner,
        });
        let records = patch.collect();
        let body = serde_json::to_vec(&Update {
            all_or_none: false,
            records,
        })?;
        let url = format!("{}{API}/composite/sobjects", self.setup.url);
        let request = Request::new(Method::Patch, url)
            .bearer(&self.token)
            .header("accept", "application/json")
            .header("sforce-auto-assign", "false")
            .body("application/json;charset=UTF-8", body)
            .timeout(Duration::from_secs(30));
        let answer = self.http.send(request).await?;
        ensure!(answer.is_success(), "composite update: {}", answer.status);
        let saved: Vec<Saved> = answer.json()?;
        let all = saved.len() == batch.len() && saved.iter().all(|saved| saved.success);
        ensure!(all, "an owner was refused");
        Ok(())
    }
}

/// One record that gets an owner.
pub(crate) struct Written {
    pub(crate) assignment: Uuid,
    pub(crate) record: String,
    pub(crate) owner: String,
}

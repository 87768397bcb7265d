//! An organisation with a daemon, and one round of ours in it.
//!
//! A router that goes on after a pause does not route what came meanwhile (LR-30). So leads are
//! loaded while it is active, in one request, which a query sees whole or not at all; and it is
//! paused as soon as they have their owners, so that nothing of it runs beside the floor.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid},
};
use kernel::Clock as _;
use serde::Deserialize;
use serde_json::{Value, json};
use simulators::Id;
use stack::{
    console::Console,
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    scenario,
    simulator::Place,
    world::World,
};
use uuid::Uuid;

use super::{floor, rows::organisation_leads};
use crate::usage;

/// What the router enrolls, and what the floor takes.
pub(crate) const OURS: &str = "Open - Not Contacted";
pub(crate) const FLOORS: &str = "Working - Contacted";
const DONE: &str = "Closed - Not Converted";
const ROUND_WITHIN: Duration = Duration::from_secs(900);

pub(crate) struct Bed {
    pub(crate) world: World,
    pub(crate) daemon: Daemon,
    pub(crate) console: Console,
    pub(crate) conn: PgConnection,
    pub(crate) tenant: Uuid,
    rounds: u32,
}

/// What a round of ours took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// From when the leads are there, or from the start of the cycle that found them when that is
    /// later, until the last outcome is on record.
    pub(crate) seconds: f64,
    /// The daemon's, from before the leads were there.
    pub(crate) cpu_seconds: f64,
    pub(crate) database_cpu_seconds: f64,
}

#[derive(Deserialize)]
struct Cycle {
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    fetched: u64,
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Nullable<Text>)]
    told: Option<String>,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    settled: i64,
    #[diesel(sql_type = BigInt)]
    assigned: i64,
}

#[derive(QueryableByName)]
struct Sample {
    #[diesel(sql_type = Text)]
    reasons: String,
    #[diesel(sql_type = SqlUuid)]
    router_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    target_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    rep_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    rule_id: Uuid,
}

#[derive(QueryableByName)]
struct Searchable {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = SqlUuid)]
    field_id: Uuid,
}

#[derive(QueryableByName)]
struct Tenant {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
}

impl Bed {
    pub(crate) async fn start() -> Result<Self> {
        let world = World::start_with(Durability::Production, Place::Apart).await?;
        Self::in_world(world, Vec::new()).await
    }

    /// In a world of the caller's, with further `host:port` that the daemon may contact.
    pub(crate) async fn in_world(world: World, endpoints: Vec<String>) -> Result<Self> {
        scenario::populate(&world, 1, 0).await?;
        let daemon = world
            .daemon(DaemonOptions {
                endpoints,
                ..DaemonOptions::default()
            })
            .await?;
        let console = Console::set_up(&daemon).await?;
        scenario::connect(&world, &console).await?;
        scenario::configure(&console, 1).await?;
        scenario::activate(&console).await?;
        let mut conn = PgConnection::establish(&world.dsn("postgres"))?;
        let tenant: Tenant = one(&mut conn, "SELECT tenant_id FROM routers")?;
        Ok(Self {
            world,
            daemon,
            console,
            conn,
            tenant: tenant.tenant_id,
            rounds: 0,
        })
    }

    /// `count` new leads get their owners. The router is active before and paused after.
    pub(crate) async fn round(&mut self, count: u32) -> Result<Took> {
        self.activate().await?;
        let (settled, _) = self.settled()?;
        let leads = self.leads(count, OURS);
        let cpu = usage::cpu_seconds(self.daemon.pid())?;
        let database = self.database_cpu()?;
        let ids = self.world.salesforce.load("Lead", &leads).await?.ids;
        let loaded = kernel::SystemClock.now();
        let (started, finished) = self
            .wait(loaded, settled.saturating_add(i64::from(count)))
            .await?;
        let took = Took {
            seconds: (finished - started.max(loaded)).as_seconds_f64(),
            cpu_seconds: usage::cpu_seconds(self.daemon.pid())? - cpu,
            database_cpu_seconds: self.database_cpu()? - database,
        };
        self.console.post("/routers/Lead/pause", json!({})).await?;
        self.close(&ids).await?;
        let (settled, assigned) = self.settled()?;
        ensure!(
            settled == assigned,
            "some leads failed: {settled} settled, {assigned} assigned"
        );
        Ok(took)
    }

    /// Leads of one status, new in every round.
    pub(crate) fn leads(&mut self, count: u32, status: &str) -> Vec<Value> {
        self.rounds = self.rounds.saturating_add(1);
        organisation_leads(count, self.rounds, status)
    }

    /// Takes leads out of everybody's way.
    pub(crate) async fn close(&self, ids: &[Id]) -> Result<()> {
        let closed: Vec<Value> = ids
            .iter()
            .map(|id| json!({ "Id": id, "Status": DONE }))
            .collect();
        self.world.salesforce.load("Lead", &closed).await?;
        Ok(())
    }

    /// Statistics as autovacuum keeps them in a running installation; here everything happens within
    /// its first minute.
    pub(crate) fn analyse(&mut self) -> Result<()> {
        super::rows::sql(&mut self.conn, "ANALYZE")
    }

    /// How many rows a query has.
    pub(crate) fn rows(&mut self, query: &str) -> Result<usize> {
        #[expect(
            clippy::disallowed_methods,
            reason = "looks into the database that is measured"
        )]
        Ok(diesel::sql_query(query).execute(&mut self.conn)?)
    }

    pub(crate) fn database_cpu(&self) -> Result<f64> {
        usage::database_cpu_seconds(&self.world.postgres.socket_directory().join("data"))
    }

    async fn activate(&self) -> Result<()> {
        let routers = self.console.get("/routers").await?;
        if routers.pointer("/items/0/state") == Some(&json!("active")) {
            return Ok(());
        }
        self.console.post("/routers/Lead/resume", json!({})).await?;
        scenario::until(&self.console, "/routers", |routers| {
            routers.pointer("/items/0/state") == Some(&json!("active"))
        })
        .await
    }

    /// Until `settled` records are; when the first cycle that found some began, and when the last
    /// one ended.
    async fn wait(
        &mut self,
        loaded: DateTime<Utc>,
        settled: i64,
    ) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
        let deadline = Instant::now() + ROUND_WITHIN;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        let (mut begun, mut last) = (None, loaded);
        loop {
            tick.tick().await;
            ensure!(
                Instant::now() < deadline,
                "not routed within {ROUND_WITHIN:?}:\n{}",
                self.daemon.log()
            );
            let Some(cycle) = self.cycle()?.filter(|cycle| cycle.finished_at > last) else {
                continue;
            };
            last = cycle.finished_at;
            if cycle.fetched > 0 {
                begun.get_or_insert(cycle.started_at);
            }
            if self.settled()?.0 >= settled {
                return Ok((begun.context("no cycle fetched them")?, cycle.finished_at));
            }
        }
    }

    fn cycle(&mut self) -> Result<Option<Cycle>> {
        // The floor's tenant has a router too.
        let query = format!(
            "SELECT last_cycle::text AS told FROM routers WHERE tenant_id = '{}'",
            self.tenant
        );
        let told: Told = one(&mut self.conn, &query)?;
        Ok(told
            .told
            .map(|text| serde_json::from_str(&text))
            .transpose()?)
    }

    /// Ours that are through, and of them those that got an owner.
    fn settled(&mut self) -> Result<(i64, i64)> {
        let query = format!(
            "SELECT count(*) AS settled, count(*) FILTER (WHERE state = 'assigned') AS assigned \
             FROM routing_records WHERE tenant_id = '{}' AND state IN ('assigned', 'failed', 'given_up')",
            self.tenant
        );
        let counted: Counted = one(&mut self.conn, &query)?;
        Ok((counted.settled, counted.assigned))
    }

    /// What the floor has to know: its own tenant, with the rows that others refer to, and a
    /// recorded reason of middling length.
    pub(crate) async fn floor_setup(&mut self) -> Result<floor::Setup> {
        let sample: Sample = one(
            &mut self.conn,
            "SELECT reasons::text AS reasons, router_id, target_id, rep_id, rule_id FROM assignments \
             WHERE rep_id IS NOT NULL AND rule_id IS NOT NULL ORDER BY length(reasons::text) \
             OFFSET (SELECT count(*) / 2 FROM assignments WHERE rep_id IS NOT NULL AND rule_id IS NOT NULL) LIMIT 1",
        )?;
        let tenant = Uuid::now_v7();
        let (ours, router) = (self.tenant, sample.router_id);
        for copy in [
            format!(
                "INSERT INTO routers (tenant_id, router_id, object, enrollment, canonical, created_at, updated_at) \
                 SELECT '{tenant}', router_id, 'Contact', enrollment, canonical, now(), now() FROM routers WHERE router_id = '{router}'"
            ),
            format!(
                "INSERT INTO layer_fields (tenant_id, field_id, object, name, label, data_type, data_class, reason, searchable, required, added_at) \
                 SELECT '{tenant}', field_id, object, name, label, data_type, data_class, reason, searchable, required, added_at \
                 FROM layer_fields WHERE tenant_id = '{ours}'"
            ),
        ] {
            super::rows::sql(&mut self.conn, &copy)?;
        }
        let searchable: Vec<Searchable> = all(
            &mut self.conn,
            &format!(
                "SELECT name, field_id FROM layer_fields WHERE searchable AND tenant_id = '{ours}'"
            ),
        )?;
        let granted = self.grant().await?;
        Ok(floor::Setup {
            dsn: self.world.dsn("postgres"),
            ca_file: self.world.ca_file.clone(),
            url: self.world.simulator.url.clone(),
            token: granted,
            tenant,
            router,
            searchable: searchable
                .into_iter()
                .map(|row| (row.name, row.field_id))
                .collect(),
            rep: sample.rep_id,
            pool: sample.target_id,
            rule: sample.rule_id,
            reasons: sample.reasons,
            actor: Uuid::now_v7().to_string(),
            owners: self.owners().await?,
            query: query(),
        })
    }

    async fn grant(&self) -> Result<String> {
        let command = simulators::wire::GrantCommand {
            username: simulators::USERNAME.to_owned(),
            client_id: simulators::CLIENT_ID.to_owned(),
            scope: "api refresh_token".to_owned(),
        };
        Ok(self.world.salesforce.grant(&command).await?.access_token)
    }

    async fn owners(&self) -> Result<Vec<String>> {
        let reps = self.console.all("/reps").await?;
        let id = |rep: &Value| Some(rep.get("salesforce_user_id")?.as_str()?.to_owned());
        let active = |rep: &&Value| rep.get("active") == Some(&Value::Bool(true));
        Ok(reps.iter().filter(active).filter_map(id).collect())
    }
}

/// What the router asks, for the floor's leads.
fn query() -> String {
    format!(
        "SELECT Id, OwnerId, CreatedDate, SystemModstamp, Company, Country, Industry, LeadSource, \
         NumberOfEmployees, Rating FROM Lead WHERE Status = '{FLOORS}' AND IsConverted = false \
         AND SystemModstamp >= 1970-01-01T00:00:00Z ORDER BY SystemModstamp, Id"
    )
}

fn all<T>(conn: &mut PgConnection, query: &str) -> Result<Vec<T>>
where
    T: QueryableByName<diesel::pg::Pg> + 'static,
{
    #[expect(
        clippy::disallowed_methods,
        reason = "looks into the database that is measured"
    )]
    Ok(diesel::sql_query(query).load(conn)?)
}

fn one<T>(conn: &mut PgConnection, query: &str) -> Result<T>
where
    T: QueryableByName<diesel::pg::Pg> + 'static,
{
    all(conn, query)?
        .pop()
        .with_context(|| format!("no row: {query}"))
}

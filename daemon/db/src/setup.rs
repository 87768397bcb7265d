//! Set-up and migrations: the one part that runs as another role than the daemon's. Used by
//! `revkeep setup` and `revkeep migrate`, and by the test stack.

use chrono::{DateTime, Utc};
use diesel::{
    Connection, ExpressionMethods, PgConnection, QueryDsl, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    insert_into, sql_query,
    sql_types::{Text, Timestamptz},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{config::DbConfig, context::ContextKey, error::DbError, plan::schema_versions};

pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");
const ROLES: &str = include_str!("../sql/roles.sql");
const DATABASE: &str = include_str!("../sql/database.sql");

diesel::table! {
    /// Not in `schema`: no runtime role may read it.
    context_keys (id) {
        id -> SmallInt,
        inner_pad -> Bytea,
        outer_pad -> Bytea,
    }
}

diesel::define_sql_function!(fn pg_is_in_recovery() -> diesel::sql_types::Bool);

diesel::table! {
    pg_database (datname) {
        datname -> Text,
    }
}

#[derive(QueryableByName)]
struct Partition {
    #[diesel(sql_type = Text)]
    name: String,
}

/// A connection with the rights of whoever opened it, for set-up alone.
pub struct Setup {
    pub(crate) conn: PgConnection,
}

/// The newest migration that this program brings: the version of the schema.
pub fn schema_version() -> String {
    schema_versions().pop().unwrap_or_default()
}

impl Setup {
    /// As `user` (a superuser for roles and databases, `revkeep_owner` for migrations and the key)
    /// on the configured server.
    ///
    /// Of several servers each is asked by itself: libpq goes no further than one that refuses, and a
    /// standby refuses a database that it has not copied yet.
    pub fn open(config: &DbConfig, user: &str, database: &str) -> Result<Self, DbError> {
        let mut refusals = Vec::new();
        for server in config.servers() {
            match Self::connect(&config.dsn_of_primary(&[server], user, database)?) {
                Ok(setup) => return Ok(setup),
                Err(refusal) => refusals.push(refusal),
            }
        }
        let told = refusals
            .iter()
            .position(|refusal| matches!(refusal, DbError::Unreachable(_)))
            .unwrap_or(0);
        Err(refusals.drain(..).nth(told).unwrap_or(DbError::Cut))
    }

    /// As [`Setup::open`], by a libpq connection string.
    pub fn connect(dsn: &str) -> Result<Self, DbError> {
        let conn = PgConnection::establish(dsn).map_err(|error| {
            // libpq's word for a server that `target_session_attrs` does not take.
            if error.to_string().contains("session is read-only") {
                return standby();
            }
            DbError::Unreachable(Box::new(error))
        })?;
        Ok(Self { conn })
    }

    /// The SQL that [`Setup::make_roles`] runs, for a DBA who would rather run it.
    pub fn roles_sql() -> &'static str {
        ROLES
    }

    /// The SQL that [`Setup::grant_database`] runs.
    pub fn database_sql(database: &str) -> String {
        DATABASE.replace("{database}", &quote_identifier(database))
    }

    /// Makes the database roles. Needs a superuser; idempotent.
    pub fn make_roles(&mut self) -> Result<(), DbError> {
        self.execute(ROLES)
    }

    /// Makes a database owned by `revkeep_owner`, from a template where one is given.
    pub fn make_database(&mut self, database: &str, template: Option<&str>) -> Result<(), DbError> {
        let template = template
            .map(|name| format!(" TEMPLATE {}", quote_identifier(name)))
            .unwrap_or_default();
        self.execute(&format!(
            "CREATE DATABASE {} OWNER revkeep_owner{template}",
            quote_identifier(database)
        ))
    }

    pub fn has_database(&mut self, database: &str) -> Result<bool, DbError> {
        let found: i64 = pg_database::table
            .filter(pg_database::datname.eq(database))
            .count()
            .get_result(&mut self.conn)?;
        Ok(found > 0)
    }

    pub fn drop_database(&mut self, database: &str) -> Result<(), DbError> {
        self.execute(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            quote_identifier(database)
        ))
    }

    /// Rights on a database: a template's are not copied to its clones.
    pub fn grant_database(&mut self, database: &str) -> Result<(), DbError> {
        self.execute(&Self::database_sql(database))
    }

    /// Runs what is missing of the migrations, as `revkeep_owner` and on the primary alone; answers their names.
    /// Each runs whole or not at all, and one that waits long for a lock gives up, because others queue behind it.
    pub fn migrate(&mut self) -> Result<Vec<String>, DbError> {
        if diesel::select(pg_is_in_recovery()).get_result(&mut self.conn)? {
            return Err(standby());
        }
        self.refuse_newer()?;
        self.execute("SET lock_timeout = '10s'")?;
        let run = self
            .conn
            .run_pending_migrations(MIGRATIONS)
            .map_err(|error| DbError::Setup(error.to_string()))?;
        Ok(run.iter().map(ToString::to_string).collect())
    }

    /// Stores the key of the tenant context, as `revkeep_owner`.
    pub fn store_context_key(&mut self, key: &ContextKey) -> Result<(), DbError> {
        let (inner, outer) = key.pads();
        let values = (
            context_keys::inner_pad.eq(inner.expose()),
            context_keys::outer_pad.eq(outer.expose()),
        );
        insert_into(context_keys::table)
            .values((context_keys::id.eq(1), values))
            .on_conflict(context_keys::id)
            .do_update()
            .set(values)
            .execute(&mut self.conn)?;
        Ok(())
    }

    /// Drops the partitions of the audit log whose rows are all older than `before`, as
    /// `revkeep_owner`; answers their names. A signed head must have said so first.
    pub fn audit_prune(&mut self, before: DateTime<Utc>) -> Result<Vec<String>, DbError> {
        #[expect(clippy::disallowed_methods, reason = "the catalogue of partitions")]
        let old: Vec<Partition> = sql_query(
            "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
             WHERE i.inhparent = 'public.audit_log'::regclass \
               AND substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''(.+)''\\)')::timestamptz <= $1 ORDER BY 1",
        )
        .bind::<Timestamptz, _>(before)
        .load(&mut self.conn)?;
        for partition in &old {
            self.execute(&format!(
                "DROP TABLE public.{}",
                quote_identifier(&partition.name)
            ))?;
        }
        Ok(old.into_iter().map(|partition| partition.name).collect())
    }

    pub(crate) fn execute(&mut self, sql: &str) -> Result<(), DbError> {
        #[expect(clippy::disallowed_methods, reason = "set-up runs what stands in sql/")]
        self.conn.batch_execute(sql).map_err(DbError::from)
    }
}

fn standby() -> DbError {
    DbError::Setup(
        "this server is a standby or takes no writes; set-up and migrations run on the primary, so let database.host name every server".to_owned(),
    )
}

pub(crate) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

//! Several servers of the database behind several daemons: connections to a server that is gone or
//! takes no writes are given up together, a commit whose answer was lost is in doubt, and migrations
//! refuse a standby.

mod commits;

use db::{Db, DbConfig, DbError, Standing, Unit, setup::Setup};
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use kernel::{Classified, ErrorKind, Principal};
use stack::{
    database::{self, Cluster},
    postgres::{Durability, Postgres},
};

use crate::{
    harness::{Bed, column, connect, open},
    live::until,
};

/// Two servers, the second a hot standby of the first, and a database on them.
struct Pair {
    cluster: Cluster,
    standby: Postgres,
    database: database::Database,
}

impl Pair {
    fn start() -> Self {
        let cluster = Cluster::start(Durability::Tests).unwrap();
        let database = cluster.database().unwrap();
        let standby = Postgres::standby_of(&cluster.postgres).unwrap();
        Self {
            cluster,
            standby,
            database,
        }
    }

    fn config(&self) -> DbConfig {
        DbConfig {
            host: format!(
                "{},{}",
                self.cluster.postgres.socket_directory().display(),
                self.standby.socket_directory().display()
            ),
            ..self.database.config()
        }
    }

    fn on_standby(&self, sql: &str) -> Vec<String> {
        use diesel::Connection;
        let dsn = self.standby.dsn("postgres", &self.database.name);
        column(&mut diesel::PgConnection::establish(&dsn).unwrap(), sql)
    }

    fn order_standby(&self, sql: &str) {
        use diesel::Connection;
        let dsn = self.standby.dsn("postgres", &self.database.name);
        diesel::PgConnection::establish(&dsn)
            .unwrap()
            .batch_execute(sql)
            .unwrap();
    }
}

/// A lease of this name is written.
async fn write(db: &Db, who: &Principal, name: &'static str) -> Result<(), jobs::JobsError> {
    db.run(who, move |tx| {
        jobs::lease_acquire(tx, name, "test", chrono::TimeDelta::hours(1)).map(|_| ())
    })
    .await
}

/// As many connections as the pool holds, all at once.
async fn fill(db: &Db, who: &Principal, connections: u32) {
    let all = join_all((0..connections).map(|_| {
        db.run(who, |tx| {
            tx.conn().batch_execute("SELECT pg_sleep(0.2)")?;
            Ok::<_, DbError>(())
        })
    }));
    assert!(all.await.into_iter().all(|done| done.is_ok()));
}

fn standings(config: &DbConfig) -> Vec<Standing> {
    db::servers(config)
        .into_iter()
        .map(|server| server.standing)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_primary_dies_the_pool_goes_over_to_the_promoted_standby_and_nobody_is_told() {
    let mut pair = Pair::start();
    let config = pair.config();
    let db = open(&config, std::sync::Arc::new(kernel::SystemClock));
    let who = Principal::system(kernel::TenantId::PLATFORM, None);
    fill(&db, &who, config.app_connections).await;
    write(&db, &who, "before").await.unwrap();
    assert_eq!(
        standings(&config),
        [Standing::Primary, Standing::Standby],
        "two servers, and one of them takes writes"
    );
    refuse_migrations(&pair);

    until("the standby lags", async || {
        let leases = pair.on_standby("SELECT name FROM leases");
        if leases == ["before"] {
            Ok(())
        } else {
            Err(format!("{leases:?}"))
        }
    })
    .await;
    pair.cluster.postgres.stop().unwrap();
    pair.standby.promote().unwrap();
    // Every pooled connection leads to the dead one, and the caller hears nothing of it.
    write(&db, &who, "after").await.unwrap();
    let leases = pair.on_standby("SELECT name FROM leases ORDER BY name");
    assert_eq!(leases, ["after", "before"]);
    assert!(
        matches!(
            standings(&config)[..],
            [Standing::Away(_), Standing::Primary]
        ),
        "{:?}",
        standings(&config)
    );
    fence(&pair, &db, &who, &config).await;
}

/// A server that was told to take no writes any more: pooled connections to it are of no use, and what
/// was to be written waits for another, rather than failing for good.
async fn fence(pair: &Pair, db: &Db, who: &Principal, config: &DbConfig) {
    fill(db, who, config.app_connections).await;
    let old = pair
        .on_standby("SELECT pid FROM pg_stat_activity WHERE usename = 'revkeep_app' ORDER BY pid");
    pair.order_standby("ALTER SYSTEM SET default_transaction_read_only = on");
    pair.order_standby("SELECT pg_reload_conf()");
    until("the fence is up", async || {
        match pair.on_standby("SELECT current_setting('default_transaction_read_only')") {
            on if on == ["on"] => Ok(()),
            off => Err(format!("{off:?}")),
        }
    })
    .await;
    let refused = write(db, who, "fenced").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused:?}");
    assert_eq!(refused.code(), "database_unreachable");
    pair.order_standby("ALTER SYSTEM RESET default_transaction_read_only");
    pair.order_standby("SELECT pg_reload_conf()");
    until("the fence is down", async || {
        write(db, who, "unfenced")
            .await
            .map_err(|error| format!("{error:?}"))
    })
    .await;
    fill(db, who, config.app_connections).await;
    let new = pair
        .on_standby("SELECT pid FROM pg_stat_activity WHERE usename = 'revkeep_app' ORDER BY pid");
    let kept: Vec<_> = old.iter().filter(|pid| new.contains(pid)).collect();
    assert!(kept.is_empty(), "of {old:?} {kept:?} were used again");
    let leases = pair.on_standby("SELECT name FROM leases ORDER BY name");
    assert_eq!(leases, ["after", "before", "unfenced"]);
}

fn refuse_migrations(pair: &Pair) {
    let name = &pair.database.name;
    let dsn = pair.standby.dsn("revkeep_owner", name);
    let refused = Setup::connect(&dsn).unwrap().migrate().unwrap_err();
    assert!(refused.to_string().contains("is a standby"), "{refused}");
    let alone = DbConfig {
        host: pair.standby.socket_directory().display().to_string(),
        ..pair.config()
    };
    let refused = Setup::open(&alone, "revkeep_owner", name).err().unwrap();
    assert!(refused.to_string().contains("is a standby"), "{refused}");
    let done = Setup::open(&pair.config(), "revkeep_owner", name)
        .unwrap()
        .migrate();
    assert_eq!(done.unwrap(), Vec::<String>::new(), "the primary is found");
}

#[tokio::test]
async fn a_write_that_a_fenced_server_refuses_in_the_middle_is_one_to_try_again() {
    let bed = Bed::new();
    let who = bed.tenant();
    let refused = bed
        .db
        .run(&who, |tx| {
            tx.conn()
                .batch_execute("SET TRANSACTION READ ONLY")
                .map_err(DbError::from)?;
            jobs::lease_acquire(tx, "late", "test", chrono::TimeDelta::hours(1))
        })
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused:?}");
    let leases = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT name FROM leases",
    );
    assert_eq!(leases, Vec::<String>::new());
}

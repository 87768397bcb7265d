//! What a test stands on: a database of its own, the door to it, a clock that it moves, and a vault.

use std::sync::Arc;

use db::{Db, DbConfig};
use diesel::{Connection, PgConnection, RunQueryDsl, connection::SimpleConnection, sql_query};
use kernel::{Clock, ManualClock, Principal, SharedClock, TenantId, UserId};
use stack::database::{self, Database};
use vault::{Choice, Config, LocalConfig, PrivateFile, Vault};

/// Everything that most tests need.
pub(crate) struct Bed {
    pub(crate) database: Database,
    pub(crate) db: Db,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) vault: Vault,
    keystore_directory: tempfile::TempDir,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let database = database::shared().unwrap().database().unwrap();
        let clock = Arc::new(ManualClock::at(chrono_now()));
        let shared: SharedClock = Arc::clone(&clock) as SharedClock;
        let keystore = tempfile::tempdir().unwrap();
        let vault = local_vault(&keystore, Arc::clone(&shared));
        let db = open(&database.config(), shared);
        db.set_audit_keyring(Arc::new(audit::Keyring::new(db.clone(), vault.clone())));
        Self {
            database,
            db,
            clock,
            vault,
            keystore_directory: keystore,
        }
    }

    /// Takes the keystore away, as a sealed backend is; what is in memory stays there.
    pub(crate) fn seal_vault(&self) {
        let keystore = self.keystore_directory.path().join("keystore");
        std::fs::rename(&keystore, keystore.with_extension("away")).unwrap();
    }

    pub(crate) fn unseal_vault(&self) {
        let keystore = self.keystore_directory.path().join("keystore");
        std::fs::rename(keystore.with_extension("away"), &keystore).unwrap();
    }

    /// The daemon in a new tenant that has a row in `tenants`.
    pub(crate) fn tenant(&self) -> Principal {
        let tenant = TenantId::from_uuid(kernel::id::uuid_at(&kernel::SystemClock));
        self.owner(&format!(
            "INSERT INTO tenants (tenant_id, name) VALUES ('{}', 'Test')",
            tenant.uuid()
        ));
        Principal::system(tenant, None)
    }

    /// Runs statements as the owner of the schema, whose policies let it see everything.
    pub(crate) fn owner(&self, sql: &str) {
        connect(&self.database, "revkeep_owner")
            .batch_execute(sql)
            .unwrap();
    }

    /// A tenant with one row in every tenant and person table, and its person.
    pub(crate) fn seeded(&self) -> (TenantId, UserId) {
        let (tenant, user) = (
            kernel::id::uuid_at(&kernel::SystemClock),
            kernel::id::uuid_at(&kernel::SystemClock),
        );
        let sql = include_str!("../seed.sql")
            .replace("{t}", &tenant.to_string())
            .replace("{u}", &user.to_string())
            .replace("{h}", &user.as_simple().to_string())
            .replace("{{", "{")
            .replace("}}", "}");
        self.owner(&sql);
        (TenantId::from_uuid(tenant), UserId::from_uuid(user))
    }
}

/// An administrator on the machine, as the admin socket names one.
pub(crate) fn local() -> kernel::Actor {
    kernel::Actor::Local {
        os_user: "root".to_owned(),
    }
}

/// Opens the door to a database of the shared cluster.
pub(crate) fn open(config: &DbConfig, clock: SharedClock) -> Db {
    let db = Db::new(config, clock).unwrap();
    db.unlock(database::context_key());
    db
}

/// A naked connection as a database role: what an attacker with an SQL injection would have.
pub(crate) fn connect(database: &Database, role: &str) -> PgConnection {
    PgConnection::establish(&database.dsn(role)).unwrap()
}

/// The first column of each row, as text.
pub(crate) fn column(conn: &mut PgConnection, sql: &str) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
        text: Option<String>,
    }
    sql_query(format!(
        "SELECT ({sql_alias})::text AS text FROM ({sql}) AS q({sql_alias})",
        sql_alias = "v"
    ))
    .load::<Row>(conn)
    .unwrap_or_else(|error| panic!("{sql}: {error}"))
    .into_iter()
    .map(|row| row.text.unwrap_or_default())
    .collect()
}

fn local_vault(directory: &tempfile::TempDir, clock: SharedClock) -> Vault {
    use std::os::unix::fs::PermissionsExt;
    let key = directory.path().join("key");
    std::fs::write(&key, [7_u8; 32]).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let local = LocalConfig {
        key: PrivateFile::File(key),
        keystore: directory.path().join("keystore"),
    };
    vault::create_keystore(&local).unwrap();
    Vault::new(
        Config {
            backend: Choice::Local,
            vault: None,
            local: Some(local),
        },
        clock,
    )
    .unwrap()
}

/// Tests start at the machine's time, because partitions are made around it.
fn chrono_now() -> i64 {
    kernel::SystemClock.now().timestamp()
}

//! Reads a table in pages, in the order of its key, as JSON lines. Names of tables and columns come from the
//! catalogue of the database; whose rows they are is row security's to decide, besides the condition.

use db::{AuthScope, Db, Unit};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Bytea, Nullable, Text, Uuid as SqlUuid},
};
use kernel::Principal;

use crate::{
    error::CustodyError,
    registry::{Door, Table},
};

/// Rows of one page.
const PAGE: i64 = 500;

/// One row: what goes out as it is, its place in the order, and what is still to be opened.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = Text)]
    pub(crate) line: String,
    #[diesel(sql_type = Array<Text>)]
    pub(crate) place: Vec<String>,
    #[diesel(sql_type = Array<Nullable<Bytea>>)]
    pub(crate) sealed: Vec<Option<Vec<u8>>>,
}

/// Some rows, and whether there may be more.
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) more: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The page that follows the row at `after`.
pub(crate) async fn page(
    db: &Db,
    who: &Principal,
    table: &Table,
    after: Option<Vec<String>>,
) -> Result<Page, CustodyError> {
    let statement = statement(table, after.is_some());
    let rows = match table.door {
        Door::App => {
            db.run_unsealed(who, move |tx| rows(tx, &statement, after))
                .await?
        }
        Door::Auth => {
            let scope = AuthScope {
                tenant: Some(who.tenant),
                user: None,
            };
            db.auth(scope, move |tx| rows(tx, &statement, after))
                .await?
        }
    };
    let full = i64::try_from(rows.len()).is_ok_and(|read| read == PAGE);
    Ok(Page {
        rows,
        more: full && !table.key.is_empty(),
    })
}

/// How many rows the tenant has in it.
pub(crate) async fn count(db: &Db, who: &Principal, table: &Table) -> Result<i64, CustodyError> {
    let statement = format!(
        "SELECT count(*) AS n FROM public.{} WHERE tenant_id = $1",
        quoted(&table.name)
    );
    match table.door {
        Door::App => {
            db.run_unsealed(who, move |tx| counted(tx, &statement))
                .await
        }
        Door::Auth => {
            let scope = AuthScope {
                tenant: Some(who.tenant),
                user: None,
            };
            db.auth(scope, move |tx| counted(tx, &statement)).await
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a table that is known by the catalogue alone"
)]
fn counted<U: Unit>(tx: &mut U, statement: &str) -> Result<i64, CustodyError> {
    let tenant = tx.tenant().uuid();
    let count: Count = sql_query(statement)
        .bind::<SqlUuid, _>(tenant)
        .get_result(tx.conn())?;
    Ok(count.n)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a table that is known by the catalogue alone"
)]
fn rows<U: Unit>(
    tx: &mut U,
    statement: &str,
    after: Option<Vec<String>>,
) -> Result<Vec<Row>, CustodyError> {
    let tenant = tx.tenant().uuid();
    Ok(sql_query(statement)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<Text>, _>(after.unwrap_or_default())
        .load(tx.conn())?)
}

/// The columns that are needed, in the order of the key, after the place in `$2`.
fn statement(table: &Table, goes_on: bool) -> String {
    let keys: Vec<String> = table.key.iter().map(|(name, _)| quoted(name)).collect();
    let mut needed: Vec<String> = table.clear.iter().map(|name| quoted(name)).collect();
    needed.extend(table.sealed.iter().map(|name| quoted(name)));
    needed.extend(keys.iter().cloned());
    needed.sort_unstable();
    needed.dedup();
    let clear: Vec<String> = table.clear.iter().map(|name| of_row(name)).collect();
    let sealed: Vec<String> = table.sealed.iter().map(|name| of_row(name)).collect();
    let place: Vec<String> = table
        .key
        .iter()
        .map(|(name, _)| format!("{}::text", of_row(name)))
        .collect();
    let (order, after) = if keys.is_empty() {
        (String::new(), String::new())
    } else {
        let bounds = table.key.iter().enumerate();
        let bounds: Vec<String> = bounds
            .map(|(at, (_, kind))| format!("($2::text[])[{}]::{kind}", at + 1))
            .collect();
        (
            format!(" ORDER BY {}", keys.join(", ")),
            format!(" AND ({}) > ({})", keys.join(", "), bounds.join(", ")),
        )
    };
    let after = if goes_on {
        after
    } else {
        " AND $2::text[] IS NOT NULL".to_owned()
    };
    format!(
        "SELECT row_to_json(r)::text AS line, ARRAY[{}]::text[] AS place, ARRAY[{}]::bytea[] AS sealed \
         FROM (SELECT {} FROM public.{} WHERE tenant_id = $1{after}{order} LIMIT {PAGE}) x, LATERAL (SELECT {}) r",
        place.join(", "),
        sealed.join(", "),
        needed.join(", "),
        quoted(&table.name),
        clear.join(", "),
    )
}

fn of_row(name: &str) -> String {
    format!("x.{}", quoted(name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

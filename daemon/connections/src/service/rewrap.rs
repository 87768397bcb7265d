//! Moves the secrets of connections to the newest version of the tenant's key (OB-07).

use db::TenantTx;
use kernel::Principal;
use uuid::Uuid;
use vault::RewrapPage;

use super::Connections;
use crate::{
    error::ConnectionError,
    seal::{Seals, Token},
    store::{self, Row, SealedColumns},
};

/// Rows of one page.
const PAGE: i64 = 50;

impl Connections {
    /// The page of the tenant's connections that follows `last`, each with up to three sealed values.
    pub async fn connection_rewrap(
        &self,
        who: &Principal,
        last: Option<Uuid>,
        newest: u32,
    ) -> Result<RewrapPage, ConnectionError> {
        let rows = self
            .db
            .run_unsealed(who, move |tx| store::rows_after(tx, last, PAGE))
            .await?;
        let full = i64::try_from(rows.len()).is_ok_and(|read| read == PAGE);
        let mut done = RewrapPage {
            next: rows.last().map(|row| row.id().uuid()).filter(|_| full),
            ..RewrapPage::default()
        };
        for row in rows {
            self.row_rewrap(who, row, newest, &mut done).await?;
        }
        Ok(done)
    }

    async fn row_rewrap(
        &self,
        who: &Principal,
        row: Row,
        newest: u32,
        done: &mut RewrapPage,
    ) -> Result<(), ConnectionError> {
        let (seals, id) = (self.seals_of(who, &row.provider), row.id());
        let secret = match &row.consumer_secret_sealed {
            Some(stored) => seals.rewrap_consumer_secret(id, stored, newest).await?,
            None => None,
        };
        let access = match &row.access_sealed {
            Some(stored) => {
                seals
                    .rewrap_token(id, Token::Access, stored, newest)
                    .await?
            }
            None => None,
        };
        let refresh = match &row.refresh_sealed {
            Some(stored) => {
                seals
                    .rewrap_token(id, Token::Refresh, stored, newest)
                    .await?
            }
            None => None,
        };
        let there = [
            (row.consumer_secret_sealed.is_some(), secret.is_some()),
            (row.access_sealed.is_some(), access.is_some()),
            (row.refresh_sealed.is_some(), refresh.is_some()),
        ];
        let older = there.iter().any(|(_, older)| *older);
        let rewrapped = SealedColumns {
            secret,
            access,
            refresh,
        };
        let moved = older
            && self
                .db
                .run_unsealed(who, move |tx| store::rewrapped_store(tx, &row, rewrapped))
                .await?;
        for (_, older) in there.iter().filter(|(there, _)| *there) {
            done.count(*older && moved);
        }
        Ok(())
    }

    /// The page of the tenant's grants that the provider is still to end.
    pub async fn ending_rewrap(
        &self,
        who: &Principal,
        last: Option<Uuid>,
        newest: u32,
    ) -> Result<RewrapPage, ConnectionError> {
        let endings = self
            .db
            .run_unsealed(who, move |tx| store::endings_after(tx, last, PAGE))
            .await?;
        let full = i64::try_from(endings.len()).is_ok_and(|read| read == PAGE);
        let mut done = RewrapPage {
            next: endings
                .last()
                .map(|ending| ending.ending_id)
                .filter(|_| full),
            ..RewrapPage::default()
        };
        for ending in endings {
            let seals = self.seals_of(who, &ending.provider);
            let fresh = seals
                .rewrap_token(
                    ending.connection(),
                    Token::Refresh,
                    &ending.token_sealed,
                    newest,
                )
                .await?;
            let Some(fresh) = fresh else {
                done.count(false);
                continue;
            };
            let moved = self
                .db
                .run_unsealed(who, move |tx: &mut TenantTx<'_>| {
                    store::ending_rewrapped(tx, &ending, fresh)
                })
                .await?;
            done.count(moved);
        }
        Ok(done)
    }

    fn seals_of<'s>(&'s self, who: &Principal, provider: &'s str) -> Seals<'s> {
        Seals {
            vault: &self.vault,
            tenant: who.tenant,
            provider,
        }
    }
}

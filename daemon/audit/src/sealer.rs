//! The sealer: gives rows that have none their position, grows the tree over them, and signs its head.
//! It reads what has been committed and writes beside it, so no write ever waits for it. One sealer works
//! at a time; a late one is told apart by the fence of its lease and stores nothing.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use db::{Db, DbError, NewHead, StoredHead, UnsealedRow};
use kernel::{Classified, ErrorKind};
use vault::{PublicKey, Vault, VaultError};

use crate::{
    head::{Head, SIGNING_KEY, Statement},
    tree::{Frontier, Hash, leaf_hash},
};

/// The name of the lease, in the reserved tenant `platform`.
pub const LEASE: &str = "audit.seal";
/// Rows under one head at most.
const BATCH: i32 = 5_000;
/// A head is made this often even when nothing happened: that, too, is then on record.
const QUIET: TimeDelta = TimeDelta::hours(1);
/// Of the rows that wait, as many are counted.
const COUNTED: i32 = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the audit log could not be read or sealed")]
    Db(#[from] DbError),
    #[error("the head could not be signed")]
    Vault(#[from] VaultError),
    #[error("another sealer holds the lease now")]
    Superseded,
    #[error("rows of that time are not sealed yet")]
    Waiting,
    /// Sealing on top would hide it.
    #[error("the last head is not as it was signed: {0}; `revkeep audit verify` says more")]
    Tampered(&'static str),
}

impl Classified for SealError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Superseded | Self::Waiting => ErrorKind::Conflict,
            Self::Tampered(_) => ErrorKind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Superseded => "audit_seal_superseded",
            Self::Waiting => "audit_not_sealed",
            Self::Tampered(_) => "audit_head_tampered",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::Vault(error) => error.message(),
            Self::Superseded | Self::Waiting | Self::Tampered(_) => self.to_string(),
        }
    }
}

/// A head that was stored.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub head: Head,
    /// Rows that it added.
    pub rows: usize,
}

/// How far sealing is.
#[derive(Clone, Debug)]
pub struct Standing {
    pub head: Option<Head>,
    /// Rows that have no position yet; counted up to ten thousand.
    pub waiting: usize,
    /// When the oldest of them was written.
    pub waiting_since: Option<DateTime<Utc>>,
}

#[derive(Clone)]
pub struct Sealer {
    db: Db,
    vault: Vault,
}

/// Where the sealer goes on.
struct Place {
    /// The last head with its tree; `None` before the first.
    last: Option<Head>,
    tree: Frontier,
    cluster: String,
    /// First transaction that may still run.
    horizon: u64,
    /// While everything is looked at, whatever the number of its transaction: where that goes on, and
    /// the mark that counts once it is done.
    opening: Option<(u64, u64)>,
}

impl Place {
    fn new(stored: Option<&StoredHead>, cluster: String, horizon: u64) -> Result<Self, SealError> {
        let Some(stored) = stored else {
            return Ok(Self {
                last: None,
                tree: Frontier::default(),
                cluster,
                horizon,
                opening: Some((0, horizon)),
            });
        };
        let head = Head::stored(stored).ok_or(SealError::Tampered("it cannot be read"))?;
        if !head.signature_holds() {
            return Err(SealError::Tampered("its signature is not over it"));
        }
        let tree = Frontier::from_bytes(head.statement.size, &stored.frontier)
            .filter(|tree| tree.root() == head.statement.root)
            .ok_or(SealError::Tampered("its tree has another root"))?;
        let stated = &head.statement;
        // Another cluster, or one that was put back: numbers of transactions begin anew below those of
        // rows that are here already.
        let opening = if stated.cluster != cluster || horizon < stated.mark {
            Some((0, horizon))
        } else {
            stated.cursor.map(|cursor| (cursor, stated.mark))
        };
        Ok(Self {
            last: Some(head),
            tree,
            cluster,
            horizon,
            opening,
        })
    }

    /// Whether the next head may be built on the last one: a key of ours signed it. What it says of marks
    /// and of pruned rows is repeated under the next signature, so nothing forged may get there.
    fn check_key(&self, keys: &[PublicKey]) -> Result<(), SealError> {
        let ours = |head: &Head| keys.iter().any(|key| key.bytes == head.statement.key);
        if self.last.as_ref().is_none_or(ours) {
            Ok(())
        } else {
            Err(SealError::Tampered("a key that is not Revkeep's signed it"))
        }
    }

    /// Transactions whose rows are looked at, from the first up to and without the second.
    fn range(&self) -> (u64, u64) {
        match (self.opening, &self.last) {
            (Some((cursor, _)), _) => (cursor, u64::MAX),
            (None, Some(last)) => (last.statement.mark, self.horizon),
            (None, None) => (0, self.horizon),
        }
    }

    /// Mark, cursor and completeness after a batch that ended with `last_xid`, which was full or not.
    fn after(&self, last_xid: Option<u64>) -> (u64, Option<u64>, bool) {
        match (self.opening, last_xid) {
            (Some((_, mark)), Some(xid)) => (mark, Some(xid), false),
            (Some((_, mark)), None) => (mark, None, true),
            (None, Some(xid)) => (xid, None, false),
            (None, None) => (self.horizon, None, true),
        }
    }
}

impl Sealer {
    pub const fn new(db: Db, vault: Vault) -> Self {
        Self { db, vault }
    }

    /// Whether there is something to seal, so that a lease is taken for a reason.
    pub async fn is_due(&self) -> Result<bool, SealError> {
        let (place, rows) = self.look(1).await?;
        Ok(!rows.is_empty() || self.is_quiet(&place))
    }

    /// Seals what is there, up to one batch, as the holder of the lease. `None` when there is nothing.
    pub async fn seal(&self, holder: &str, fence: i64) -> Result<Option<Sealed>, SealError> {
        self.seal_pruned(holder, fence, None).await
    }

    /// Signs that rows dated before `before` may be gone from now on (CX-25). Their leaves stay, so the
    /// tree above them is proven as before. Refused while one of them waits to be sealed.
    pub async fn seal_prune(
        &self,
        holder: &str,
        fence: i64,
        before: DateTime<Utc>,
    ) -> Result<Sealed, SealError> {
        let standing = self.standing().await?;
        if standing.waiting_since.is_some_and(|since| since < before) {
            return Err(SealError::Waiting);
        }
        let pruned = standing.head.and_then(|head| head.statement.pruned);
        let before = pruned.map_or(before, |pruned| pruned.max(before));
        self.seal_pruned(holder, fence, Some(before))
            .await?
            .ok_or(SealError::Superseded)
    }

    /// How far sealing is, for whoever watches.
    pub async fn standing(&self) -> Result<Standing, SealError> {
        let (place, rows) = self.look(COUNTED).await?;
        Ok(Standing {
            head: place.last,
            waiting: rows.len(),
            waiting_since: rows.iter().map(|row| row.at).min(),
        })
    }

    /// The public keys whose signatures count, from the secrets backend.
    pub async fn keys(&self) -> Result<Vec<PublicKey>, SealError> {
        Ok(self.vault.signing_keys(SIGNING_KEY).await?)
    }

    async fn seal_pruned(
        &self,
        holder: &str,
        fence: i64,
        pruned: Option<DateTime<Utc>>,
    ) -> Result<Option<Sealed>, SealError> {
        let (place, rows) = self.look(BATCH).await?;
        if rows.is_empty() && pruned.is_none() && !self.is_quiet(&place) {
            return Ok(None);
        }
        let full = i32::try_from(rows.len()).is_ok_and(|count| count == BATCH);
        let last_xid = match rows.last() {
            Some(row) if full => Some(row.xid()?),
            _ => None,
        };
        let keys = self.keys().await?;
        place.check_key(&keys)?;
        let grown = Grown::new(&place.tree, &rows);
        let key = keys
            .last()
            .ok_or_else(|| VaultError::NoSecret(SIGNING_KEY.to_owned()))?;
        let statement = self.statement(&place, &grown.tree, last_xid, pruned, key.bytes);
        let text = statement.to_text();
        let signature = self
            .vault
            .sign(SIGNING_KEY, key.version, text.as_bytes())
            .await?;
        let head = Head::new(&text, &signature)
            .filter(Head::signature_holds)
            .ok_or_else(|| VaultError::Backend("a fresh signature does not verify".to_owned()))?;
        let new = grown.into_new(&head, place.tree.size())?;
        let holder = holder.to_owned();
        let stored = self
            .db
            .system(move |tx| tx.audit_seal(&holder, fence, &new))
            .await;
        match stored {
            Ok(true) => Ok(Some(Sealed {
                head,
                rows: rows.len(),
            })),
            Ok(false) => Err(SealError::Superseded),
            // The lease was ours and no head had come since: both are checked first, under a lock.
            Err(DbError::Duplicate(_)) => Err(SealError::Tampered(
                "positions behind the last head are taken",
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// The place to go on from, and the next rows. The horizon is read before the rows: whatever ended
    /// before it is seen by them.
    async fn look(&self, most: i32) -> Result<(Place, Vec<UnsealedRow>), SealError> {
        let (last, horizon) = self
            .db
            .system(|tx| Ok::<_, DbError>((tx.audit_last_head()?, tx.audit_horizon()?)))
            .await?;
        let place = Place::new(last.as_ref(), horizon.cluster.clone(), horizon.xid()?)?;
        let (low, high) = place.range();
        let rows = self
            .db
            .system(move |tx| tx.audit_unsealed(low, high, most))
            .await?;
        Ok((place, rows))
    }

    /// Whether it is time for a head without rows. A head from the future is looked into as well: it would
    /// say for as long as it likes that nothing is due.
    fn is_quiet(&self, place: &Place) -> bool {
        place
            .last
            .as_ref()
            .is_some_and(|last| (self.db.clock().now() - last.statement.at).abs() >= QUIET)
    }

    fn statement(
        &self,
        place: &Place,
        tree: &Frontier,
        last_xid: Option<u64>,
        pruned: Option<DateTime<Utc>>,
        key: Hash,
    ) -> Statement {
        let last = place.last.as_ref();
        let (mark, cursor, complete) = place.after(last_xid);
        Statement {
            number: last
                .map_or(0, |last| last.statement.number)
                .saturating_add(1),
            size: tree.size(),
            root: tree.root(),
            previous: last.map_or([0; 32], Head::hash),
            at: self.db.clock().now().trunc_subsecs(6),
            cluster: place.cluster.clone(),
            mark,
            cursor,
            complete,
            pruned: pruned.or_else(|| last.and_then(|last| last.statement.pruned)),
            key,
        }
    }
}

/// A tree with the rows added, and what of it is stored.
struct Grown {
    tree: Frontier,
    new: NewHead,
}

impl Grown {
    fn new(before: &Frontier, rows: &[UnsealedRow]) -> Self {
        let mut grown = Self {
            tree: before.clone(),
            new: NewHead {
                head: StoredHead {
                    number: 0,
                    size: 0,
                    at: DateTime::UNIX_EPOCH,
                    statement: String::new(),
                    signature: Vec::new(),
                    frontier: Vec::new(),
                },
                first_position: 0,
                tenants: rows.iter().map(|row| row.tenant_id).collect(),
                ats: rows.iter().map(|row| row.at).collect(),
                ids: rows.iter().map(|row| row.audit_id).collect(),
                hashes: Vec::with_capacity(rows.len()),
                levels: Vec::new(),
                ordinals: Vec::new(),
                nodes: Vec::new(),
            },
        };
        for row in rows {
            grown.push(leaf_hash(&row.stored));
        }
        grown
    }

    fn push(&mut self, leaf: Hash) {
        self.new.hashes.push(leaf.to_vec());
        for node in self.tree.push(leaf) {
            self.new
                .levels
                .push(i32::try_from(node.level).unwrap_or(i32::MAX));
            self.new
                .ordinals
                .push(i64::try_from(node.ordinal).unwrap_or(i64::MAX));
            self.new.nodes.push(node.hash.to_vec());
        }
    }

    fn into_new(self, head: &Head, first_position: u64) -> Result<NewHead, SealError> {
        let number = |n: u64| {
            i64::try_from(n).map_err(|_| SealError::Tampered("its numbers are out of range"))
        };
        let stated = &head.statement;
        Ok(NewHead {
            head: StoredHead {
                number: number(stated.number)?,
                size: number(stated.size)?,
                at: stated.at,
                statement: head.text().to_owned(),
                signature: head.signature.clone(),
                frontier: self.tree.to_bytes(),
            },
            first_position: number(first_position)?,
            ..self.new
        })
    }
}

//! What a provider said of a person: sealed on its way into the database, opened on its way out, found
//! by keyed hashes in between (CX-32).

use std::collections::HashMap;

use db::AuthTx;
use futures_util::{StreamExt, stream};
use kernel::{GroupId, TenantId, UserId};
use uuid::Uuid;
use vault::{Binding, Sealed};

use super::{
    GroupName, Outcome, Person, Profile,
    rows::{self, PersonRow, PersonStanding},
};
use crate::{email::keyed_hash, error::IdentityError, identity::Inner};

/// Profiles that are opened at a time.
const AT_ONCE: usize = 8;

impl Inner {
    pub(super) fn scim_name_hash(&self, tenant: TenantId, name: &str) -> Outcome<Vec<u8>> {
        let key = &self.secrets()?.index_key;
        let name = name.to_lowercase();
        keyed_hash(
            key,
            &[b"scim name", tenant.uuid().as_bytes(), name.as_bytes()],
        )
    }

    pub(super) fn scim_external_hash(&self, tenant: TenantId, id: &str) -> Outcome<Vec<u8>> {
        let key = &self.secrets()?.index_key;
        keyed_hash(
            key,
            &[b"scim external id", tenant.uuid().as_bytes(), id.as_bytes()],
        )
    }

    pub(super) async fn scim_row(
        &self,
        tenant: TenantId,
        user: UserId,
        profile: &Profile,
    ) -> Outcome<PersonRow> {
        let owner = user.to_string();
        let clear =
            serde_json::to_vec(profile).map_err(|_| IdentityError::Crypto("writing a profile"))?;
        let sealed = self
            .vault
            .seal(tenant, &profile_binding(&owner), &clear)
            .await?;
        let external = profile.external_id.as_deref();
        let now = self.clock.now();
        Ok(PersonRow {
            tenant_id: tenant.uuid(),
            user_id: user.uuid(),
            user_name_hash: self.scim_name_hash(tenant, &profile.user_name)?,
            external_hash: external
                .map(|id| self.scim_external_hash(tenant, id))
                .transpose()?,
            profile_sealed: sealed.to_bytes(),
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// Opens the profiles, a bounded number at a time.
    pub(super) async fn scim_opened(
        &self,
        tenant: TenantId,
        found: Vec<(PersonStanding, Vec<GroupName>)>,
    ) -> Outcome<Vec<Person>> {
        let opened = stream::iter(found.into_iter().map(|(standing, groups)| async move {
            let (row, state, epoch) = standing;
            let id = UserId::from_uuid(row.user_id);
            let owner = id.to_string();
            let sealed = Sealed::parse(&row.profile_sealed)?;
            let clear = self
                .vault
                .open(tenant, &profile_binding(&owner), &sealed)
                .await?;
            let profile = serde_json::from_slice(clear.expose())
                .map_err(|_| IdentityError::Crypto("a stored profile is unusable"))?;
            Ok(Person {
                id,
                profile,
                active: state == "active",
                groups,
                version: version_of(&row, epoch),
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        }));
        let opened: Vec<Outcome<Person>> = opened.buffered(AT_ONCE).collect().await;
        opened.into_iter().collect()
    }
}

pub(crate) fn profile_binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "scim",
        owner,
        column: "scim_users.profile_sealed",
    }
}

/// Of the description and of the membership, which an administrator may change as well.
pub(super) fn version_of(row: &PersonRow, epoch: i32) -> String {
    format!("{}-{epoch}", row.version)
}

pub(super) fn with_groups(
    tx: &mut AuthTx<'_>,
    found: Vec<PersonStanding>,
) -> Outcome<Vec<(PersonStanding, Vec<GroupName>)>> {
    let ids: Vec<Uuid> = found.iter().map(|(row, ..)| row.user_id).collect();
    let mut groups: HashMap<Uuid, Vec<GroupName>> = HashMap::new();
    for (user, group, name) in rows::groups_of(tx, &ids)? {
        groups.entry(user).or_default().push(GroupName {
            id: GroupId::from_uuid(group),
            name,
        });
    }
    Ok(found
        .into_iter()
        .map(|standing| {
            let own = groups.remove(&standing.0.user_id).unwrap_or_default();
            (standing, own)
        })
        .collect())
}

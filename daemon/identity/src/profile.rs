//! What people change of their own account.

use audit::Entry;
use db::Unit;
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, update};
use kernel::{Action, Personal, Principal};
use schema::users;
use serde_json::json;

use crate::{
    acting::Acting, error::IdentityError, grant::SessionView, identity::Identity, setup::text_of,
};

impl Identity {
    pub async fn profile_update(
        &self,
        who: &Principal,
        name: &str,
    ) -> Result<SessionView, IdentityError> {
        let name = text_of("name", name)?;
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, move |tx| {
                update(users::table.find(acting.user.uuid()))
                    .set(users::name.eq(&name))
                    .execute(tx.conn())?;
                // An entry outlives the account, so it does not keep the name.
                let entry = Entry::new(Action::ProfileUpdate, "user", acting.user)
                    .after(json!({ "name": Personal::new(&name) }));
                acting.audit(tx, entry)?;
                Ok::<_, IdentityError>(db::hint(tx, "members")?)
            })
            .await?;
        self.session_show(who).await
    }
}

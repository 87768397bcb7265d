//! Single sign-on against a real database: what a provider's session reaches, who may verify a domain,
//! and a tenant that signs in through its provider alone (OB-11, CX-14, CX-34). Sign-in through a
//! real provider is tested by `tests/peers/oidc`.

use diesel::connection::SimpleConnection;
use identity::{
    Caller, Grant, IdentityError, SignInStep,
    sso::{Sso, SsoError},
};
use kernel::{Classified, Principal, TenantId, uuid_at};

use crate::{
    harness::{column, connect},
    identity::House,
};

const EMAIL: &str = "canary-ada@acme.example";
const PASSWORD: &str = "Canary-horse-7-battery";

pub(crate) struct Place {
    pub(crate) house: House,
    pub(crate) sso: Sso,
    pub(crate) grant: Grant,
    pub(crate) tenant: TenantId,
}

impl Place {
    pub(crate) async fn open() -> Self {
        let (house, grant) = House::set_up().await;
        let reader = stack::simulator::built("revkeep").unwrap();
        let sso = Sso::new(
            house.identity.clone(),
            &egress(),
            "https://revkeep.example",
            &reader,
        );
        let tenant = TenantId::from_uuid(grant.view.tenant.tenant_id);
        Self {
            house,
            sso,
            grant,
            tenant,
        }
    }

    pub(crate) fn sql(&self, sql: &str) {
        self.house.bed.owner(sql);
    }

    pub(crate) async fn who(&self, grant: &Grant) -> Result<Principal, IdentityError> {
        self.house
            .identity
            .authenticate(&grant.access_token, &caller())
            .await
    }

    async fn sign_in(&self, password: &str) -> Result<Grant, IdentityError> {
        match self
            .house
            .sign_in_step(EMAIL, password, "192.0.2.1")
            .await?
        {
            SignInStep::Done(grant) => Ok(*grant),
            SignInStep::Factor(_) => panic!("a factor is asked for"),
        }
    }

    /// A provider of `tenant` that nobody serves.
    fn provider(&self, tenant: TenantId, enabled: bool) -> uuid::Uuid {
        let id = uuid_at(&kernel::SystemClock);
        self.sql(&format!(
            "INSERT INTO sso_providers (tenant_id, provider_id, kind, name, enabled, issuer, client_id, create_members, created_at, updated_at) \
             VALUES ('{}', '{id}', 'oidc', 'P', {enabled}, 'https://idp.example/{id}', 'c', true, now(), now())",
            tenant.uuid()
        ));
        id
    }

    /// Another tenant, of which Ada is a plain member.
    pub(crate) fn second_tenant(&self) -> TenantId {
        let tenant = self.house.bed.tenant().tenant;
        self.sql(&format!(
            "INSERT INTO memberships (tenant_id, user_id, roles) SELECT '{}', user_id, '{{member}}' FROM users",
            tenant.uuid()
        ));
        tenant
    }
}

pub(crate) fn egress() -> egress::Egress {
    let _ = rustls::crypto::ring::default_provider().install_default();
    egress::Egress::new(egress::EgressConfig::default()).unwrap()
}

pub(crate) fn caller() -> Caller {
    Caller {
        address: "192.0.2.1".parse().unwrap(),
        user_agent: String::from("canary-agent/1.0"),
        request: None,
    }
}

pub(crate) fn code<T>(result: Result<T, IdentityError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

#[tokio::test]
async fn a_session_that_a_provider_opened_reaches_its_tenant_alone() {
    let place = Place::open().await;
    let other = place.second_tenant();
    let who = place.who(&place.grant).await.unwrap();
    let identity = &place.house.identity;
    assert_eq!(identity.session_show(&who).await.unwrap().tenants.len(), 2);

    let provider = place.provider(place.tenant, true);
    place.sql(&format!(
        "UPDATE sessions SET sso_tenant_id = tenant_id, sso_provider_id = '{provider}'"
    ));
    let moved = identity.tenant_switch(&who, other).await;
    assert_eq!(code(moved), "sso_session_bound");
    let told = identity.session_show(&who).await.unwrap().provider;
    let opener = kernel::ProviderId::from_uuid(provider);
    assert_eq!(told, Some((opener, String::from("P"))));
    assert_eq!(
        identity.session_show(&who).await.unwrap().tenants.len(),
        1,
        "it does not even show the others"
    );
    // Nor does any statement move it, whoever runs it.
    let mut owner = connect(&place.house.bed.database, "revkeep_owner");
    for sql in [
        format!("UPDATE sessions SET tenant_id = '{}'", other.uuid()),
        String::from("UPDATE sessions SET sso_provider_id = NULL"),
    ] {
        let error = owner.batch_execute(&sql).unwrap_err().to_string();
        assert!(error.contains("check constraint"), "{error}");
    }
    // Of an administrator the target asks for a factor; that is another test.
    place.sql(
        "UPDATE sessions SET sso_tenant_id = NULL, sso_provider_id = NULL; \
         UPDATE users SET super_admin = false; UPDATE memberships SET roles = ARRAY['member'], owner = false",
    );
    assert_eq!(code(identity.tenant_switch(&who, other).await), "ok");
}

#[tokio::test]
async fn where_single_sign_on_is_the_rule_a_password_opens_nothing_but_for_the_owner() {
    let place = Place::open().await;
    place.sql("UPDATE tenants SET sso_only = true; UPDATE memberships SET owner = false");
    assert_eq!(code(place.sign_in(PASSWORD).await), "sso_required");
    assert_eq!(
        code(place.sign_in("Canary-horse-8-battery").await),
        "invalid_credentials",
        "nobody learns of the rule without the password"
    );

    // Another tenant is open to the password; from there, the first one is not.
    let other = place.second_tenant();
    let grant = place.sign_in(PASSWORD).await.unwrap();
    assert_eq!(grant.view.tenant.tenant_id, other.uuid());
    let who = place.who(&grant).await.unwrap();
    let moved = place.house.identity.tenant_switch(&who, place.tenant).await;
    assert_eq!(code(moved), "sso_required");

    place.sql(&format!(
        "UPDATE memberships SET owner = true WHERE tenant_id = '{0}'; DELETE FROM memberships WHERE tenant_id <> '{0}'",
        place.tenant.uuid()
    ));
    assert_eq!(code(place.sign_in(PASSWORD).await), "ok");
    assert_eq!(
        place
            .house
            .rows("SELECT count(*) FROM audit_log WHERE action = 'break_glass'"),
        ["1"]
    );
}

#[tokio::test]
async fn switching_to_single_sign_on_alone_ends_sessions_and_forgets_passwords() {
    let place = Place::open().await;
    let who = place.who(&place.grant).await.unwrap();
    assert!(matches!(
        place.sso.only_set(&who, true).await,
        Err(IdentityError::Sso(SsoError::NothingEnabled))
    ));
    place.provider(place.tenant, false);
    assert_eq!(
        code(place.sso.only_set(&who, true).await),
        "sso_no_provider"
    );
    place.provider(place.tenant, true);

    // The owner's own session and password stay.
    place.sso.only_set(&who, true).await.unwrap();
    assert_eq!(code(place.who(&place.grant).await), "ok");
    place.sso.only_set(&who, false).await.unwrap();

    // A super_admin's password stays as well, and a plain member's goes.
    let kept = |place: &Place| {
        place
            .house
            .rows("SELECT password_hash IS NOT NULL FROM users")
    };
    place.sql("UPDATE memberships SET owner = false");
    place.sso.only_set(&who, true).await.unwrap();
    assert_eq!(code(place.who(&place.grant).await), "session_revoked");
    assert_eq!(kept(&place), ["true"]);
    place.sql("UPDATE users SET super_admin = false");
    let other = place.second_tenant();
    place.sso.only_set(&who, true).await.unwrap();
    assert_eq!(kept(&place), ["true"], "it opens another tenant");
    place.sql(&format!(
        "DELETE FROM memberships WHERE tenant_id = '{}'",
        other.uuid()
    ));
    place.sso.only_set(&who, true).await.unwrap();
    assert_eq!(kept(&place), ["false"]);
}

#[tokio::test]
async fn a_domain_counts_for_one_tenant_and_by_a_super_admins_word() {
    let place = Place::open().await;
    let who = place.who(&place.grant).await.unwrap();
    let provider = kernel::ProviderId::from_uuid(place.provider(place.tenant, true));
    for text in ["acme", "a b.example", "user@acme.example", ""] {
        assert_eq!(
            code(place.sso.domain_add(&who, text, provider).await),
            "domain_invalid",
            "{text}"
        );
    }
    place
        .sso
        .domain_add(&who, "Acme.Example", provider)
        .await
        .unwrap();
    let discover = async || {
        let found = place.sso.discover("anyone@acme.example").await.unwrap();
        found.map(|found| found.provider)
    };
    assert_eq!(discover().await, None);

    place.sql("UPDATE users SET super_admin = false");
    let verified = place
        .sso
        .domain_verify(&who, place.tenant, "acme.example")
        .await;
    assert_eq!(code(verified), "domain_not_found");
    assert!(place.sso.domains_waiting(&who).await.unwrap().is_empty());
    place.sql("UPDATE users SET super_admin = true");
    place
        .sso
        .domain_verify(&who, place.tenant, "acme.example")
        .await
        .unwrap();
    assert_eq!(discover().await, Some(provider));
    let look = place.sso.discover("Nobody.At-All@ACME.example").await;
    let look = look.unwrap().unwrap();
    assert!(!look.only && !look.name.is_empty());
    place.sso.only_set(&who, true).await.unwrap();
    let look = place.sso.discover("anyone@acme.example").await;
    assert!(look.unwrap().unwrap().only, "no password is asked for");
    place.sso.only_set(&who, false).await.unwrap();

    // Another tenant names the same domain, and does not get it.
    let other = place.second_tenant();
    let theirs = place.provider(other, true);
    place.sql(&format!(
        "INSERT INTO sso_domains (tenant_id, domain, provider_id, created_at) VALUES ('{}', 'acme.example', '{theirs}', now())",
        other.uuid()
    ));
    let taken = place.sso.domain_verify(&who, other, "acme.example").await;
    assert_eq!(code(taken), "already_exists");
    assert_eq!(discover().await, Some(provider));
    place.sql("UPDATE sso_providers SET enabled = false");
    assert_eq!(discover().await, None);
}

/// The role of identity may name a domain and may not say that it is proven.
#[test]
fn no_runtime_role_marks_a_domain_as_verified() {
    let bed = crate::harness::Bed::new();
    for role in [
        "revkeep_auth",
        "revkeep_app",
        "revkeep_gateway",
        "revkeep_agents",
    ] {
        let mut conn = connect(&bed.database, role);
        for right in ["INSERT", "UPDATE"] {
            assert_eq!(
                column(
                    &mut conn,
                    &format!(
                        "SELECT has_column_privilege('public.sso_domains', 'verified_at', '{right}')"
                    )
                ),
                ["false"],
                "{role} {right}"
            );
        }
    }
}

#[tokio::test]
async fn a_provider_of_another_tenant_is_not_there() {
    let place = Place::open().await;
    let who = place.who(&place.grant).await.unwrap();
    let other = place.house.bed.tenant().tenant;
    let theirs = kernel::ProviderId::from_uuid(place.provider(other, true));
    assert!(place.sso.provider_list(&who).await.unwrap().is_empty());
    assert_eq!(
        code(place.sso.provider_delete(&who, theirs).await),
        "provider_not_found"
    );
    assert_eq!(
        code(place.sso.provider_test(&who, theirs).await),
        "provider_not_found"
    );
    assert_eq!(
        code(place.sso.domain_add(&who, "acme.example", theirs).await),
        "provider_not_found"
    );
    assert_eq!(
        place.house.rows("SELECT count(*) FROM sso_providers"),
        ["1"]
    );
}

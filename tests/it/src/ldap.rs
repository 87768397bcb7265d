//! Sign-in through a real OpenLDAP server, over its real TLS, against a real database (OB-11, CX-14, CX-34,
//! LM-05, LM-09, LM-12). How names become filters and bind names is tested in `identity::sso::ldap`.

mod guessing;
mod settings;
mod wire;

use identity::{
    Caller, Grant, IdentityError,
    sso::{
        Kind, LdapInput, LdapSettings, LdapSignIn, Protocol, Provider, ProviderInput, RoleRule,
        Sso, Started,
    },
};
use kernel::{Principal, Role, Secret};
use stack::directory::{ACCOUNT, ACCOUNT_PASSWORD, BASE, PASSWORD, Slapd};

use crate::sso::{Place, code};

const WRONG: &str = "Canary-directory-8-battery";
const ADA: &str = "uid=ada,ou=people,dc=corp,dc=example";
const BOB: &str = "uid=bob,ou=people,dc=corp,dc=example";
const OPS: &str = "cn=ops, ou=Groups,dc=corp,dc=example";

struct Table {
    place: Place,
    slapd: Slapd,
    sso: Sso,
    who: Principal,
}

impl Table {
    async fn lay() -> Self {
        Self::with_names(&["localhost"]).await
    }

    async fn with_names(names: &[&str]) -> Self {
        let slapd = Slapd::start(names).await.unwrap();
        let place = Place::open().await;
        let who = place.who(&place.grant).await.unwrap();
        let sso = reaching(&place, &[slapd.ldaps, slapd.ldap]);
        Self {
            place,
            slapd,
            sso,
            who,
        }
    }

    fn settings(&self) -> LdapSettings {
        LdapSettings {
            servers: vec![format!("ldaps://localhost:{}", self.slapd.ldaps)],
            ca: Some(self.slapd.authority.clone()),
            bind_dn: Some(ACCOUNT.to_owned()),
            bind_template: None,
            base_dn: format!("ou=people,{BASE}"),
            person_filter: String::from("(&(objectClass=inetOrgPerson)(uid={user}))"),
            subject_attribute: String::from("entryUUID"),
            group_base_dn: None,
            group_filter: None,
        }
    }

    async fn provider(&self, settings: LdapSettings) -> Provider {
        let made = self.sso.provider_create(&self.who, input(settings)).await;
        let made = made.unwrap();
        assert_eq!(made.kind, Kind::Ldap);
        made
    }

    async fn enter(
        &self,
        provider: &Provider,
        user: &str,
        password: &str,
    ) -> Result<Grant, IdentityError> {
        self.enter_from(provider, user, password, "192.0.2.1").await
    }

    async fn enter_from(
        &self,
        provider: &Provider,
        user: &str,
        password: &str,
        address: &str,
    ) -> Result<Grant, IdentityError> {
        let typed = LdapSignIn {
            provider: provider.id,
            user: user.to_owned(),
            password: Secret::new(password.to_owned()),
        };
        self.sso.ldap_sign_in(typed, &from(address)).await
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.place.house.rows(sql)
    }

    /// The codes of the refusals in the audit log, in order.
    fn refusals(&self) -> Vec<String> {
        self.rows("SELECT code FROM audit_log WHERE action = 'sign_in_refuse' ORDER BY xid")
    }
}

fn input(settings: LdapSettings) -> ProviderInput {
    ProviderInput {
        name: String::from("Directory"),
        enabled: true,
        groups_claim: String::from("memberOf"),
        role_map: vec![RoleRule {
            group: OPS.to_owned(),
            roles: vec![Role::Admin],
        }],
        create_members: true,
        protocol: Protocol::Ldap(LdapInput {
            bind_password: settings
                .bind_dn
                .as_ref()
                .map(|_| Secret::new(ACCOUNT_PASSWORD.to_owned())),
            settings,
            email_attribute: None,
            name_attribute: None,
        }),
    }
}

/// Single sign-on that may reach these ports of this machine.
fn reaching(place: &Place, ports: &[u16]) -> Sso {
    let config = egress::EgressConfig {
        private_endpoints: ports
            .iter()
            .map(|port| format!("localhost:{port}").parse().unwrap())
            .collect(),
        ..egress::EgressConfig::default()
    };
    let egress = egress::Egress::new(config).unwrap();
    let reader = std::path::Path::new("/nonexistent");
    Sso::new(
        place.house.identity.clone(),
        &egress,
        "https://revkeep.example",
        reader,
    )
}

fn from(address: &str) -> Caller {
    Caller {
        address: address.parse().unwrap(),
        user_agent: String::from("canary-agent/1.0"),
        request: None,
    }
}

#[tokio::test]
async fn somebody_of_the_directory_becomes_a_member_with_the_roles_of_their_groups() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    assert!(matches!(
        table.sso.start(provider.id).await.unwrap(),
        Started::Directory(name) if name == "Directory"
    ));
    let grant = table.enter(&provider, " Ada ", PASSWORD).await.unwrap();
    let tenant = table.place.tenant.uuid();
    assert_eq!(grant.view.tenant.tenant_id, tenant);
    assert_eq!(
        table.rows("SELECT name || ' ' || roles::text || ' ' || (home_tenant_id = tenant_id)::text FROM memberships JOIN users USING (user_id) WHERE NOT memberships.owner"),
        ["Ada of the directory {admin} true"]
    );
    assert_eq!(
        table.rows("SELECT count(*) FROM sessions WHERE sso_tenant_id = tenant_id"),
        ["1"]
    );
    assert_eq!(
        table.rows("SELECT DISTINCT action FROM audit_log WHERE actor_id = (SELECT 'user_' || replace(user_id::text, '-', '') FROM sso_identities) ORDER BY 1"),
        ["identity_link", "member_create", "sign_in", "user_create"]
    );
    let [identity] = &table.rows("SELECT issuer || ' ' || subject FROM sso_identities")[..] else {
        panic!("one identity");
    };
    let (issuer, subject) = identity.split_once(' ').unwrap();
    assert_eq!(issuer, format!("ldap:{}", provider.id));
    assert!(uuid::Uuid::parse_str(subject).is_ok(), "{subject}");

    // Bob is in no group, and the same directory answers over StartTLS with a search for groups.
    let mut settings = table.settings();
    settings.servers = vec![format!("ldap://localhost:{}", table.slapd.ldap)];
    settings.group_base_dn = Some(format!("ou=groups,{BASE}"));
    settings.group_filter = Some(String::from("(&(objectClass=groupOfNames)(member={dn}))"));
    let second = table.provider(settings).await;
    table.enter(&second, "bob", PASSWORD).await.unwrap();
    table
        .sso
        .provider_delete(&table.who, provider.id)
        .await
        .unwrap();
    table.enter(&second, "ada", PASSWORD).await.unwrap();
    assert_eq!(
        table.rows("SELECT name || ' ' || roles::text FROM memberships JOIN users USING (user_id) WHERE NOT memberships.owner ORDER BY name"),
        ["Ada of the directory {admin}", "Bob {member}"]
    );
    assert!(table.slapd.log().contains("1.3.6.1.4.1.1466.20037"));
}

/// The group search alone says it, where entries do not.
#[tokio::test]
async fn groups_that_name_their_members_are_found() {
    let table = Table::lay().await;
    let mut settings = table.settings();
    settings.group_base_dn = Some(format!("ou=groups,{BASE}"));
    settings.group_filter = Some(String::from("(member={dn})"));
    let mut input = input(settings);
    input.groups_claim = String::from("description");
    let provider = table.sso.provider_create(&table.who, input).await.unwrap();
    table.enter(&provider, "ada", PASSWORD).await.unwrap();
    let roles = "SELECT roles::text FROM memberships WHERE NOT owner";
    assert_eq!(table.rows(roles), ["{admin}"]);
    // Who leaves the group has the roles of the groups that are left from the next sign-in on.
    table
        .slapd
        .modify(&format!(
            "dn: cn=Ops,ou=groups,{BASE}\nchangetype: modify\nreplace: member\nmember: {BOB}\n"
        ))
        .unwrap();
    table.enter(&provider, "ada", PASSWORD).await.unwrap();
    assert_eq!(table.rows(roles), ["{member}"]);
}

#[tokio::test]
async fn who_is_renamed_or_moved_stays_who_they_are_and_a_new_entry_of_the_name_is_another() {
    let table = Table::lay().await;
    let mut settings = table.settings();
    settings.base_dn = BASE.to_owned();
    let provider = table.provider(settings).await;
    let first = table.enter(&provider, "ada", PASSWORD).await.unwrap();
    table
        .slapd
        .modify(&format!("dn: {ADA}\nchangetype: modrdn\nnewrdn: uid=countess\ndeleteoldrdn: 1\nnewsuperior: ou=moved,{BASE}\n"))
        .unwrap();
    assert_eq!(
        code(table.enter(&provider, "ada", PASSWORD).await),
        "invalid_credentials"
    );
    let again = table.enter(&provider, "countess", PASSWORD).await.unwrap();
    assert_eq!(first.view.user, again.view.user);
    // Somebody else gets the old name, and not the old person.
    table
        .slapd
        .modify(&format!(
            "dn: {ADA}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: ada\ncn: New Ada\nsn: A\nmail: canary-new@acme.example\nuserPassword: {PASSWORD}\n"
        ))
        .unwrap();
    let newcomer = table.enter(&provider, "ada", PASSWORD).await.unwrap();
    assert_ne!(first.view.user, newcomer.view.user);
    assert_eq!(table.rows("SELECT count(*) FROM sso_identities"), ["2"]);
}

#[tokio::test]
async fn whoever_the_directory_no_longer_knows_gets_in_no_more() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    table.enter(&provider, "ada", PASSWORD).await.unwrap();
    table
        .slapd
        .modify(&format!(
            "dn: {ADA}\nchangetype: modify\ndelete: userPassword\n"
        ))
        .unwrap();
    assert_eq!(
        code(table.enter(&provider, "ada", PASSWORD).await),
        "invalid_credentials"
    );
    table
        .slapd
        .modify(&format!("dn: {ADA}\nchangetype: delete\n"))
        .unwrap();
    assert_eq!(
        code(table.enter(&provider, "ada", PASSWORD).await),
        "invalid_credentials"
    );
}

#[tokio::test]
async fn where_the_directory_is_the_rule_no_password_is_kept_and_the_owner_breaks_the_glass() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    table.enter(&provider, "ada", PASSWORD).await.unwrap();
    table.sso.only_set(&table.who, true).await.unwrap();
    assert_eq!(
        table.rows("SELECT count(*) FROM users JOIN memberships USING (user_id) WHERE NOT owner AND password_hash IS NOT NULL"),
        ["0"]
    );
    assert!(table.enter(&provider, "ada", PASSWORD).await.is_ok());
    // Its password is the directory's, and none of ours.
    let password = table
        .place
        .house
        .sign_in("canary-ada.directory@acme.example", PASSWORD, "192.0.2.3")
        .await;
    assert_eq!(code(password), "invalid_credentials");
    let owner = table
        .place
        .house
        .sign_in(
            "canary-ada@acme.example",
            "Canary-horse-7-battery",
            "192.0.2.3",
        )
        .await;
    assert_eq!(code(owner), "ok");
    assert_eq!(
        table.rows("SELECT count(*) FROM audit_log WHERE action = 'break_glass'"),
        ["1"]
    );
}

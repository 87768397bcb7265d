//! Settings of a tenant.

use super::*;

#[tokio::test]
async fn settings_of_a_tenant_are_changed_once_at_a_time() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let now = identity.tenant_show(&company.ada).await.unwrap();
    assert_eq!((now.name.as_str(), now.members), ("Acme", 1));
    let change = |name: &str, version| TenantChange {
        name: Some(name.to_owned()),
        factor_for_all: None,
        version,
    };
    let renamed = identity
        .tenant_update(&company.ada, change("Acme Ltd", now.version))
        .await
        .unwrap();
    assert_eq!(renamed.name, "Acme Ltd");
    let late = identity
        .tenant_update(&company.ada, change("Evil Ltd", now.version))
        .await;
    assert_eq!(refused(late), Refusal::VersionConflict);
    for name in ["", "  ", "a\nb"] {
        let bad = identity
            .tenant_update(&company.ada, change(name, renamed.version))
            .await;
        assert!(matches!(
            bad,
            Err(IdentityError::Input { field: "name", .. })
        ));
    }
    let me = identity
        .profile_update(&company.ada, "Ada King")
        .await
        .unwrap();
    assert_eq!(me.name, "Ada King");
}

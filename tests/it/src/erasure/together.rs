//! What else happens while an organisation is erased: another erasure, and work that ends late.

use chrono::TimeDelta;
use kernel::Principal;

use super::{Ends, everything_sealed_is_closed};
use crate::canary::found;

/// Neither of the two erasures alone would take somebody who belongs to both.
#[tokio::test]
async fn who_belongs_to_two_organisations_that_are_erased_together_is_gone_with_them() {
    let ends = Ends::open().await;
    let (bed, company) = (ends.office.bed(), &ends.office.company);
    let second = company
        .other("Zyxsecond", "zyx.second@canary.example")
        .await;
    bed.owner(&format!(
        "INSERT INTO memberships (tenant_id, user_id, roles) SELECT '{}', user_id, roles FROM memberships \
         WHERE tenant_id = '{}' AND NOT owner AND user_id <> '{}'",
        second.who.tenant.uuid(),
        ends.tenant().uuid(),
        ends.shared.user().uuid()
    ));
    ends.ask().await;
    let custody = &ends.office.custody;
    custody
        .tenant_delete(&second.who, "Zyxsecond")
        .await
        .unwrap();
    ends.erase_due(2).await;
    let left = company.house.rows("SELECT count(*) FROM users");
    assert_eq!(left, ["2"], "Ada and who belongs to a third stay");
    assert_eq!(
        found(
            &ends.canaries(),
            &[("the dump", bed.database.dump().unwrap())]
        ),
        Vec::<String>::new()
    );
    let mut erased = Vec::new();
    for tenant in [ends.tenant(), second.who.tenant] {
        let statement = custody.erasure_show(tenant).await.unwrap().statement;
        let statement = statement.unwrap();
        let people = statement
            .lines()
            .find_map(|line| line.strip_prefix("erased people "));
        erased.push(people.unwrap().parse::<u32>().unwrap());
    }
    assert_eq!(erased.iter().sum::<u32>(), 3, "{erased:?}");
}

/// A job that was slow ends in a unit of work of the tenant's, which asks for audit keys. It gets none from
/// the moment on at which the erasure begins.
#[tokio::test]
async fn a_unit_of_work_that_ends_late_brings_no_key_back() {
    let ends = Ends::open().await;
    let (bed, house) = (ends.office.bed(), &ends.office.company.house);
    let keys = house.rows(&format!(
        "SELECT subject || ' ' || encode(wrapped, 'hex') FROM audit_keys WHERE tenant_id = '{}'",
        ends.tenant().uuid()
    ));
    let late = async || {
        // What is in memory of keys has run out.
        house.advance(TimeDelta::minutes(11));
        let who = Principal::system(ends.tenant(), None);
        let done = bed.db.run(&who, |_| Ok::<_, db::DbError>(())).await;
        done.unwrap();
    };
    ends.ask().await;
    house.advance(TimeDelta::days(14));
    assert_eq!(ends.office.custody.erasures_begin().await.unwrap(), 1);
    ends.office.work().await;
    // Begun, and not yet at the rows: as if the key were gone already.
    bed.owner(&format!(
        "DELETE FROM audit_keys WHERE tenant_id = '{}'",
        ends.tenant().uuid()
    ));
    late().await;
    let stored = "SELECT count(*) FROM audit_keys WHERE tenant_id = ";
    let stored = format!("{stored}'{}'", ends.tenant().uuid());
    assert_eq!(house.rows(&stored), ["0"]);
    ends.office.work().await;
    let finished = format!(
        "SELECT count(*) FROM tenant_erasures WHERE tenant_id = '{}' AND finished_at IS NOT NULL",
        ends.tenant().uuid()
    );
    assert_eq!(house.rows(&finished), ["1"]);
    late().await;
    everything_sealed_is_closed(&ends, &keys).await;
}

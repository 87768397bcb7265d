//! The guard by example: what is sent, what holds for every record, what is refused and why. The
//! larger corpus is tests/golden/soql.

use chrono::{DateTime, TimeZone, Utc};

use super::{AllowList, Enrollment, Field, FieldType, Guarded, MAX_IDS, Object, Warning};
use crate::{
    error::{Code, SoqlError},
    id::SalesforceId,
};

fn allow() -> AllowList {
    AllowList::standard()
        .allow(
            Object::Lead,
            Field::new("Score__c", FieldType::Decimal).unwrap(),
        )
        .allow(
            Object::Lead,
            Field::new("Topics__c", FieldType::MultiPicklist).unwrap(),
        )
        .allow(Object::Lead, Field::new("Due__c", FieldType::Date).unwrap())
        .allow(
            Object::Lead,
            Field::new("Vip__c", FieldType::Boolean).unwrap(),
        )
        .allow(
            Object::Lead,
            Field::new("Call__c", FieldType::Time).unwrap(),
        )
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 7, 15, 9, 30, 0).unwrap()
}

fn lead(filter: &str) -> Result<Enrollment, SoqlError> {
    let text = format!("SELECT Id FROM Lead WHERE {filter}");
    Enrollment::guard(&text, Object::Lead, &allow(), now())
}

#[test]
fn conditions_that_hold_for_every_lead_are_refused() {
    let universal = [
        "Id != NULL",
        "NOT Id = NULL",
        "IsConverted = FALSE",
        "IsConverted != TRUE",
        "IsDeleted = FALSE AND IsConverted = FALSE",
        "LastName != NULL",
        "Company != ''",
        "Name LIKE '%'",
        "Name LIKE '_%'",
        "Name LIKE '%%_%%'",
        "OwnerId != NULL AND Owner.Name != NULL",
        "Owner.Type = 'User' OR Owner.Type = 'queue'",
        "Owner.Type IN ('Queue', 'User', 'Other')",
        "Owner.Id != NULL OR OwnerId = NULL",
        "NumberOfEmployees >= 0 OR NumberOfEmployees < 0 OR NumberOfEmployees = NULL",
        "NumberOfEmployees > 5 OR NumberOfEmployees < 6 OR NumberOfEmployees = NULL",
        "AnnualRevenue > 1.5 OR AnnualRevenue <= 1.50 OR AnnualRevenue = NULL",
        "Status = 'New' OR Status != 'new'",
        "Status = 'New' OR (NOT Status = 'New')",
        "NOT (Status = 'New' AND Status = 'Old')",
        "Email = NULL OR Email != NULL",
        "Email LIKE '%a%' OR (NOT Email LIKE '%A%')",
        "(NOT Email LIKE 'ab%') OR Email LIKE 'a%'",
        "City < 'M' OR City >= 'm' OR City = NULL",
        "City < 'M' OR City >= 'B' OR City = NULL",
        "CreatedDate > 1700-01-01T00:00:00Z",
        "CreatedDate >= 1999-01-01T00:00:00Z",
        "CreatedDate <= 3999-12-31T00:00:00Z",
        "CreatedDate < TOMORROW",
        "CreatedDate <= TODAY",
        "CreatedDate >= LAST_N_DAYS:99999",
        "CreatedDate >= LAST_N_YEARS:2147483647",
        "CreatedDate = LAST_N_DAYS:30 OR CreatedDate != LAST_N_DAYS:30",
        "CreatedDate < LAST_MONTH OR CreatedDate >= LAST_N_DAYS:90",
        "CALENDAR_MONTH(CreatedDate) <= 12",
        "CALENDAR_YEAR(CreatedDate) > 1900",
        "HOUR_IN_DAY(CreatedDate) IN (0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23)",
        "DAY_IN_WEEK(CreatedDate) < 4 OR DAY_IN_WEEK(CreatedDate) > 3",
        "Due__c < 4001-01-01 OR Due__c = NULL",
        "Vip__c = TRUE OR Vip__c = FALSE",
        "Vip__c IN (TRUE, FALSE)",
        "Vip__c != TRUE OR Status = 'x' OR Vip__c = TRUE",
        "Score__c < 0.5 OR Score__c > 0.4 OR Score__c = NULL",
        "Call__c >= 00:00:00Z OR Call__c = NULL",
        "Topics__c INCLUDES ('a') OR Topics__c EXCLUDES ('a')",
        "Topics__c INCLUDES ('a') OR Topics__c EXCLUDES ('a;b')",
        "Id != '00Q000000000001'",
        "Id NOT IN ('00Q000000000001', '00Q000000000002')",
        "Id > '00Q000000000000'",
        "Id >= '00P000000000000'",
        "Id < '00Qzzzzzzzzzzzz'",
        "Id != '001000000000001'",
        "Id = '00Q000000000001' OR Id != '00Q000000000001'",
        "Status = 'a' OR (City = 'b' OR Name != NULL)",
        "(Status = 'a' AND City = 'b') OR (NOT Status = 'a') OR (NOT City = 'b')",
        "Id IN (SELECT Id FROM Lead WHERE City = 'a') OR Id NOT IN (SELECT Id FROM Lead WHERE City='a')",
    ];
    for filter in universal {
        match lead(filter) {
            Err(error) => assert_eq!(error.code, Code::Tautology, "{filter}: {error}"),
            Ok(enrollment) => panic!("accepted: {filter} as {enrollment}"),
        }
    }
}

#[test]
fn conditions_that_restrict_pass() {
    let restricting = [
        "Email != NULL",
        "Status != 'Closed'",
        "OwnerId != '00500000000000A'",
        "OwnerId = '00G00000000000A'",
        "Owner.Type = 'Queue'",
        "LeadSource = 'Web' OR LeadSource = 'Phone'",
        "LeadSource IN ('Web', NULL)",
        "NOT Company LIKE '%test%'",
        "Name LIKE '__%'",
        "Email LIKE '%@x.com' OR (NOT Email LIKE '%x.com')",
        "NumberOfEmployees >= 0",
        "NumberOfEmployees >= 0 OR NumberOfEmployees < 0",
        "NumberOfEmployees < 5 OR NumberOfEmployees > 5 OR NumberOfEmployees = NULL",
        "CreatedDate < 2030-01-01T00:00:00Z",
        "CreatedDate = TODAY",
        "CreatedDate >= LAST_N_DAYS:30",
        "CreatedDate < LAST_MONTH OR CreatedDate >= LAST_N_DAYS:3",
        "Due__c < NEXT_MONTH",
        "HOUR_IN_DAY(CreatedDate) >= 8 AND HOUR_IN_DAY(CreatedDate) < 18",
        "Topics__c INCLUDES ('a;b', 'c')",
        "NOT (Name LIKE '%a%' AND Name LIKE '%b%')",
        "NOT (Name LIKE 'x%' AND Name LIKE '%b%' AND Name LIKE '%c')",
        "NOT (Topics__c INCLUDES ('a') AND Topics__c INCLUDES ('b') AND Topics__c EXCLUDES ('c'))",
        "AnnualRevenue > USD5000.50",
        "Id = '00Q000000000001'",
        "Id IN ('00Q000000000001')",
        "OwnerId IN (SELECT Id FROM User WHERE IsActive = FALSE)",
        "OwnerId NOT IN (SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Lead')",
        "(Status = 'a' AND City = 'b') OR (NOT Status = 'a')",
    ];
    for filter in restricting {
        let enrollment = lead(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert!(enrollment.warnings().is_empty(), "{filter}");
    }
}

#[test]
fn a_condition_that_nothing_satisfies_is_a_warning() {
    let empty = [
        "Id = NULL",
        "IsConverted = TRUE",
        "Status = 'a' AND Status = 'b'",
        "NumberOfEmployees > 5 AND NumberOfEmployees < 6",
        "CreatedDate = TOMORROW",
        "CreatedDate < 1980-01-01T00:00:00Z",
        "Id = '003000000000001'",
        "Vip__c = TRUE AND (NOT Vip__c = TRUE)",
        "Email LIKE 'a%' AND Email LIKE 'b%'",
        "CALENDAR_MONTH(CreatedDate) = 13",
    ];
    for filter in empty {
        let enrollment = lead(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(enrollment.warnings(), [Warning::MatchesNothing], "{filter}");
    }
    let ordered = "SELECT Id FROM Lead WHERE City = 'x' ORDER BY Name DESC";
    let enrollment = Enrollment::guard(ordered, Object::Lead, &allow(), now()).unwrap();
    assert_eq!(enrollment.warnings(), [Warning::OrderIgnored]);
}

#[test]
fn converted_leads_are_left_out_once_and_only_once() {
    let cases = [
        ("City='x'", "City = 'x' AND IsConverted = FALSE"),
        (
            "isconverted=false AND City='x'",
            "City = 'x' AND IsConverted = FALSE",
        ),
        (
            "City='x' AND ISCONVERTED = false AND City='y'",
            "City = 'x' AND City = 'y' AND IsConverted = FALSE",
        ),
        (
            "City='x' OR City='y'",
            "(City = 'x' OR City = 'y') AND IsConverted = FALSE",
        ),
        ("NOT City='x'", "(NOT City = 'x') AND IsConverted = FALSE"),
        (
            "Owner.Id = '005000000000001'",
            "OwnerId = '005000000000001AAA' AND IsConverted = FALSE",
        ),
    ];
    for (filter, expected) in cases {
        let enrollment = lead(filter).unwrap();
        let printed = enrollment.to_string();
        assert_eq!(
            printed,
            format!("SELECT Id FROM Lead WHERE {expected}"),
            "{filter}"
        );
        let again = Enrollment::guard(&printed, Object::Lead, &allow(), now()).unwrap();
        assert_eq!(again.to_string(), printed);
    }
    let contact = "SELECT Id FROM Contact WHERE Email != NULL";
    let contact = Enrollment::guard(contact, Object::Contact, &allow(), now()).unwrap();
    assert_eq!(
        contact.to_string(),
        "SELECT Id FROM Contact WHERE Email != NULL"
    );
}

#[test]
fn the_daemons_own_queries_are_built_from_the_tree() {
    let text = "select l.name, o.name from lead l, l.owner o where o.name='A\\'b' or l.city='x'";
    let enrollment = Enrollment::guard(text, Object::Lead, &allow(), now()).unwrap();
    let filter = "(Owner.Name = 'A\\'b' OR City = 'x') AND IsConverted = FALSE";
    assert_eq!(
        enrollment.count().to_string(),
        format!("SELECT COUNT() FROM Lead WHERE {filter}")
    );
    let ids: Vec<SalesforceId> = ["00Q000000000001", "00Q00000000000A"]
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    let page = enrollment
        .select(&["id", "OWNERID", "Owner.Name"])
        .unwrap()
        .and_since(now())
        .and_ids(&ids)
        .unwrap()
        .limit(200);
    assert_eq!(
        page.to_string(),
        format!(
            "SELECT Id, OwnerId, Owner.Name FROM Lead WHERE {filter} AND SystemModstamp >= \
             2026-07-15T09:30:00Z AND Id IN ('00Q000000000001EAA', '00Q00000000000AEAQ') \
             ORDER BY SystemModstamp, Id LIMIT 200"
        )
    );
    assert_eq!(
        enrollment.select(&["SSN__c"]).unwrap_err().code,
        Code::FieldForbidden
    );
    assert_eq!(
        enrollment.select(&["Owner.Email"]).unwrap_err().code,
        Code::FieldForbidden
    );
    assert_eq!(
        enrollment.select(&[]).unwrap_err().code,
        Code::FieldForbidden
    );
    assert_eq!(
        enrollment.select(&["Id FROM User --"]).unwrap_err().code,
        Code::FieldForbidden
    );
    let count = enrollment.count();
    assert_eq!(
        count.clone().and_ids(&[]).unwrap_err().code,
        Code::IdsOutOfRange
    );
    let many = vec![ids[0]; MAX_IDS + 1];
    assert_eq!(count.and_ids(&many).unwrap_err().code, Code::IdsOutOfRange);
}

#[test]
fn fixed_queries_pass_the_same_allow_list() {
    let users = "SELECT Id, Name, Email, IsActive FROM User WHERE UserType = 'Standard'";
    assert_eq!(Guarded::fixed(users, &allow()).unwrap().to_string(), users);
    let total = Guarded::fixed("SELECT COUNT() FROM Lead", &allow()).unwrap();
    assert_eq!(
        total.to_string(),
        "SELECT COUNT() FROM Lead WHERE IsConverted = FALSE"
    );
    let queues = "SELECT QueueId, Queue.Name FROM QueueSobject WHERE SobjectType = 'Lead'";
    assert_eq!(
        Guarded::fixed(queues, &allow()).unwrap().to_string(),
        queues
    );
    let hidden = Guarded::fixed("SELECT Id, FederationIdentifier FROM User", &allow());
    assert_eq!(hidden.unwrap_err().code, Code::FieldForbidden);
    let readback = Guarded::readback(
        Object::Lead,
        &["00Q000000000001".parse().unwrap()],
        &allow(),
    )
    .unwrap();
    assert_eq!(
        readback.to_string(),
        "SELECT Id, OwnerId, SystemModstamp, IsDeleted, IsConverted FROM Lead WHERE Id IN \
         ('00Q000000000001EAA')"
    );
}

#[test]
fn judging_a_hostile_condition_is_bounded() {
    let many = |count: usize, term: &dyn Fn(usize) -> String, between: &str| {
        (0..count).map(term).collect::<Vec<_>>().join(between)
    };
    let ids = many(4_000, &|index| format!("'00Q{index:012}'"), ",");
    assert!(lead(&format!("Id IN ({ids})")).is_ok());
    let equal = many(4_500, &|index| format!("City='{index}'"), " OR ");
    assert_eq!(lead(&equal).unwrap_err().code, Code::TooComplex);
    let like = many(
        2_000,
        &|index| format!("City LIKE '%{index}%a%a%a%'"),
        " OR ",
    );
    assert_eq!(lead(&like).unwrap_err().code, Code::TooComplex);
    let joins = many(
        900,
        &|index| format!("(OwnerId IN (SELECT Id FROM User WHERE Name='{index}') AND City='x')"),
        " OR ",
    );
    assert!(lead(&joins).is_ok());
    let taut = many(
        400,
        &|index| {
            let join = format!("OwnerId IN (SELECT Id FROM User WHERE Name='{index}')");
            format!("({join} AND Due__c = 2020-01-01) OR ({join} AND Status='{index}')")
        },
        " OR ",
    );
    let judged = lead(&format!("{taut} OR Vip__c = TRUE OR Vip__c = FALSE"));
    assert!(matches!(
        judged.unwrap_err().code,
        Code::TooComplex | Code::Tautology
    ));
}

#[test]
fn what_grows_too_large_once_written_in_full_is_refused() {
    let ids: Vec<String> = (0..5_300)
        .map(|index| format!("'00Q{index:012}'"))
        .collect();
    let longer = lead(&format!("Id IN ({})", ids.join(",")));
    assert_eq!(longer.unwrap_err().code, Code::StatementTooLong);
    let negations = |levels: usize| {
        let inside = "City = 'x' AND Rating = 'y'";
        format!("{}{inside}{}", "NOT (".repeat(levels), ")".repeat(levels))
    };
    assert!(lead(&negations(49)).is_ok());
    // Fifty pairs can be read, but the injected term needs one more around them all.
    assert_eq!(lead(&negations(50)).unwrap_err().code, Code::TooDeep);
}

use serde_json::{Value as Json, json};

use crate::{
    model::{id::Id, value::parse_time},
    query::{
        compile,
        cursor::{Ask, Cursors},
    },
    store::{Store, refusal::Refusal},
};

const NOW: &str = "2026-11-18T12:00:00Z";

fn store() -> Store {
    let mut store = Store::new(Id::make("005", 1));
    let mut load = |object: &str, record: Json| -> Id {
        let now = parse_time(NOW).unwrap();
        store
            .load(now, object, record.as_object().unwrap().clone())
            .unwrap()
    };
    let iris = load(
        "User",
        json!({ "LastName": "Iris", "Username": "i", "IsActive": true }),
    );
    let queue = load("Group", json!({ "Name": "Inbound", "Type": "Queue" }));
    let acme = load("Account", json!({ "Name": "Acme", "Industry": "Energy" }));
    load("Contact", json!({ "LastName": "Able", "AccountId": acme }));
    load("Contact", json!({ "LastName": "Baker", "AccountId": acme }));
    load("Contact", json!({ "LastName": "Lonely" }));
    let leads = [
        (
            "Ågren",
            "Acme",
            "Sweden",
            json!(10),
            "2026-11-18T08:00:00Z",
            iris,
        ),
        (
            "baker",
            "acme labs",
            "Germany",
            json!(200),
            "2026-11-17T08:00:00Z",
            queue,
        ),
        (
            "O'Neil",
            "100%_sure",
            "Germany",
            Json::Null,
            "2026-11-10T08:00:00Z",
            iris,
        ),
        (
            "Zed",
            "Zenith",
            "France",
            json!(5_000),
            "2026-10-02T08:00:00Z",
            queue,
        ),
    ];
    for (name, company, country, employees, at, owner) in leads {
        load(
            "Lead",
            json!({
                "LastName": name, "Company": company, "Country": country,
                "NumberOfEmployees": employees, "CreatedDate": at, "SystemModstamp": at,
                "OwnerId": owner,
            }),
        );
    }
    load(
        "Lead",
        json!({ "LastName": "Gone", "Company": "X", "IsDeleted": true }),
    );
    store
}

fn ask(text: &str, include_deleted: bool) -> Result<Json, Refusal> {
    let store = store();
    let plan = compile(&store, text, parse_time(NOW).unwrap())?;
    let ask = Ask {
        version: "65.0",
        page_size: 2_000,
        include_deleted,
    };
    let page = Cursors::default().first_page(&store, plan, &ask);
    Ok(serde_json::from_slice(&page).unwrap())
}

fn records(text: &str) -> Vec<Json> {
    let answer = ask(text, false).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
    assert_eq!(answer["done"], true);
    answer["records"].as_array().unwrap().clone()
}

/// The last names of the leads that a condition holds for, in the order in which they came.
fn leads(condition: &str) -> String {
    let records = records(&format!("SELECT LastName FROM Lead WHERE {condition}"));
    let names: Vec<&str> = records
        .iter()
        .map(|row| row["LastName"].as_str().unwrap())
        .collect();
    names.join(" ")
}

#[test]
fn conditions_hold_for_the_rows_that_they_should() {
    for (condition, names) in [
        ("Company = 'ACME'", "Ågren"),
        ("LastName = 'ågren'", "Ågren"),
        ("Company LIKE 'acme%'", "Ågren baker"),
        ("Company LIKE '100\\%\\_%'", "O'Neil"),
        ("Company LIKE '_cme'", "Ågren"),
        ("LastName = 'O\\'Neil'", "O'Neil"),
        ("Country IN ('germany', 'France')", "baker O'Neil Zed"),
        ("Country NOT IN ('Germany')", "Ågren Zed"),
        ("NumberOfEmployees > 100", "baker Zed"),
        ("NumberOfEmployees != 200", "Ågren O'Neil Zed"),
        ("NumberOfEmployees < 100", "Ågren"),
        ("NumberOfEmployees = null", "O'Neil"),
        ("NumberOfEmployees != null", "Ågren baker Zed"),
        ("NOT NumberOfEmployees > 100", "Ågren O'Neil"),
        (
            "(Country = 'Germany' AND NumberOfEmployees > 1) OR Company = 'Zenith'",
            "baker Zed",
        ),
        ("IsConverted = false AND Country = 'Sweden'", "Ågren"),
        ("CreatedDate = TODAY", "Ågren"),
        ("CreatedDate = YESTERDAY", "baker"),
        ("CreatedDate = LAST_N_DAYS:8", "Ågren baker O'Neil"),
        ("CreatedDate = LAST_MONTH", "Zed"),
        ("CreatedDate < THIS_MONTH", "Zed"),
        ("CreatedDate >= 2026-11-17T08:00:00Z", "Ågren baker"),
        ("SystemModstamp > 2026-11-17T08:00:00Z", "Ågren"),
        (
            "SystemModstamp >= 2026-11-10T08:00:00Z AND SystemModstamp < 2026-11-18T00:00:00Z",
            "O'Neil baker",
        ),
        ("Owner.Name = 'Inbound'", "baker Zed"),
        ("Owner.Type = 'User'", "Ågren O'Neil"),
        (
            "OwnerId IN (SELECT Id FROM Group WHERE Type = 'Queue')",
            "baker Zed",
        ),
        ("OwnerId NOT IN (SELECT Id FROM User)", "baker Zed"),
        ("Lead.Company = 'Zenith'", "Zed"),
    ] {
        let ordered = condition.starts_with("SystemModstamp >=");
        let order = if ordered {
            " ORDER BY SystemModstamp, Id"
        } else {
            ""
        };
        assert_eq!(leads(&format!("{condition}{order}")), names, "{condition}");
    }
}

/// A second arm that holds for nothing keeps the planner from using an index.
#[test]
fn an_index_answers_what_reading_every_row_answers() {
    let id = |number: u64| format!("'{}'", Id::make("00Q", number));
    let (first, third) = (id(1), id(3));
    for condition in [
        format!("Id = {first}"),
        format!("Id = '{}'", Id::make("00Q", 3).as_str().get(..15).unwrap()),
        format!("Id IN ({third}, {first}, {third})"),
        format!("Id IN ({first}, {third}) AND Country = 'Germany'"),
        format!("Id NOT IN ({first}, {third})"),
        format!("Id = {} AND Country = 'France'", id(99)),
        "SystemModstamp = 2026-11-10T08:00:00Z".to_owned(),
        "SystemModstamp <= 2026-11-10T08:00:00Z".to_owned(),
        "SystemModstamp < 2026-11-10T08:00:00Z AND Country = 'France'".to_owned(),
        "SystemModstamp > 2026-11-10T08:00:00Z AND SystemModstamp < 2026-11-10T08:00:01Z"
            .to_owned(),
    ] {
        let order = "ORDER BY SystemModstamp, Id";
        let indexed = leads(&format!("{condition} {order}"));
        let read = leads(&format!("({condition}) OR LastName = 'nobody' {order}"));
        assert_eq!(indexed, read, "{condition}");
    }
    assert_eq!(
        leads(&format!("Id IN ({third}, {first}, {third})")),
        "Ågren O'Neil"
    );
}

#[test]
fn order_limit_and_offset_cut_what_they_say() {
    let names = |rest: &str| leads(&format!("IsDeleted = false {rest}"));
    assert_eq!(names("ORDER BY SystemModstamp"), "Zed O'Neil baker Ågren");
    assert_eq!(names("ORDER BY SystemModstamp LIMIT 2"), "Zed O'Neil");
    assert_eq!(
        names("ORDER BY SystemModstamp LIMIT 2 OFFSET 1"),
        "O'Neil baker"
    );
    assert_eq!(names("ORDER BY SystemModstamp DESC LIMIT 1"), "Ågren");
    assert_eq!(
        names("ORDER BY NumberOfEmployees"),
        "O'Neil Ågren baker Zed"
    );
    assert_eq!(
        names("ORDER BY NumberOfEmployees DESC NULLS LAST"),
        "Zed baker Ågren O'Neil"
    );
    assert_eq!(
        names("ORDER BY Country, Company DESC"),
        "Zed baker O'Neil Ågren"
    );
    assert_eq!(names("LIMIT 0"), "");
}

#[test]
fn parents_and_children_have_their_own_attributes() {
    let row = &records("SELECT Id, Owner.Name, Owner.Type, CreatedBy.Name FROM Lead LIMIT 1")[0];
    assert_eq!(row["Owner"]["Name"], "Iris");
    assert_eq!(row["Owner"]["Type"], "User");
    assert!(
        row["Owner"]["attributes"]["url"]
            .as_str()
            .unwrap()
            .contains("/sobjects/User/005")
    );
    let rows = records("SELECT LastName, Account.Name FROM Contact ORDER BY LastName");
    assert_eq!(rows[0]["Account"]["attributes"]["type"], "Account");
    assert_eq!(
        (&rows[0]["Account"]["Name"], &rows[2]["Account"]),
        (&json!("Acme"), &Json::Null)
    );
    let text = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName DESC) FROM Account";
    let contacts = &records(text)[0]["Contacts"];
    assert_eq!(
        (&contacts["totalSize"], &contacts["records"][0]["LastName"]),
        (&json!(2), &json!("Baker"))
    );
}

#[test]
fn counts_and_groups_are_computed() {
    let count = ask("SELECT COUNT() FROM Lead WHERE Country = 'Germany'", false).unwrap();
    assert_eq!(
        count,
        json!({ "totalSize": 2, "done": true, "records": [] })
    );
    let rows = records(
        "SELECT Country, COUNT(Id), MAX(NumberOfEmployees) most FROM Lead GROUP BY Country",
    );
    let germany = rows.iter().find(|row| row["Country"] == "Germany").unwrap();
    assert_eq!(
        (&germany["expr0"], &germany["most"]),
        (&json!(2), &json!(200))
    );
    assert_eq!(germany["attributes"], json!({ "type": "AggregateResult" }));
    let none = records("SELECT COUNT(Id) n, SUM(NumberOfEmployees) s FROM Lead WHERE Id = null");
    assert_eq!((&none[0]["n"], &none[0]["s"]), (&json!(0), &Json::Null));
    assert_eq!(ask("SELECT Id FROM Lead", true).unwrap()["totalSize"], 5);
    assert_eq!(
        ask("SELECT FIELDS(ALL) FROM Lead LIMIT 1", false).unwrap()["totalSize"],
        1
    );
}

#[test]
fn what_is_wrong_is_refused_with_its_own_code() {
    for (text, code) in [
        ("SELECT Id FRM Lead", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Lead WHERE A = 1 AND B = 2 OR C = 3",
            "MALFORMED_QUERY",
        ),
        ("SELECT * FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Name x FROM Lead", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY"),
        ("SELECT UPPER(Name) FROM Lead", "MALFORMED_QUERY"),
        (
            "SELECT Country, Name FROM Lead GROUP BY Country",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Leed", "INVALID_TYPE"),
        (
            "SELECT Id, (SELECT Id FROM Nieces) FROM Account",
            "INVALID_TYPE",
        ),
        ("SELECT Nope FROM Lead", "INVALID_FIELD"),
        ("SELECT Id, Id FROM Lead", "INVALID_FIELD"),
        ("SELECT Boss.Name FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Nope = 1", "INVALID_FIELD"),
        ("SELECT Id FROM Lead ORDER BY Nope", "INVALID_FIELD"),
        (
            "SELECT Id FROM Lead WHERE CreatedDate = '2026-01-01'",
            "INVALID_FIELD",
        ),
        ("SELECT Id FROM Lead WHERE Company = 5", "INVALID_FIELD"),
        (
            "SELECT Id FROM Lead WHERE Description = 'x'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Lead WHERE OwnerId = 'me'",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        (
            "SELECT Id FROM Lead WHERE NumberOfEmployees LIKE '1%'",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        (
            "SELECT Id FROM Lead OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
        ),
    ] {
        let refusal = ask(text, false).expect_err(text);
        assert_eq!(
            (refusal.status, refusal.code.as_ref()),
            (400, code),
            "{text}: {refusal:?}"
        );
    }
    let refusal = ask("SELECT Id, Nope FROM Lead", false).unwrap_err();
    assert!(
        refusal
            .message
            .contains("ERROR at Row:1:Column:12\nNo such column 'Nope'"),
        "{}",
        refusal.message
    );
}

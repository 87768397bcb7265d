use crate::{fixture::Fixture, wire::FieldChange};

#[tokio::test]
async fn pages_follow_each_other_by_both_styles_of_locator_until_done() {
    let sim = Fixture::start_with(|config| config.settings.page_size = 2);
    let token = sim.grant().await.access_token;
    let ids = sim.leads(&["A", "B", "C", "D", "E"]).await;
    let (_, mut page) = sim
        .query(&token, "SELECT Id FROM Lead ORDER BY SystemModstamp, Id")
        .await;
    let mut read = Vec::new();
    loop {
        assert_eq!(page["totalSize"], 5);
        let rows = page["records"].as_array().unwrap();
        read.extend(
            rows.iter()
                .map(|row| row["Id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["nextRecordsUrl"].as_str().map(str::to_owned) else {
            break;
        };
        let locator = next.rsplit('/').next().unwrap();
        let other = format!("queryAll/{locator}/");
        assert_eq!(
            sim.call(reqwest::Method::GET, &other, &token, None).await.0,
            200
        );
        page = sim
            .call(
                reqwest::Method::GET,
                &format!("query/{locator}"),
                &token,
                None,
            )
            .await
            .1;
    }
    assert_eq!(read, ids);
    assert_eq!(page["done"], true);
    for locator in ["01gxx0000000001AAA-2", "nonsense", "01g"] {
        let path = format!("query/{locator}");
        let (status, body) = sim.call(reqwest::Method::GET, &path, &token, None).await;
        assert_eq!(
            (status, &body[0]["errorCode"]),
            (400, &"INVALID_QUERY_LOCATOR".into())
        );
    }
}

#[tokio::test]
async fn a_hidden_field_is_in_no_describe_and_no_query() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let describe = async || {
        let path = "sobjects/Lead/describe/";
        let (_, body) = sim.call(reqwest::Method::GET, path, &token, None).await;
        let fields = body["fields"].as_array().unwrap().clone();
        fields.iter().any(|field| field["name"] == "Score__c")
    };
    let mut change = FieldChange {
        sobject: "Lead".to_owned(),
        name: "Score__c".to_owned(),
        kind: Some("double".to_owned()),
        hidden: false,
    };
    sim.admin.field(&change).await.unwrap();
    let text = "SELECT Id, Score__c FROM Lead WHERE Score__c = null";
    assert!(describe().await);
    assert_eq!(sim.query(&token, text).await.0, 200);
    change.hidden = true;
    sim.admin.field(&change).await.unwrap();
    assert!(!describe().await);
    assert_eq!(
        sim.query(&token, text).await.1[0]["errorCode"],
        "INVALID_FIELD"
    );
}

use reqwest::Method;
use serde_json::json;

use super::tests::owners;
use crate::{
    fixture::Fixture,
    wire::{Effect, Fault, Settings},
};

fn fault(effect: Effect) -> Fault {
    Fault {
        method: None,
        path: None,
        record: None,
        skip: 0,
        count: Some(1),
        effect,
    }
}

#[tokio::test]
async fn a_locked_row_fails_alone_and_as_often_as_asked() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let [active, ..] = owners(&sim).await;
    let leads = sim.leads(&["A", "B"]).await;
    let row = Effect::Row {
        code: "UNABLE_TO_LOCK_ROW".to_owned(),
        message: "locked".to_owned(),
    };
    let record = crate::Id::parse(&leads[0]);
    sim.admin
        .fault(&Fault {
            record,
            count: Some(2),
            ..fault(row)
        })
        .await
        .unwrap();
    let body = || {
        let record =
            |id: &String| json!({ "attributes": { "type": "Lead" }, "id": id, "OwnerId": active });
        Some(json!({ "records": leads.iter().map(record).collect::<Vec<_>>() }))
    };
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        let (_, results) = sim
            .call(Method::PATCH, "composite/sobjects", &token, body())
            .await;
        outcomes.push((results[0]["success"] == true, results[1]["success"] == true));
    }
    assert_eq!(outcomes, [(false, true), (false, true), (true, true)]);
    assert_eq!(sim.admin.faults().await.unwrap()[0].hits, 2);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_write_done_and_a_drop_before_leaves_it_undone() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let [active, ..] = owners(&sim).await;
    let lead = sim.leads(&["A"]).await.remove(0);
    let path = format!("sobjects/Lead/{lead}");
    let body = json!({ "OwnerId": active });
    for (effect, writes) in [(Effect::DropBefore, 0), (Effect::DropAfter, 1)] {
        let method = Some("PATCH".to_owned());
        sim.admin
            .fault(&Fault {
                method,
                ..fault(effect)
            })
            .await
            .unwrap();
        let sent = sim
            .send(Method::PATCH, &path, &token, Some(body.clone()))
            .await;
        assert!(sent.is_err(), "an answer came");
        assert_eq!(sim.admin.writes(0).await.unwrap().len(), writes);
    }
    let requests = sim.admin.requests(0).await.unwrap();
    let last = requests.last().unwrap();
    assert_eq!((last.method.as_str(), last.status), ("PATCH", 0));
    let write = &sim.admin.writes(0).await.unwrap()[0];
    assert_eq!((write.request, write.code.as_str()), (last.seq, "OK"));
}

#[tokio::test]
async fn faults_answer_limit_expire_and_revoke() {
    let sim = Fixture::start();
    let granted = sim.grant().await;
    let token = granted.access_token.as_str();
    let limits = async |token: &str| sim.call(Method::GET, "limits", token, None).await;
    let busy = Effect::Status {
        status: 503,
        code: "SERVER_UNAVAILABLE".to_owned(),
        message: "busy".to_owned(),
    };
    sim.admin
        .fault(&Fault {
            skip: 1,
            ..fault(busy)
        })
        .await
        .unwrap();
    assert_eq!(limits(token).await.0, 200);
    assert_eq!(limits(token).await.1[0]["errorCode"], "SERVER_UNAVAILABLE");
    assert_eq!(limits(token).await.0, 200);
    sim.admin.fault(&fault(Effect::Limit)).await.unwrap();
    let (status, body) = limits(token).await;
    assert_eq!(
        (status, &body[0]["errorCode"]),
        (403, &"REQUEST_LIMIT_EXCEEDED".into())
    );
    sim.admin
        .fault(&fault(Effect::ExpireSession))
        .await
        .unwrap();
    assert_eq!(limits(token).await.0, 401);
    let (status, fresh) = sim.refresh(granted.refresh_token.as_deref().unwrap()).await;
    assert_eq!(status, 200);
    sim.admin.fault(&fault(Effect::RevokeGrant)).await.unwrap();
    assert_eq!(limits(fresh["access_token"].as_str().unwrap()).await.0, 401);
    assert_eq!(
        sim.refresh(fresh["refresh_token"].as_str().unwrap())
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn the_daily_limit_is_counted_and_enforced() {
    let sim = Fixture::start();
    let token = sim.grant().await.access_token;
    let settings = Settings {
        daily_limit: 2,
        ..Settings::default()
    };
    sim.admin.set_settings(&settings).await.unwrap();
    let first = sim.send(Method::GET, "limits", &token, None).await.unwrap();
    assert_eq!(first.headers()["sforce-limit-info"], "api-usage=1/2");
    assert_eq!(sim.call(Method::GET, "limits", &token, None).await.0, 200);
    assert_eq!(sim.call(Method::GET, "limits", &token, None).await.0, 403);
}

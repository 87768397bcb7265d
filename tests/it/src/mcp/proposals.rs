//! What a program proposes changes nothing until a person of the organisation decides (OB-23, OB-24).

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, Principal};
use reqwest::Method;
use serde_json::{Value, json};

use super::desk::{ALL, Program};

/// The one that failed.
const FAILED: &str = "00Q00000000003AAAA";
const RECORD: &str = "SELECT state || ' ' || attempts || ' ' || (next_attempt_at IS NULL) FROM routing_records WHERE record_id = '00Q00000000003AAAA' AND tenant_id = ";

impl Program {
    async fn proposals(&self, state: &str) -> Vec<Value> {
        let path = format!("/intents?state={state}");
        self.door.desk.get(&path).await["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    async fn decide(&self, proposal: &Value, verb: &str) -> (u16, Value) {
        let path = format!("/intents/{}/{verb}", proposal["id"].as_str().unwrap());
        self.door
            .desk
            .call(Method::POST, &path, Some(&json!({})))
            .await
    }

    fn record(&self) -> Vec<String> {
        let tenant = self.door.desk.tenant().uuid();
        self.door.desk.rows(&format!("{RECORD}'{tenant}'"))
    }

    fn actions(&self) -> Vec<String> {
        self.door.desk.rows(
            "SELECT actor_kind || ' ' || action || ' ' || outcome FROM audit_log \
             WHERE action LIKE 'intent%' OR action IN ('record_retry', 'time_off_add') ORDER BY actor_kind, action",
        )
    }
}

#[tokio::test]
async fn a_record_is_tried_again_once_a_person_approves_and_not_before() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    let before = program.record();
    let wish =
        json!({ "object": "Lead", "record_id": FAILED, "reason": "The rule\u{202e} was mended" });
    let told = program
        .tool(&token, "record_retry_propose", wish.clone())
        .await;
    assert_eq!(told["state"], "waiting");
    assert_eq!(program.record(), before, "a proposal changed the record");
    let again = program.tool(&token, "record_retry_propose", wish).await;
    assert_eq!(
        again,
        json!({ "state": "already_waiting", "proposal_id": null })
    );

    let waiting = program.proposals("waiting").await;
    let [proposal] = waiting.as_slice() else {
        panic!("{waiting:?}");
    };
    assert_eq!(proposal["id"], told["proposal_id"]);
    assert_eq!(
        (&proposal["kind"], &proposal["record_id"]),
        (&json!("record_retry"), &json!(FAILED))
    );
    assert_eq!(proposal["reason"], "The rule was mended");
    assert_eq!(proposal["program"], "Assistant");
    assert_eq!(program.decide(proposal, "approve").await.0, 204);
    assert_ne!(program.record(), before, "the approval did nothing");
    for verb in ["approve", "decline"] {
        let (status, answer) = program.decide(proposal, verb).await;
        assert_eq!((status, &answer["code"]), (409, &json!("intent_decided")));
    }
    assert_eq!(program.proposals("waiting").await.len(), 0);
    let decided = program.proposals("decided").await;
    assert_eq!(decided[0]["state"], "approved");
    assert!(
        decided[0]["decided_by"]["name"].is_string(),
        "{}",
        decided[0]
    );
    assert_eq!(
        program.actions(),
        [
            "agent intent_propose done",
            "human intent_approve done",
            "human record_retry done"
        ]
    );
    program.close().await;
}

#[tokio::test]
async fn days_off_are_a_persons_to_grant() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    let wish = |day: &str| json!({ "rep_id": program.rep(), "first_day": day, "last_day": day, "reason": "Asked in the chat" });
    let days = || {
        program
            .door
            .desk
            .rows("SELECT first_day || ' ' || reason FROM time_off")
    };
    program
        .tool(&token, "time_off_propose", wish("2030-01-02"))
        .await;
    program
        .tool(&token, "time_off_propose", wish("2030-01-03"))
        .await;
    assert_eq!(days(), Vec::<String>::new());
    for proposal in program.proposals("waiting").await {
        let verb = match proposal["first_day"].as_str() {
            Some("2030-01-02") => "decline",
            _ => "approve",
        };
        assert_eq!(program.decide(&proposal, verb).await.0, 204);
    }
    assert_eq!(days(), ["2030-01-03 Asked in the chat"]);
    program.close().await;
}

/// However often it asks, and however many at once: people have no more to read than a page of it.
#[tokio::test]
async fn a_program_cannot_flood_those_who_decide() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    let ask = async |token: &str, day: &str| {
        let wish =
            json!({ "rep_id": program.rep(), "first_day": day, "last_day": day, "reason": "Away" });
        let call = json!({ "name": "time_off_propose", "arguments": wish });
        let answer = program.ask(true, token, "tools/call", call).await;
        match answer["result"]["structuredContent"]["state"].as_str() {
            Some(state) => state.to_owned(),
            None => {
                let text = answer["result"]["content"][0]["text"].as_str().unwrap();
                text.split([':', ' ']).next().unwrap().to_owned()
            }
        }
    };
    for n in 1..=48 {
        let day = format!("2030-{:02}-{:02}", 1 + n / 28, 1 + n % 28);
        assert_eq!(ask(&token, &day).await, "waiting");
    }
    let (a, b, c, d) = tokio::join!(
        ask(&token, "2031-01-01"),
        ask(&token, "2031-01-02"),
        ask(&token, "2031-01-03"),
        ask(&token, "2031-01-04"),
    );
    let mut said = [a, b, c, d];
    said.sort_unstable();
    assert_eq!(said, ["intents_full", "intents_full", "waiting", "waiting"]);
    // What another was let in for is its own; what was decided makes room.
    let other = program.token(&ALL).await;
    assert_eq!(ask(&other, "2031-02-01").await, "waiting");
    assert_eq!(ask(&token, "2031-02-02").await, "intents_full");
    let asked = "SELECT count(*) FROM intents WHERE state = 'waiting' GROUP BY grant_id ORDER BY 1";
    assert_eq!(program.door.desk.rows(asked), ["1", "50"]);
    let waiting = program.proposals("waiting").await;
    let first = waiting.last().unwrap();
    assert_eq!(program.decide(first, "decline").await.0, 204);
    assert_eq!(ask(&token, "2031-02-02").await, "waiting");
    program.close().await;
}

/// What nobody decided in time is over: it is shown as that, and cannot be approved.
#[tokio::test]
async fn what_nobody_decided_expires_and_is_forgotten_later() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    let wish = json!({ "object": "Lead", "record_id": FAILED, "reason": "Again" });
    program
        .tool(&token, "record_retry_propose", wish.clone())
        .await;
    let waiting = program.proposals("waiting").await;
    let (bed, tenant) = (&program.door.desk.house.bed, program.door.desk.tenant());
    let who = Principal::system(tenant, None);
    let expire = async |before: DateTime<Utc>| {
        let ended = bed
            .db
            .run(&who, move |tx| layer::intents_expire(tx, before, 10));
        ended.await.unwrap()
    };
    let now = bed.clock.now();
    let due = async |before| {
        bed.db
            .system(move |tx| tx.intents_due(before))
            .await
            .unwrap()
    };
    assert_eq!(due(now - TimeDelta::seconds(1)).await, []);
    assert_eq!(expire(now - TimeDelta::seconds(1)).await, 0);
    let later = now + TimeDelta::seconds(1);
    assert_eq!(due(later).await, [tenant]);
    assert_eq!((expire(later).await, expire(later).await), (1, 0));

    assert_eq!(program.proposals("waiting").await.len(), 0);
    let decided = program.proposals("decided").await;
    assert_eq!(
        (&decided[0]["state"], &decided[0]["decided_by"]),
        (&json!("expired"), &Value::Null)
    );
    let before = program.record();
    let (status, answer) = program.decide(&waiting[0], "approve").await;
    assert_eq!((status, &answer["code"]), (409, &json!("intent_decided")));
    assert_eq!(program.record(), before);
    assert_eq!(
        program.actions(),
        ["agent intent_propose done", "system intent_expire done"]
    );
    // It may be asked again; what waits is never forgotten.
    program.tool(&token, "record_retry_propose", wish).await;
    let forget = async |before| {
        let gone = bed.db.system(move |tx| tx.intents_forget(before, 10));
        gone.await.unwrap()
    };
    assert_eq!(forget(now - TimeDelta::seconds(1)).await, 0);
    assert_eq!((forget(later).await, forget(later).await), (1, 0));
    assert_eq!(program.proposals("waiting").await.len(), 1);
    program.close().await;
}

/// What cannot be done any more is not approved, and waits on.
#[tokio::test]
async fn an_approval_that_comes_too_late_decides_nothing() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    let wish = json!({ "object": "Lead", "record_id": FAILED, "reason": "Again" });
    program.tool(&token, "record_retry_propose", wish).await;
    program
        .door
        .desk
        .owner("UPDATE routing_records SET state = 'postponed' WHERE state = 'failed'");
    let waiting = program.proposals("waiting").await;
    let (status, answer) = program.decide(&waiting[0], "approve").await;
    assert_eq!((status, &answer["code"]), (409, &json!("not_retryable")));
    assert_eq!(program.proposals("waiting").await.len(), 1);
    assert_eq!(program.decide(&waiting[0], "decline").await.0, 204);
    program.close().await;
}

#[tokio::test]
async fn what_cannot_be_proposed_is_refused_and_leaves_nothing() {
    let program = Program::open().await;
    let token = program.token(&ALL).await;
    let (rep, neighbour) = (
        program.rep(),
        format!("rep_{}", program.door.neighbour.uuid().as_simple()),
    );
    let record =
        |id: &str, reason: &str| json!({ "object": "Lead", "record_id": id, "reason": reason });
    let away = |rep: &str, first: &str, last: &str| json!({ "rep_id": rep, "first_day": first, "last_day": last, "reason": "Away" });
    let long = "x".repeat(501);
    for (tool, given, code) in [
        (
            "record_retry_propose",
            record("00Q00000000001AAAA", "Again"),
            "not_retryable",
        ),
        (
            "record_retry_propose",
            record("00Q00000000004AAAA", "Again"),
            "not_retryable",
        ),
        (
            "record_retry_propose",
            record("00Q00000000009AAAA", "Again"),
            "not_retryable",
        ),
        (
            "record_retry_propose",
            record(FAILED, &long),
            "input_invalid",
        ),
        (
            "record_retry_propose",
            record(FAILED, "\u{200b} "),
            "reason_invalid",
        ),
        (
            "time_off_propose",
            away(&neighbour, "2030-01-02", "2030-01-02"),
            "not_found",
        ),
        (
            "time_off_propose",
            away(&rep, "2030-01-02", "2030-01-01"),
            "time_off_days_invalid",
        ),
        (
            "time_off_propose",
            away(&rep, "tomorrow", "2030-01-01"),
            "input_invalid",
        ),
    ] {
        let call = json!({ "name": tool, "arguments": given });
        let answer = program.ask(true, &token, "tools/call", call).await;
        assert_eq!(answer["result"]["isError"], true, "{given}: {answer}");
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with(code), "{given}: {text}");
    }
    assert_eq!(program.door.desk.rows("SELECT kind FROM intents"), [""; 0]);
    program.close().await;
}

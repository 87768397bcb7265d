//! Hours, caps, time off and holidays through the console's API: what a person sets is shown, kept in
//! the audit log, and refused with a code where it means nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::console_desk::Desk;

fn of<'a>(list: &'a Value, id: &str) -> &'a Value {
    let mut items = list["items"].as_array().unwrap().iter();
    items.find(|item| item["id"] == id).unwrap()
}

#[tokio::test]
async fn a_reps_availability_is_set_shown_and_audited() {
    let desk = Desk::open().await;
    let reps = desk.reps();
    let christmas = json!([{ "day": "2026-12-25", "name": "Christmas Day" }]);
    let calendar = desk
        .post(
            "/holiday-calendars",
            json!({ "name": "Germany", "days": christmas }),
        )
        .await;
    let path = format!("/reps/{}/availability", reps[0]);
    let hours = json!([{ "day": 5, "from": 1320, "until": 360 }]);
    let set = json!({
        "time_zone": "Europe/Berlin", "hours": hours, "calendar_id": calendar["id"],
        "caps": { "hour": 3, "day": 9, "week": null }, "version": 1,
    });
    let rep = desk.put(&path, set.clone()).await;
    assert_eq!(
        (&rep["hours"], &rep["time_zone"]),
        (&hours, &json!("Europe/Berlin"))
    );
    assert_eq!(rep["caps"], json!({ "hour": 3, "day": 9, "week": null }));
    assert_eq!(rep["version"], 2);
    let (status, answer) = desk.call(Method::PUT, &path, Some(&set)).await;
    assert_eq!((status, &answer["current"]["version"]), (409, &json!(2)));

    let today = kernel::Clock::now(&kernel::SystemClock).date_naive();
    let days = json!({
        "first_day": today - chrono::TimeDelta::days(1),
        "last_day": today + chrono::TimeDelta::days(1), "reason": "Leave",
    });
    let leave = desk
        .post(&format!("/reps/{}/time-off", reps[1]), days)
        .await;
    let list = desk.get("/reps").await;
    let off = of(&list, &reps[1]);
    assert_eq!(
        (&off["presence"]["state"], &off["presence"]["reason"]),
        (&json!("off"), &json!("Time off."))
    );
    assert!(off["presence"]["until"].is_string() && off["time_off"][0]["id"] == leave["id"]);
    assert_eq!(of(&list, &reps[2])["presence"]["state"], "available");

    let calendar_id = calendar["id"].as_str().unwrap();
    let (status, answer) = desk
        .call(
            Method::DELETE,
            &format!("/holiday-calendars/{calendar_id}"),
            None,
        )
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("calendar_in_use"))
    );
    let leave = format!("/time-off/{}", leave["id"].as_str().unwrap());
    let (status, _) = desk.call(Method::DELETE, &leave, None).await;
    assert_eq!(status, 204);
    let list = desk.get("/reps").await;
    assert_eq!(of(&list, &reps[1])["presence"]["state"], "available");
    let actions = desk.rows("SELECT action FROM audit_log WHERE action LIKE '%availability%' OR action LIKE 'time_off%' OR action LIKE 'holiday%' ORDER BY 1");
    assert_eq!(
        actions,
        [
            "holiday_calendar_create",
            "rep_availability_update",
            "time_off_add",
            "time_off_remove"
        ]
    );
}

#[tokio::test]
async fn a_calendar_file_is_looked_at_taken_over_and_its_words_forgotten() {
    let desk = Desk::open().await;
    let rep = desk.reps()[0].clone();
    let now = kernel::Clock::now(&kernel::SystemClock);
    let at = |minutes: i64| {
        let at = now + chrono::TimeDelta::minutes(minutes);
        at.format("%Y%m%dT%H%M%SZ").to_string()
    };
    let text = format!(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Zyxsecret\r\nDTSTART:{}\r\nDTEND:{}\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:odd@zyxsecret\r\nDTSTART:soon\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        at(-5),
        at(90)
    );
    let path = format!("/reps/{rep}/time-off/calendar");
    let body = |dry_run: bool| json!({ "text": text, "counts": "everything", "dry_run": dry_run });
    let look = desk.post(&path, body(true)).await;
    assert_eq!(
        (&look["spells"], &look["whole_days"], &look["replaces"]),
        (&json!(1), &json!(0), &json!(0))
    );
    let flaw = &look["flaws"][0];
    assert_eq!(
        (&flaw["number"], &flaw["code"], &flaw["uid"]),
        (
            &json!(2),
            &json!("time_unreadable"),
            &json!("odd@zyxsecret")
        )
    );
    let before = desk.get("/reps").await;
    assert_eq!(of(&before, &rep)["presence"]["state"], "available");
    assert_eq!(
        desk.rows("SELECT action FROM audit_log WHERE action = 'time_off_import'")
            .len(),
        0
    );

    desk.post(&path, body(false)).await;
    let after = desk.get("/reps").await;
    let (presence, row) = (
        &of(&after, &rep)["presence"],
        &of(&after, &rep)["time_off"][0],
    );
    assert_eq!(presence["reason"], "Time off.");
    assert_eq!(
        (&row["source"], &row["reason"]),
        (&json!("calendar"), &json!("From the calendar"))
    );
    assert!(row["starts_at"].is_string() && presence["until"] == row["ends_at"]);
    let kept =
        desk.rows("SELECT t::text FROM time_off t UNION ALL SELECT a::text FROM audit_log a");
    assert!(
        kept.iter()
            .all(|row| !row.to_lowercase().contains("zyxsecret"))
    );
    assert_eq!(desk.post(&path, body(true)).await["replaces"], 1);
    let nothing = json!({ "text": "Dear all,", "counts": "everything", "dry_run": true });
    let (status, answer) = desk.call(Method::POST, &path, Some(&nothing)).await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("calendar_file_unreadable"))
    );
}

#[tokio::test]
async fn a_pool_says_who_is_next_and_what_it_owes() {
    let desk = Desk::open().await;
    let reps = desk.reps();
    let members: Vec<_> = reps.iter().take(3).zip([2, 1, 1]).collect();
    let members: Vec<_> = members
        .iter()
        .map(|(rep, weight)| json!({ "rep_id": rep, "weight": weight }))
        .collect();
    let pool = desk
        .post("/pools", json!({ "name": "Turns", "members": members }))
        .await;
    let next = |pool: &Value| -> Vec<String> {
        let members = pool["members"].as_array().unwrap().iter();
        let next = members.filter(|member| member["next"] == true);
        next.map(|member| member["rep_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(next(&pool), [reps[0].clone()], "the heaviest begins");
    let nothing = pool["members"].as_array().unwrap().iter();
    assert!(
        nothing
            .clone()
            .all(|member| member["owed"].as_f64() == Some(0.0))
    );
    let paused = json!({ "paused": true });
    let (status, _) = desk
        .call(Method::PATCH, &format!("/reps/{}", reps[0]), Some(&paused))
        .await;
    assert_eq!(status, 200);
    let pools = desk.get("/pools").await;
    let pool = of(&pools, pool["id"].as_str().unwrap());
    assert_eq!(next(pool).len(), 1);
    assert_ne!(next(pool), [reps[0].clone()]);
    let gone = pool["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|member| member["rep_id"] == json!(reps[0]));
    assert!(
        gone.unwrap()["owed"].is_null(),
        "who is not in play is owed nothing"
    );
}

#[tokio::test]
async fn what_means_nothing_is_refused_with_its_code() {
    let desk = Desk::open().await;
    let reps = desk.reps();
    let availability = |part: &str, value: Value| {
        let mut body = json!({ "time_zone": null, "hours": null, "calendar_id": null, "caps": {}, "version": 1 });
        body[part] = value;
        (Method::PUT, format!("/reps/{}/availability", reps[0]), body)
    };
    let off = |first: &str, last: &str, reason: &str| {
        let body = json!({ "first_day": first, "last_day": last, "reason": reason });
        (Method::POST, format!("/reps/{}/time-off", reps[0]), body)
    };
    let calendar = |days: Value| {
        let body = json!({ "name": "C", "days": days });
        (Method::POST, String::from("/holiday-calendars"), body)
    };
    let overlap =
        json!([{ "day": 1, "from": 540, "until": 700 }, { "day": 1, "from": 600, "until": 800 }]);
    let twice = json!([{ "day": "2026-01-01", "name": "a" }, { "day": "2026-01-01", "name": "b" }]);
    let nobody = format!("calendar_{}", uuid::Uuid::from_u128(7).as_simple());
    let cases = [
        (
            availability("time_zone", json!("Mars/Olympus")),
            "time_zone_unknown",
        ),
        (availability("hours", json!([])), "hours_empty"),
        (availability("hours", overlap), "hours_overlap"),
        (
            availability("hours", json!([{ "day": 8, "from": 1, "until": 2 }])),
            "hours_out_of_day",
        ),
        (availability("caps", json!({ "day": 0 })), "cap_invalid"),
        (
            availability("calendar_id", json!(nobody)),
            "calendar_unknown",
        ),
        (
            off("2026-02-02", "2026-02-01", "x"),
            "time_off_days_invalid",
        ),
        (
            off("2026-02-02", "2029-02-01", "x"),
            "time_off_days_invalid",
        ),
        (
            off("2026-02-02", "2026-02-03", " "),
            "time_off_reason_invalid",
        ),
        (calendar(twice), "holidays_invalid"),
    ];
    for ((method, path, body), code) in cases {
        let (status, answer) = desk.call(method, &path, Some(&body)).await;
        assert_eq!(
            (status, answer["code"].as_str()),
            (400, Some(code)),
            "{path} {body}"
        );
    }
}

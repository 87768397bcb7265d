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

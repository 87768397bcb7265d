//! Secrets, people and fields that nobody listed, planted, and then looked for in thousands of answers.

use chrono::TimeDelta;
use reqwest::Method;

use super::desk::{CANARY, Door};

/// Numbers that look like chance and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let many = u64::try_from(from.len()).unwrap();
        from[usize::try_from(self.next() % many).unwrap()]
    }
}

const NAMES: [&str; 22] = [
    "fields",
    "cursor",
    "limit",
    "field",
    "value",
    "imported_since",
    "object",
    "record",
    "rule",
    "rep",
    "state",
    "reason",
    "from",
    "to",
    "tenant_id",
    "select",
    "include",
    "expand",
    "%24where",
    "order",
    "join",
    "fields%5B%5D",
];

const VALUES: [&str; 24] = [
    "Company",
    "Secret__c",
    "Company,Secret__c",
    "*",
    "id,name",
    "secret_hash",
    "password_hash",
    "consumer_key",
    "reasons",
    "1",
    "200",
    "-1",
    "Lead",
    "Contact",
    "failed",
    "waiting",
    "assigned",
    "2026-01-01T00:00:00Z",
    "2030-01-01T00:00:00Z",
    "1%27%20OR%20%271%27%3D%271",
    "%00",
    "..%2F..%2Fusers",
    "zyxcanary",
    "%7B%22%24gt%22%3A%22%22%7D",
];

const PATHS: [&str; 16] = [
    "/records/Lead",
    "/records/Contact",
    "/records/Lead/00Q00000000001AAAA",
    "/records/Lead/00Q00000000009AAAA",
    "/records/User",
    "/records/Lead/Secret__c",
    "/fields/Lead",
    "/fields/Contact",
    "/routing/log",
    "/routing/failures",
    "/routing/reps",
    "/routing/pools",
    "/routing/statistics",
    "/routing/rules",
    "/connections",
    "/users",
];

const CALLS: usize = 2_400;

/// Plants the canary wherever a secret, a person or a field that nobody listed stands.
fn plant(door: &Door) {
    let tenant = door.desk.tenant().uuid();
    door.desk.owner(&format!(
        "UPDATE users SET name = '{CANARY} person', password_hash = '{CANARY} hash'; \
         UPDATE tenants SET name = '{CANARY} tenant'; \
         INSERT INTO connections (tenant_id, connection_id, provider, kind, state, environment, login_host, consumer_key, created_at, updated_at) \
         VALUES ('{tenant}', '{tenant}', 'salesforce', 'routing', 'configured', 'production', '{CANARY}.my.salesforce.com', '{CANARY} consumer', now(), now()); \
         INSERT INTO oauth_states (tenant_id, state_hash, connection_id, session_id, verifier_sealed, created_at, expires_at) \
         VALUES ('{tenant}', '{CANARY}', '{tenant}', '{tenant}', '{CANARY}', now(), now()); \
         INSERT INTO jobs (tenant_id, job_id, kind, payload, run_at, max_attempts, created_at) \
         VALUES ('{tenant}', '{tenant}', '{CANARY}', '{{\"{CANARY}\": 1}}', now() + interval '1 day', 1, now()); \
         INSERT INTO time_off (tenant_id, time_off_id, rep_id, first_day, last_day, reason, created_at) \
         VALUES ('{tenant}', '{tenant}', '{tenant}', current_date, current_date, '{CANARY}', now());"
    ));
}

#[tokio::test]
async fn no_answer_to_a_machine_has_a_secret_a_person_or_a_field_that_nobody_listed() {
    let door = Door::open().await;
    plant(&door);
    let keys = [
        door.key("records:read").await,
        door.key("routing:read").await,
    ];
    let mut dice = Dice(0x5265_766b_6565_7021);
    let (mut read, mut refused, mut seen) = (0, 0, String::new());
    for call in 0..CALLS {
        if call % 90 == 0 {
            door.desk.house.advance(TimeDelta::minutes(1));
        }
        let mut path = dice.pick(&PATHS).to_owned();
        for turn in 0..dice.next() % 3 {
            let joint = if turn == 0 { '?' } else { '&' };
            let (name, value) = (dice.pick(&NAMES), dice.pick(&VALUES));
            path = format!("{path}{joint}{name}={value}");
        }
        let key = &keys[usize::from(path.contains("/routing/"))];
        let answer = door.request(Method::GET, key, &path).send().await.unwrap();
        let status = answer.status().as_u16();
        assert!(matches!(status, 200 | 400 | 404), "{path}: {status}");
        let heads = format!("{:?}", answer.headers());
        let body = answer.text().await.unwrap();
        // What was asked for may be said again; nothing else may.
        let told = format!("{heads}{body}");
        assert!(!told.to_lowercase().contains(CANARY), "{path}: {told}");
        match status {
            200 => read += 1,
            _ => refused += 1,
        }
        if call < 200 {
            seen.push_str(&body);
        }
    }
    assert!(read > CALLS / 5 && refused > CALLS / 5, "{read} {refused}");
    assert!(seen.contains("Visible 1"), "what is listed is there");
    // The canary is where it was planted.
    let planted = "SELECT count(*) FROM layer_records WHERE fields::text LIKE '%zyxcanary%'";
    assert_eq!(door.desk.rows(planted), ["14"]);
    door.close().await;
}

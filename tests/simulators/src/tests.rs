use serde_json::json;

use crate::{
    fixture::Fixture,
    wire::{Generate, Trickle},
};

#[tokio::test]
async fn generated_leads_are_loaded_counted_and_owned() {
    let sim = Fixture::start();
    let wanted = Generate {
        users: 4,
        queues: 2,
        leads: 500,
        hostile_every: 50,
        ..Generate::default()
    };
    let made = sim.admin.generate(&wanted).await.unwrap();
    assert_eq!(made.leads.len(), 500);
    let stats = sim.admin.stats().await.unwrap();
    assert_eq!((stats.records["Lead"], stats.records["User"]), (500, 5));
    let owners = sim.admin.owners("Lead").await.unwrap();
    assert!(owners.iter().all(|row| row.owner.is_some()));
    sim.admin.reset().await.unwrap();
    assert_eq!(sim.admin.stats().await.unwrap().records["Lead"], 0);
}

#[tokio::test]
async fn a_trickle_gives_as_many_leads_as_asked_and_stops() {
    let sim = Fixture::start();
    let trickle = Trickle {
        every_ms: 1,
        seed: 3,
        hostile_every: 0,
        count: Some(5),
    };
    sim.admin.trickle(&trickle).await.unwrap();
    while sim.admin.stats().await.unwrap().trickled < 5 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sim.admin.stats().await.unwrap().records["Lead"], 5);
    let endless = Trickle {
        count: None,
        ..trickle
    };
    sim.admin.trickle(&endless).await.unwrap();
    sim.admin.stop_trickle().await.unwrap();
    let stopped_at = sim.admin.stats().await.unwrap().trickled;
    assert_eq!(sim.admin.stats().await.unwrap().trickled, stopped_at);
}

#[tokio::test]
async fn a_load_says_which_line_is_wrong() {
    let sim = Fixture::start();
    let records = [
        json!({ "LastName": "A", "Company": "B" }),
        json!({ "Nope": 1 }),
    ];
    let error = sim
        .admin
        .load("Lead", &records)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2") && error.contains("Nope"),
        "{error}"
    );
    assert!(sim.admin.load("Leed", &records).await.is_err());
}

#[tokio::test]
async fn a_simulator_stops_with_its_handle() {
    let sim = Fixture::start();
    let address = sim.running.address;
    drop(sim);
    std::net::TcpListener::bind(address).unwrap();
}

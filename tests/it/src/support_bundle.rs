//! `revkeep support-bundle`: what is secret or personal is planted in everything that the bundle is made
//! from, and none of it is in the bundle.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use stack::{
    console::{EMAIL, PASSWORD},
    daemon::Daemon,
    scenario,
};

use crate::{
    canary::{
        Canary, LEAD_COMPANY, LEAD_EMAIL, LEAD_NAME, REFRESH_TOKEN, found, route_canary_leads,
        see_personal_fields, session_of,
    },
    harness::column,
    live::{configured, superuser, world},
};

const HOME: &str = "/home/Zyxcanary/keys";
const CONTACT: &str = "zyxcanary.contact@acme.example";
const HOST: &str = "zyxcanary.corp.example";
const METHOD: &str = "ZYXCANARY";

fn command(daemon: &Daemon, arguments: &[&str]) -> Output {
    Command::new(daemon.program())
        .arg("support-bundle")
        .args(arguments)
        .arg("--config")
        .arg(&daemon.config)
        .output()
        .unwrap()
}

fn preview(daemon: &Daemon) -> String {
    let run = command(daemon, &["--preview"]);
    assert!(run.status.success(), "{run:?}");
    String::from_utf8(run.stdout).unwrap()
}

/// A file of the archive, by the system's own tar.
fn member(archive: &Path, name: &str) -> String {
    let run = Command::new("tar")
        .args(["-xzOf"])
        .arg(archive)
        .arg(format!("revkeep-support/{name}"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{name}: {run:?}");
    String::from_utf8(run.stdout).unwrap()
}

/// Settings with people, hosts and paths in them, of which some make findings that name them.
fn settings_with_canaries(daemon: &Daemon) {
    let folder = daemon.config.with_file_name("conf.d");
    fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "[site]\nsecurity_contact = \"{CONTACT}\"\npublic_url = \"https://{HOST}\"\n\
         [identity.breach]\nhash_file = \"{HOME}/list\"\n[mail]\nuser = \"zyxcanary\"\n\
         [egress]\nprivate_endpoints = [\"{HOST}:6514\"]\n"
    );
    fs::write(folder.join("50-canaries.toml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_no_person_and_no_customers_data_is_in_a_bundle() {
    let world = world().await;
    let (mut daemon, console) = configured(&world).await;
    see_personal_fields(&console).await;
    scenario::activate(&console).await.unwrap();
    let mut canaries = vec![
        Canary::new("password", PASSWORD),
        Canary::new("email", EMAIL),
        Canary::new("a person's name", "Lovelace"),
        Canary::new("the tenant's name", "Acme"),
        Canary::new("a lead's name", LEAD_NAME),
        Canary::new("a lead's address", LEAD_EMAIL),
        Canary::new("a lead's company", LEAD_COMPANY),
        Canary::new("consumer secret", simulators::CLIENT_SECRET),
        Canary::new("refresh token", REFRESH_TOKEN),
        Canary::new("access token", format!("{}!", simulators::ORGANISATION)),
        Canary::new("a folder, host, account or address", "yxcanary"),
        Canary::new("a method that a client made up", METHOD),
        Canary::new("the host of Salesforce", world.salesforce_host()),
        Canary::new(
            "the scratch folder",
            world.directory().display().to_string(),
        ),
    ];
    canaries.extend(session_of(&console).await);
    route_canary_leads(&world, &console, &daemon).await;
    let ids = column(
        &mut superuser(&world),
        "SELECT tenant_id FROM tenants UNION ALL SELECT user_id FROM users",
    );
    canaries.extend(ids.into_iter().map(|id| Canary::new("an id", id)));
    let made_up = reqwest::Method::from_bytes(METHOD.as_bytes()).unwrap();
    let client = daemon.client().unwrap();
    let _ = client
        .request(made_up, format!("{}/{HOME}", daemon.url))
        .send()
        .await;
    settings_with_canaries(&daemon);

    let shown = preview(&daemon);
    assert_eq!(
        found(&canaries, &[("the preview", shown.clone())]),
        Vec::<String>::new()
    );
    // They were there to be told: the findings that the bundle is made from name them.
    let told = daemon.command(&["doctor"]).unwrap().to_string();
    assert!(told.contains(HOME) && told.contains(HOST), "{told}");
    for part in [
        "\"bcrypt_cost\": 12",
        "\"security_contact\": true",
        "\"verdict\": \"fail\"",
        "revkeep_http_answers_total",
        "\"name\": \"audit_log\"",
        "\"rule\": \"jobs_dead\"",
        "\"kernel\"",
        "migrations_pending",
        "==> warning.txt <==",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let file = world.directory().join("bundle.tar.gz");
    is_written_as_shown(&daemon, &file, &shown);
    let every: String = [
        "settings.json",
        "findings.json",
        "daemon.json",
        "machine.json",
        "warning.txt",
        "manifest.json",
    ]
    .map(|name| member(&file, name))
    .concat();
    assert_eq!(
        found(&canaries, &[("the archive", every)]),
        Vec::<String>::new()
    );

    daemon.signal(15); // SIGTERM
    assert!(daemon.wait_ended().await.unwrap().success());
    let shown = preview(&daemon);
    assert!(
        shown.contains("daemon.json: status, metrics, migrations and tables are missing"),
        "{shown}"
    );
    assert_eq!(
        found(&canaries, &[("the preview", shown)]),
        Vec::<String>::new()
    );
}

/// Each file in the archive stands in the preview, whole, and only its owner reads it.
fn is_written_as_shown(daemon: &Daemon, file: &Path, shown: &str) {
    let to = file.display().to_string();
    let run = command(daemon, &["--to", &to]);
    assert!(run.status.success(), "{run:?}");
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for name in ["settings.json", "findings.json", "warning.txt"] {
        let text = member(file, name);
        assert!(
            shown.contains(&format!("==> {name} <==\n{text}")),
            "{name}: {text}"
        );
    }
    let again = command(daemon, &["--to", &to]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
}

//! What opens the secrets backend, how its keys turn, and how the database lets the daemon in: each broken from
//! outside, where no row and no grant is.

use reqwest::Method;
use serde_json::json;

use super::*;

const POLICY: &str = include_str!("../../../../config/vault/revkeep-policy.hcl");
/// Moving what is sealed to a newer version of a key.
const REWRAP: &str = "path \"transit/rewrap/revkeep-t-*\" {\n  capabilities = [\"update\"]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_in_that_is_amiss_is_found() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    for id in ["LM-70", "LM-71", "LM-97"] {
        whole_again(&daemon, id);
    }
    others_read_the_opener(&daemon);
    keys_do_not_turn(&world, &daemon).await;
    a_password_is_asked(&world, &daemon).await;
    assert!(daemon.stop().await.unwrap().success());
}

fn others_read_the_opener(daemon: &Daemon) {
    let opener = daemon.home.join("secret-id");
    let mode = |mode| fs::set_permissions(&opener, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    fails(daemon, "LM-97", "opener_closed", "its mode is 0644");
    mode(0o600);
    whole_again(daemon, "LM-97");
}

async fn keys_do_not_turn(world: &World, daemon: &Daemon) {
    assert!(POLICY.contains(REWRAP));
    let forbidden = POLICY.replace(REWRAP, &REWRAP.replace("update", "deny"));
    let write = async |policy: &str| {
        let body = json!({ "policy": policy });
        let path = "sys/policies/acl/revkeep";
        let answer = world.openbao.request(Method::PUT, path, Some(body)).await;
        assert!(answer.unwrap().0.is_success());
    };
    write(&forbidden).await;
    fails(daemon, "LM-71", "tenant_keys_turn", "cannot be turned");
    write(POLICY).await;
    whole_again(daemon, "LM-71");
}

async fn a_password_is_asked(world: &World, daemon: &Daemon) {
    let rules = world.postgres.socket_directory().join("data/pg_hba.conf");
    let sound = fs::read_to_string(&rules).unwrap();
    let asking = format!("local all revkeep_auditor scram-sha-256\n{sound}");
    for (text, status, said) in [
        (&asking, "failing", "asks revkeep_auditor for a password"),
        (&sound, "enforced", "no password is shown"),
    ] {
        fs::write(&rules, text).unwrap();
        superuser(world)
            .batch_execute("SELECT pg_reload_conf()")
            .unwrap();
        until("the rules are not read", async || {
            let told = verify(daemon, &["LM-70"]);
            let found = control(&told, "LM-70");
            if found["status"] == status && found.to_string().contains(said) {
                Ok(())
            } else {
                Err(told.to_string())
            }
        })
        .await;
        if status == "failing" {
            fails(daemon, "LM-70", "database_without_password", said);
        }
    }
}

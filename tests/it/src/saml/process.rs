//! The process that reads responses has no rights (CX-34).

use super::*;

/// The process as the kernel sees it, before it has read a byte.
#[tokio::test]
async fn the_process_that_reads_has_no_rights_and_little_of_everything() {
    let mut process = Command::new(stack::simulator::built("revkeep").unwrap())
        .arg("saml-verify")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let read =
        |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", process.id())).unwrap();
    let status = until("the process enters its sandbox", async || {
        let status = read("status");
        if status.contains("Seccomp:\t2") {
            Ok(status)
        } else {
            Err(status)
        }
    })
    .await;
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    assert!(status.contains("Threads:\t1"), "{status}");
    let limits = read("limits");
    for (name, most) in [
        ("Max data size", "67108864"),
        ("Max cpu time", "2"),
        ("Max open files", "3"),
        ("Max processes", "0"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let hard = line.trim_start_matches(name).split_whitespace().nth(1);
        assert_eq!(hard, Some(most), "{line}");
    }
    drop(process.stdin.take());
    let output = process.wait_with_output().unwrap();
    assert_eq!(
        output.stdout,
        b"{\"answer\":\"refused\",\"code\":\"question\"}"
    );
}

/// A stand-in for the program says how it was started, and then never ends.
#[tokio::test]
async fn the_process_gets_no_environment_no_descriptor_and_two_seconds() {
    let place = Place::open().await;
    let directory = tempfile::tempdir().unwrap();
    let (program, told) = (
        directory.path().join("reader"),
        directory.path().join("told"),
    );
    let script = format!(
        "#!/bin/sh\necho \"$@\" >{0}\n/usr/bin/env >>{0}\n/bin/ls -l /proc/$$/fd >>{0}\nexec /bin/sleep 600\n",
        told.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let sso = Sso::new(
        place.house.identity.clone(),
        &egress(),
        "https://revkeep.example",
        &program,
    );
    let who = place.who(&place.grant).await.unwrap();
    let input = SamlInput {
        metadata: Some(String::from("<a/>")),
        ..SamlInput::default()
    };
    // Open in this process, as are the sockets to the database.
    let _secret = std::fs::File::create(directory.path().join("secret")).unwrap();
    let started = std::time::Instant::now();
    let done = sso.provider_create(&who, form(Protocol::Saml(input))).await;
    assert_eq!(code(done), "saml_reader_failed");
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "it was waited for"
    );
    let told = std::fs::read_to_string(told).unwrap();
    let (head, descriptors) = told.split_once("total ").unwrap();
    let (arguments, environment) = head.split_once('\n').unwrap();
    assert_eq!(arguments, "saml-verify");
    for line in environment.lines() {
        let shells_own = ["PWD=", "OLDPWD=", "SHLVL=", "_="];
        assert!(
            shells_own.iter().any(|name| line.starts_with(name)),
            "{line}"
        );
    }
    assert!(
        descriptors.contains("reader"),
        "the shell's own script: {descriptors}"
    );
    for foreign in ["socket:", "secret"] {
        assert!(!descriptors.contains(foreign), "{descriptors}");
    }
}

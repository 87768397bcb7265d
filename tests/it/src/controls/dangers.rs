//! What the daemon's sources may not hold: programs that are started, answers that let other origins in,
//! bodies that take any field, hashes that are broken, and reads that change something.

use std::path::Path;

use super::sources::{Source, sources};

/// The daemon's own sources: not its build tool, and not its tests.
fn daemon() -> Vec<Source> {
    let found: Vec<Source> = sources()
        .into_iter()
        .filter(|source| source.path.starts_with("daemon"))
        .filter(|source| !source.path.starts_with("daemon/xtask"))
        .filter(|source| !source.path.iter().any(|part| part == "tests"))
        .map(without_tests)
        .collect();
    assert!(found.len() > 150, "only {} files were found", found.len());
    found
}

/// Tests that stand beside the code are the last part of a file.
fn without_tests(source: Source) -> Source {
    let own = source.text.split("\n#[cfg(test)]\nmod tests {").next();
    Source {
        text: own.unwrap_or_default().to_owned(),
        path: source.path,
    }
}

fn planted(text: &str) -> Source {
    Source {
        path: Path::new("daemon/planted/src/lib.rs").to_owned(),
        text: text.to_owned(),
    }
}

/// The lines of a source that hold one of the texts, as `path: line`.
fn lines_with(source: &Source, texts: &[&str]) -> Vec<String> {
    let lines = source.text.lines().map(str::trim);
    lines
        .filter(|line| texts.iter().any(|text| line.contains(text)))
        .map(|line| format!("{}: {line}", source.path.display()))
        .collect()
}

fn in_daemon(texts: &[&str]) -> Vec<String> {
    daemon()
        .iter()
        .flat_map(|source| lines_with(source, texts))
        .collect()
}

const STARTS: [&str; 4] = ["process::Command", "Command::new(", "libc::system", "popen"];

/// Itself, to read SAML in a process without rights. And what `revkeep setup`, `backup` and `restore` start, which
/// an administrator runs as root and which serve nobody: themselves as another account, and programs of the
/// system.
const STARTED: [&str; 9] = [
    "daemon/identity/src/sso/saml/reader.rs: process::Command,",
    "daemon/identity/src/sso/saml/reader.rs: let started = Command::new(self.program.as_os_str())",
    "daemon/revkeep/src/setup/secrets.rs: os::unix::{fs::MetadataExt, process::CommandExt},",
    "daemon/revkeep/src/setup/secrets.rs: let mut command = Command::new(own);",
    "daemon/revkeep/src/setup/system.rs: finish(program, Command::new(program).args(arguments), input)",
    "daemon/revkeep/src/backup/child.rs: os::unix::process::CommandExt,",
    "daemon/revkeep/src/backup/child.rs: let mut command = Command::new(own);",
    "daemon/revkeep/src/backup/child.rs: let child = Command::new(\"pg_dump\")",
    "daemon/revkeep/src/backup/load.rs: let mut child = Command::new(PROGRAM)",
];

#[test]
fn the_daemon_starts_no_program_but_itself() {
    assert_eq!(in_daemon(&STARTS), STARTED);
    let attack = "std::process::Command::new(\"sh\").arg(\"-c\").arg(name)";
    assert_eq!(lines_with(&planted(attack), &STARTS).len(), 1);
    let beside = format!("fn f() {{}}\n\n#[cfg(test)]\nmod tests {{\n    {attack}\n}}\n");
    let own = without_tests(planted(&beside));
    assert_eq!(lines_with(&own, &STARTS), Vec::<String>::new());
}

const OPENS: [&str; 3] = [
    "access-control-allow",
    "ACCESS_CONTROL_ALLOW",
    "Access-Control-Allow",
];

/// The probe of `revkeep verify`, which looks for such a header.
const LOOKED_FOR: [&str; 1] = [
    "daemon/revkeep/src/verify/probes/web.rs: if let Some(allowed) = answer.header(\"access-control-allow-origin\") {",
];

/// LR-45: without such a header no browser gives an answer of ours to another origin.
#[test]
fn no_answer_opens_the_door_to_another_origin() {
    assert_eq!(in_daemon(&OPENS), LOOKED_FOR);
    let attack = "response.insert_header((\"access-control-allow-origin\", \"*\"))";
    assert_eq!(lines_with(&planted(attack), &OPENS).len(), 1);
}

const WEAK: [&str; 7] = [
    "sha::sha1(",
    "md5",
    "Md5",
    "sha1::",
    "Sha1::",
    "MessageDigest::sha1",
    "MessageDigest::md",
];

/// What others fix: the codes of authenticator apps are HMAC-SHA-1 (RFC 6238, and the apps know no
/// other), and lists of breached passwords are published as SHA-1.
const FIXED_BY_OTHERS: [&str; 2] = [
    "daemon/identity/src/breach.rs: let digest = openssl::sha::sha1(password.expose().as_bytes());",
    "daemon/identity/src/factor/totp.rs: use sha1::Sha1;",
];

#[test]
fn no_weak_hash_is_used() {
    let mut found = in_daemon(&WEAK);
    found.sort();
    assert_eq!(found, FIXED_BY_OTHERS);
    for attack in ["let mark = md5::compute(text);", "sha1::Sha1::digest(text)"] {
        assert_eq!(lines_with(&planted(attack), &WEAK).len(), 1, "{attack}");
    }
}

/// Structures that a route reads from a body and that would let fields pass which they do not know. One
/// that two files share stands in another of `routes`.
fn lenient(source: &Source, routes: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for read in source.text.split(": Body<").skip(1) {
        let name = read.split(['>', '<']).next().unwrap_or_default();
        let (own, shared) = (
            format!("struct {name} {{"),
            format!("\npub(super) struct {name} {{"),
        );
        let declared: Vec<&Source> = if source.text.contains(&own) {
            vec![source]
        } else {
            let others = routes.iter();
            others
                .filter(|other| other.text.contains(&shared))
                .collect()
        };
        if declared.is_empty() {
            found.push(format!("{}: Body<{name}>", source.path.display()));
        }
        for place in declared {
            let (before, after) = place.text.split_once(&own).unwrap();
            let attributes = before.rsplit("\n\n").next().unwrap_or_default();
            let fields = after.split_once("\n}").map_or(after, |(fields, _)| fields);
            if !attributes.contains("deny_unknown_fields") || fields.contains("flatten") {
                found.push(format!("{}: {name}", place.path.display()));
            }
        }
    }
    found
}

#[test]
fn every_body_refuses_fields_that_it_does_not_know() {
    let routes: Vec<Source> = daemon()
        .into_iter()
        .filter(|source| source.path.starts_with("daemon/console/src/routes"))
        .collect();
    let bodies = routes
        .iter()
        .map(|route| route.text.matches(": Body<").count());
    let bodies: usize = bodies.sum();
    assert!(bodies > 15, "only {bodies} bodies were found");
    let found: Vec<String> = routes
        .iter()
        .flat_map(|route| lenient(route, &routes))
        .collect();
    assert_eq!(found, Vec::<String>::new());

    let sound = "\n\n#[derive(Deserialize)]\n#[serde(deny_unknown_fields)]\nstruct Input {\n    name: String,\n}\n\nfn f(Body(x): Body<Input>) {}\n";
    assert_eq!(lenient(&planted(sound), &[]), Vec::<String>::new());
    let elsewhere = planted("fn f(Body(x): Body<Input>) {}\n");
    let shared = sound.replace("struct Input", "pub(super) struct Input");
    assert_eq!(lenient(&elsewhere, &[]).len(), 1);
    assert!(lenient(&elsewhere, &[planted(&shared)]).is_empty());
    let lax = shared.replace("#[serde(deny_unknown_fields)]\n", "");
    assert_eq!(lenient(&elsewhere, &[planted(&lax)]).len(), 1);
    for attack in [
        sound.replace("#[serde(deny_unknown_fields)]\n", ""),
        sound.replace(
            "name: String",
            "#[serde(flatten)]\n    rest: Map<String, Value>",
        ),
        sound.replace("Body<Input>", "Body<Value>"),
    ] {
        assert_eq!(lenient(&planted(&attack), &[]).len(), 1, "{attack}");
    }
}

/// Routes by GET that take a permission to change something. What Salesforce offers for the layer is
/// read from Salesforce, which costs requests, so only those who may use the answer may ask.
fn changing_gets(routes: &str) -> Vec<&str> {
    routes
        .lines()
        .filter(|line| line.starts_with("GET "))
        .filter(|line| {
            let access = line.split([' ', ':']).nth(2).unwrap_or_default();
            !access.ends_with("_read") && !["public", "signed_in"].contains(&access)
        })
        .filter(|line| !line.starts_with("GET /layer/objects/{object}/available layer_edit:"))
        // Takes a copy away; the session's own cookie does not open it.
        .filter(|line| !line.starts_with("GET /audit/export audit_export:"))
        .collect()
}

#[test]
fn a_get_never_changes_anything() {
    let routes = include_str!("../../../golden/routes.txt");
    assert!(
        routes
            .lines()
            .filter(|line| line.starts_with("GET "))
            .count()
            > 15
    );
    assert_eq!(changing_gets(routes), Vec::<&str>::new());
    assert_eq!(
        changing_gets("GET /routers/{object}/off router_operate: admin").len(),
        1
    );
}

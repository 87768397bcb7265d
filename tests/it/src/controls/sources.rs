//! Which tests exist, read from the sources: a probe that names none of them is a finding.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A Rust source and its path from the root of the repository.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Rust source of the daemon and of the tests.
pub(super) fn sources() -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    for top in ["daemon", "tests"] {
        walk(&root, Path::new(top), &mut found);
    }
    found
}

fn walk(root: &Path, below: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let path = below.join(entry.unwrap().file_name());
        let whole = root.join(&path);
        let hidden = ["node_modules", "target", "web"]
            .iter()
            .any(|name| path.ends_with(name));
        if whole.is_dir() && !hidden {
            walk(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&whole).unwrap();
            found.push(Source { path, text });
        }
    }
}

/// The paths of all tests, such as `vault::binding::tests::two_places_never_share_their_bytes`.
pub(super) fn tests(sources: &[Source]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        let Some(module) = module(&source.path) else {
            continue;
        };
        names.extend(
            tests_of(&source.text)
                .into_iter()
                .map(|name| format!("{module}::{name}")),
        );
    }
    names
}

/// `daemon/vault/src/binding.rs` is `vault::binding`, `tests/it/src/http.rs` is `it::http`, and
/// `daemon/vault/tests/backends/local.rs` is `vault::backends::local`.
fn module(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let [_, package, folder @ ("src" | "tests"), inner @ .., file] = parts.as_slice() else {
        return None;
    };
    let stem = file.strip_suffix(".rs")?;
    let mut names = vec![*package];
    names.extend(inner);
    let root = matches!(stem, "lib" | "mod") || (stem == "main" && *folder == "tests");
    if !root {
        names.push(stem);
    }
    Some(names.join("::"))
}

/// Names of tests with the modules around them. Relies on the indentation that rustfmt keeps.
fn tests_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut modules: Vec<(usize, String)> = Vec::new();
    let (mut announced, mut macro_tests, mut in_list) = (false, false, false);
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(" {"))
        {
            modules.push((indent, name.to_owned()));
        } else if line == "}" && modules.last().is_some_and(|(begun, _)| *begun == indent) {
            modules.pop();
        }
        announced |= is_test_attribute(line);
        if let Some(name) = function(line).filter(|_| announced) {
            announced = false;
            // A macro makes tests of the names that it is given, one a line.
            macro_tests |= name.starts_with('$');
            let path: Vec<&str> = modules.iter().map(|(_, name)| name.as_str()).collect();
            names.push([path.as_slice(), &[name]].concat().join("::"));
        }
        in_list = (in_list && line != "}") || (macro_tests && line.ends_with("! {") && indent == 0);
        if let Some(name) = line.strip_suffix(',').filter(|_| in_list && macro_tests) {
            names.push(name.to_owned());
        }
    }
    names
}

fn is_test_attribute(line: &str) -> bool {
    let attribute = line.trim_start_matches("$(");
    ["#[test]", "#[tokio::test", "#[actix_web::test"]
        .iter()
        .any(|known| attribute.starts_with(known))
}

fn function(line: &str) -> Option<&str> {
    let rest = line
        .strip_prefix("async ")
        .unwrap_or(line)
        .strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

#[test]
fn tests_are_found_where_they_stand_and_nowhere_else() {
    let text = "fn helper() {}\n#[test]\nfn outer() {\n}\nmod tests {\n    #[tokio::test(flavor = \"x\")]\n    #[ignore]\n    async fn inner() {\n    }\n    fn not_one() {}\n}\n#[test]\nfn after() {}\n";
    assert_eq!(tests_of(text), ["outer", "tests::inner", "after"]);
    let made = "macro_rules! contract {\n    () => {\n        mod a {\n            $(#[tokio::test]\n            async fn $clause() {})*\n        }\n    };\n}\ncontract! {\n    one,\n    two,\n}\nfn f() {\n    [\n        x,\n    ]\n}\n";
    assert_eq!(tests_of(made), ["a::$clause", "one", "two"]);
    for (path, expected) in [
        ("daemon/vault/src/binding.rs", Some("vault::binding")),
        ("daemon/vault/src/lib.rs", Some("vault")),
        (
            "daemon/routing/src/tests/cycle.rs",
            Some("routing::tests::cycle"),
        ),
        (
            "daemon/soql/src/properties/mod.rs",
            Some("soql::properties"),
        ),
        (
            "daemon/vault/tests/backends/main.rs",
            Some("vault::backends"),
        ),
        ("tests/fuzz/fuzz_targets/soql.rs", None),
    ] {
        assert_eq!(module(Path::new(path)).as_deref(), expected, "{path}");
    }
}

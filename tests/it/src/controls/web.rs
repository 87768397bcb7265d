//! What the web app's sources may not hold: ways to run text as code or as markup, secrets kept in the
//! browser, messages from other windows, and password fields that show or refuse what is typed.

use std::{fs, path::Path};

use super::sources::root;

const SOURCES: &str = "daemon/console/web/src";

/// A file of the web app: its path below `src`, and its text.
struct File {
    path: String,
    text: String,
}

fn files() -> Vec<File> {
    let (root, mut found) = (root().join(SOURCES), Vec::new());
    walk(&root, &root, &mut found);
    assert!(found.len() > 60, "only {} files were found", found.len());
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_source = path
            .extension()
            .is_some_and(|extension| extension == "ts" || extension == "tsx");
        if path.is_dir() {
            walk(root, &path, found);
        } else if is_source {
            found.push(File {
                path: path.strip_prefix(root).unwrap().display().to_string(),
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}

/// The lines that hold one of the texts, as `path: line`.
fn lines_with(files: &[File], texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for line in file.text.lines().map(str::trim) {
            if texts.iter().any(|text| line.contains(text)) {
                found.push(format!("{}: {line}", file.path));
            }
        }
    }
    found
}

fn planted(text: &str) -> Vec<File> {
    vec![File {
        path: "planted.tsx".to_owned(),
        text: text.to_owned(),
    }]
}

const RUNS_TEXT: [&str; 11] = [
    "eval(",
    "new Function(",
    "innerHTML",
    "InnerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "DOMParser",
    "srcDoc",
    "srcdoc",
    "javascript:",
];

#[test]
fn nothing_in_the_web_app_runs_text_as_code_or_markup() {
    // Tests write hostile addresses down, which is no use of them.
    let files: Vec<File> = files()
        .into_iter()
        .filter(|file| !file.path.ends_with(".test.ts"))
        .collect();
    assert_eq!(lines_with(&files, &RUNS_TEXT), Vec::<String>::new());
    for attack in [
        "<p dangerouslySetInnerHTML={{ __html: name }} />",
        "element.innerHTML = name;",
        "const run = new Function(text);",
        "<a href={`javascript:${text}`}>",
    ] {
        assert_eq!(
            lines_with(&planted(attack), &RUNS_TEXT).len(),
            1,
            "{attack}"
        );
    }
}

const STORAGE: [&str; 5] = [
    "localStorage",
    "sessionStorage",
    "indexedDB",
    "document.cookie",
    "caches.",
];

/// Lines that use the browser's storage otherwise than to remember that somebody has signed in, and where
/// they wanted to go.
fn kept(files: &[File]) -> Vec<String> {
    let mut found = lines_with(files, &STORAGE);
    found.retain(|line| {
        let code = line.split_once(": ").map_or("", |(_, code)| code);
        let remembers = code.contains("localStorage.getItem(mark.name)")
            || code.starts_with(
                "set: (what: \"in\" | \"leaving\") => localStorage.setItem(mark.name, what)",
            )
            || code.contains("localStorage.removeItem(mark.name)");
        // What goes in there is the path of a page of ours: `safeNext` sees to it.
        let returns = code.contains("keepNext(sessionStorage, next)")
            || code.contains("takeNext(sessionStorage)");
        // That this tab left to link an account: no value is given.
        let links = code.contains("keepLinking(sessionStorage)")
            || code.contains("takeLinking(sessionStorage)");
        !remembers && !returns && !links && !code.starts_with("//") && !code.starts_with('*')
    });
    found
}

/// LM-04, LM-08: the access token is in memory, the refresh token where no script reads it.
#[test]
fn browser_storage_holds_no_secret() {
    assert_eq!(kept(&files()), Vec::<String>::new());
    for attack in [
        "localStorage.setItem(\"token\", token);",
        "localStorage.setItem(mark.name, token);",
        "sessionStorage.token = token;",
        "keepNext(sessionStorage, token);",
        "keepLinking(sessionStorage, token);",
        "document.cookie = `token=${token}`;",
    ] {
        assert_eq!(kept(&planted(attack)).len(), 1, "{attack}");
    }
}

/// Listeners for messages that do not belong to a `BroadcastChannel`, whose senders are of one origin.
fn listeners(files: &[File]) -> Vec<String> {
    let mut found = lines_with(files, &["addEventListener(\"message\"", "onmessage"]);
    found.retain(|line| !line.contains("channel.addEventListener(\"message\""));
    found
}

#[test]
fn no_window_listens_to_messages_of_others() {
    let files = files();
    assert_eq!(listeners(&files), Vec::<String>::new());
    let heard = files
        .iter()
        .filter(|file| file.text.contains("channel.addEventListener(\"message\""));
    for file in heard {
        assert!(
            file.text.contains("const channel = new BroadcastChannel("),
            "{}",
            file.path
        );
    }
    for attack in [
        "window.addEventListener(\"message\", run);",
        "window.onmessage = run;",
    ] {
        assert_eq!(listeners(&planted(attack)).len(), 1, "{attack}");
    }
}

/// Files whose fields for passwords are shown in clear, or which keep somebody from pasting.
fn unmasked(files: &[File]) -> Vec<String> {
    let mut found = lines_with(files, &["onPaste", "onpaste"]);
    for file in files {
        let fields = ["current-password", "new-password"]
            .iter()
            .any(|kind| file.text.contains(&format!("autoComplete=\"{kind}\"")));
        if fields && !file.text.contains("<PasswordInput") {
            found.push(format!("{} takes a password in clear", file.path));
        }
    }
    found
}

#[test]
fn passwords_are_masked_and_may_be_pasted() {
    let files = files();
    assert_eq!(unmasked(&files), Vec::<String>::new());
    let masked = files
        .iter()
        .filter(|file| file.text.contains("<PasswordInput"))
        .count();
    assert!(masked >= 2, "only {masked} files take a password");
    for attack in [
        "<TextInput autoComplete=\"current-password\" />",
        "<PasswordInput onPaste={(event) => event.preventDefault()} />",
    ] {
        assert_eq!(unmasked(&planted(attack)).len(), 1, "{attack}");
    }
}

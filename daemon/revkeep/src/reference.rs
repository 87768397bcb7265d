//! The reference of settings and of commands: chapters of the documentation that are made from the configuration's
//! own file and from the definition of the command line. The tests hold them against each other;
//! `REVKEEP_BLESS=1` writes the chapters anew.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::{commands::Cli, config::Config};

const SETTINGS: &str = "# Settings\n\nEvery setting with its default and its meaning, from the file that is built into the program; `revkeep config` prints it. An
administrator writes what differs into `/etc/revkeep/revkeep.toml` or a file of `/etc/revkeep/conf.d/`. The later wins: the built-in file,
`revkeep.toml`, `conf.d/*.toml` by name, then the environment, as in `REVKEEP__SERVER__LISTEN`. An unknown key is refused with
its name. No secret stands in the configuration: settings name files and places.\n\nAfter a change: `revkeep check`, then `systemctl reload revkeep` for certificates, or `systemctl restart revkeep`. A line that
begins with `#` is not set by default.\n";
const COMMANDS: &str = "# Commands\n\nThe command `revkeep`, as its own `--help` tells it. It asks the running daemon over `/run/revkeep/admin.sock`, so root and members of
the group `revkeep-admin` may use it; `setup`, `migrate` and `backup` are root's.\n\nEvery command takes `--json`, for one JSON object on standard output, and `--config FILE`. Exit code 0: done, and well. 1: done, and
something is not well. 2: it could not be done, and the reason stands on standard error. `revkeep doctor` adds 3: something is only
warned of.\n";

/// Settings that one comment explains together.
#[derive(Default)]
struct Group {
    words: Vec<String>,
    lines: Vec<String>,
    names: Vec<String>,
}

/// The name in a line that sets something, or would without its comment sign.
fn key(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(" = ")?;
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.chars().all(known)).then_some(name)
}

/// The configuration's file in sections, each with its groups of settings.
fn sections(text: &str) -> Vec<(String, Vec<Group>)> {
    let mut sections: Vec<(String, Vec<Group>)> = Vec::new();
    let mut group = Group::default();
    for line in text.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let title = bare
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(title) = title {
            if let Some((_, groups)) = sections.last_mut() {
                groups.push(std::mem::take(&mut group));
            }
            group = Group::default();
            sections.push((title.to_owned(), Vec::new()));
        } else if let Some(name) = key(bare) {
            group.names.push(name.to_owned());
            group.lines.push(line.to_owned());
        } else if line.starts_with('#') {
            if !group.names.is_empty()
                && let Some((_, groups)) = sections.last_mut()
            {
                groups.push(std::mem::take(&mut group));
            }
            group.words.push(bare.trim_start_matches('#').to_owned());
        }
    }
    if let Some((_, groups)) = sections.last_mut() {
        groups.push(group);
    }
    for (_, groups) in &mut sections {
        groups.retain(|group| !group.names.is_empty());
    }
    sections
}

fn settings(text: &str) -> String {
    let mut page = SETTINGS.to_owned();
    for (section, groups) in sections(text) {
        let _ = write!(page, "\n## {section}\n");
        for group in groups {
            let names: Vec<String> = group
                .names
                .iter()
                .map(|name| format!("`{section}.{name}`"))
                .collect();
            let _ = write!(page, "\n### {}\n", names.join(", "));
            if !group.words.is_empty() {
                let _ = write!(page, "\n{}\n", group.words.join("\n"));
            }
            let _ = write!(page, "\n```toml\n{}\n```\n", group.lines.join("\n"));
        }
    }
    page
}

fn commands(command: &Command) -> String {
    let mut page = COMMANDS.to_owned();
    for one in command.get_subcommands() {
        describe(&mut page, "revkeep", one);
    }
    page
}

fn describe(page: &mut String, before: &str, command: &Command) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = format!("{before} {}", command.get_name());
    let level = if before == "revkeep" { "##" } else { "###" };
    let _ = write!(page, "\n{level} `{name}`\n");
    let about = command.get_long_about().or_else(|| command.get_about());
    if let Some(about) = about {
        let _ = write!(page, "\n{}\n", about.to_string().trim_end_matches('.'));
        page.truncate(page.trim_end().len());
        page.push_str(".\n");
    }
    if !command.has_subcommands() {
        options(page, &name, command);
    }
    for one in command.get_subcommands() {
        describe(page, &name, one);
    }
}

/// The usage line, and a table of what may be given.
fn options(page: &mut String, name: &str, command: &Command) {
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !arg.is_global_set())
        .filter(|arg| !matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpLong))
        .collect();
    let mut usage = name.to_owned();
    for arg in &own {
        let form = form(arg);
        let _ = if arg.is_required_set() {
            write!(usage, " {form}")
        } else {
            write!(usage, " [{form}]")
        };
    }
    let _ = write!(page, "\n```\n{usage}\n```\n");
    if own.is_empty() {
        return;
    }
    page.push_str("\n| Argument | Meaning |\n|---|---|\n");
    for arg in own {
        let help = arg.get_long_help().or_else(|| arg.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let help = help.replace('|', "\\|").replace('\n', " ");
        let _ = writeln!(page, "| `{}` | {help} |", form(arg).replace('|', "\\|"));
    }
}

/// An argument as it is typed.
fn form(arg: &Arg) -> String {
    let values: Vec<String> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    let values = if values.is_empty() {
        arg.get_id().to_string().to_uppercase()
    } else {
        values.join(" ")
    };
    let many = if matches!(arg.get_action(), ArgAction::Append) {
        "..."
    } else {
        ""
    };
    match arg.get_long() {
        Some(long) if arg.get_action().takes_values() => format!("--{long} {values}{many}"),
        Some(long) => format!("--{long}"),
        None => format!("{values}{many}"),
    }
}

/// Compares a chapter with what it is made from, or writes it.
fn compare(file: &str, made: &str) {
    let path = format!("{}/../../docs/{file}", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    if std::env::var("REVKEEP_BLESS").is_ok() {
        std::fs::write(path, made).unwrap();
        return;
    }
    let stands = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(stands, made, "docs/{file} is out of date");
}

#[test]
fn every_setting_stands_in_the_reference() {
    let page = settings(Config::manual());
    compare("settings.md", &page);
    // By another reader than ours: a table that the file really has, and its keys.
    let table: toml::Table = toml::from_str(Config::manual()).unwrap();
    let mut looked = 0;
    for (section, keys) in &table {
        for (name, value) in keys.as_table().unwrap() {
            let inner: Vec<String> = match value.as_table() {
                Some(inner) => inner
                    .keys()
                    .map(|key| format!("{section}.{name}.{key}"))
                    .collect(),
                None => vec![format!("{section}.{name}")],
            };
            for setting in inner {
                looked += 1;
                assert!(
                    page.contains(&format!("`{setting}`")),
                    "{setting} is missing"
                );
            }
        }
    }
    assert!(looked > 50, "{looked}");
    // What is only named in a comment.
    for setting in [
        "database.tls_ca",
        "secrets.vault.role_id",
        "mail.server",
        "verify.address",
    ] {
        assert!(
            page.contains(&format!("`{setting}`")),
            "{setting} is missing"
        );
    }
}

#[test]
fn a_setting_that_nobody_described_is_found_and_a_sentence_is_no_setting() {
    let text = "[a]\n# Says what it does.\none = 1\ntwo = 2\n# Of another kind:\n# three = 3\n\n# [a.b]\n# four = 4\n";
    let found: Vec<String> = sections(text)
        .into_iter()
        .flat_map(|(section, groups)| {
            let groups = groups.into_iter();
            groups.map(move |group| format!("{section}: {}", group.names.join(" ")))
        })
        .collect();
    assert_eq!(found, ["a: one two", "a: three", "a.b: four"]);
    assert_eq!(key("the address = what people type"), None);
}

#[test]
fn every_command_stands_in_the_reference() {
    let mut command = Cli::command();
    command.build();
    let page = commands(&command);
    compare("commands.md", &page);
    let mut waiting: Vec<(String, &Command)> = vec![("revkeep".to_owned(), &command)];
    let mut looked = 0;
    while let Some((name, command)) = waiting.pop() {
        for one in command.get_subcommands() {
            let name = format!("{name} {}", one.get_name());
            let told = page.contains(&format!("# `{name}`\n"));
            let hidden = one.is_hide_set() || one.get_name() == "help";
            assert_eq!(told, !hidden, "{name}");
            if !hidden {
                looked += 1;
                waiting.push((name, one));
            }
        }
    }
    assert!(looked > 25, "{looked}");
}

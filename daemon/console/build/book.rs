//! The documentation as a whole: which chapters there are, in which order, and the files that are made of them.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Component, Path, PathBuf},
};

use crate::{
    chapter::{Chapter, Section},
    page,
};

/// The order of the chapters, in parts.
const SUMMARY: &str = "SUMMARY.md";
const STYLE: &str = include_str!("book.css");
const ICON: &str = include_str!("../web/src/assets/revkeep.svg");

/// A chapter in the list of all.
pub(crate) struct Entry {
    pub(crate) part: String,
    pub(crate) title: String,
    /// Below `docs/`.
    pub(crate) file: PathBuf,
}

impl Entry {
    pub(crate) fn page(&self) -> PathBuf {
        self.file.with_extension("html")
    }
}

/// A link is mended to lead to a page, or left out when it leads to a file that is no chapter. One that leads
/// nowhere ends the build.
pub(crate) enum Link {
    To(String),
    LeftOut,
}

pub(crate) fn write(docs: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let entries = summary(&fs::read_to_string(docs.join(SUMMARY))?)?;
    let texts: Vec<String> = entries
        .iter()
        .map(|entry| {
            fs::read_to_string(docs.join(&entry.file))
                .map_err(|error| format!("{}: {error}", entry.file.display()))
        })
        .collect::<Result<_, _>>()?;
    let chapters: Vec<Chapter<'_>> = texts.iter().map(|text| Chapter::read(text)).collect();
    let anchors: BTreeMap<PathBuf, Vec<String>> = entries
        .iter()
        .zip(&chapters)
        .map(|(entry, chapter)| (entry.file.clone(), chapter.anchors()))
        .collect();
    // What an earlier build made must not stay.
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    let mut index = String::new();
    for (nth, (entry, chapter)) in entries.iter().zip(&chapters).enumerate() {
        let body = chapter
            .html(|to| link(docs, &anchors, &entry.file, to))
            .map_err(|error| format!("{}: {error}", entry.file.display()))?;
        put(
            out,
            &entry.page(),
            &page::chapter(&entries, nth, chapter, &body),
        )?;
        index.push_str(&lines(entry, chapter.sections()));
    }
    put(
        out,
        Path::new("index.html"),
        &page::index(&entries, &chapters),
    )?;
    put(out, Path::new("search.html"), &page::search(&entries))?;
    put(out, Path::new("missing.html"), &page::missing(&entries))?;
    put(out, Path::new("search.tsv"), &index)?;
    put(out, Path::new("icon.svg"), ICON)?;
    put(out, Path::new("book.css"), STYLE)
}

fn put(out: &Path, file: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    let path = out.join(file);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}

/// `## Part` begins a part, `- [Title](file.md)` is a chapter of it.
fn summary(text: &str) -> Result<Vec<Entry>, String> {
    let mut part = String::new();
    let mut entries = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut part);
        } else if let Some(item) = line.strip_prefix("- [") {
            let (title, rest) = item
                .split_once("](")
                .ok_or_else(|| format!("{SUMMARY}: {line}"))?;
            entries.push(Entry {
                part: part.clone(),
                title: title.to_owned(),
                file: PathBuf::from(rest.trim_end_matches(')')),
            });
        }
    }
    Ok(entries)
}

/// Where a link of the chapter `from` leads in the book.
fn link(
    docs: &Path,
    anchors: &BTreeMap<PathBuf, Vec<String>>,
    from: &Path,
    to: &str,
) -> Result<Link, String> {
    if to.starts_with("https://") {
        return Ok(Link::To(to.to_owned()));
    }
    let (path, anchor) = to.split_once('#').unwrap_or((to, ""));
    let file = if path.is_empty() {
        from.to_owned()
    } else {
        joined(from, path)
    };
    let Some(there) = anchors.get(&file) else {
        return if docs.join(&file).exists() {
            Ok(Link::LeftOut)
        } else {
            Err(format!("{to} leads to no file"))
        };
    };
    if !anchor.is_empty() && !there.iter().any(|one| one == anchor) {
        return Err(format!("{to}: there is no such heading"));
    }
    let anchor = if anchor.is_empty() {
        String::new()
    } else {
        format!("#{anchor}")
    };
    if path.is_empty() {
        return Ok(Link::To(anchor));
    }
    let page = file.with_extension("html");
    Ok(Link::To(format!(
        "{}{}{anchor}",
        root(from),
        page.display()
    )))
}

/// `path` as seen from the file `from`, without `..` where that is possible.
fn joined(from: &Path, path: &str) -> PathBuf {
    let mut whole = from.parent().map(Path::to_owned).unwrap_or_default();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir if whole.file_name().is_some() => {
                whole.pop();
            }
            Component::CurDir => {}
            other => whole.push(other),
        }
    }
    whole
}

/// The way from a page up to the folder of all pages, so that they are read from a disk as well.
pub(crate) fn root(page: &Path) -> String {
    "../".repeat(page.components().count().saturating_sub(1))
}

/// A line for each section: where it is, its chapter, its heading and its words.
fn lines(entry: &Entry, sections: &[Section]) -> String {
    let page = entry.page();
    sections
        .iter()
        .map(|section| {
            let words: Vec<&str> = section.text.split_whitespace().collect();
            format!(
                "{}#{}\t{}\t{}\t{}\n",
                page.display(),
                section.anchor,
                entry.title,
                section.title,
                words.join(" ")
            )
        })
        .collect()
}

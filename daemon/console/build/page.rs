//! The frame around a chapter: its head, the list of chapters, and the way to the next one. Nothing in it needs a
//! script, and every address is relative, so that the pages are read from a disk as well.

use std::fmt::Write;

use pulldown_cmark::HeadingLevel;

use crate::{
    book::{Entry, root},
    chapter::Chapter,
};

/// What works only where the daemon serves the pages stands between these two.
const SERVED: &str = "<!--served-->";
const SERVED_END: &str = "<!--/served-->";

pub(crate) fn chapter(entries: &[Entry], nth: usize, chapter: &Chapter<'_>, body: &str) -> String {
    let Some(entry) = entries.get(nth) else {
        return String::new();
    };
    let page = entry.page();
    let mut text = body.to_owned();
    let beside = |nth: Option<usize>| nth.and_then(|nth| entries.get(nth));
    text.push_str("<nav class=\"beside\" aria-label=\"Next chapters\">");
    for (class, other) in [
        ("before", beside(nth.checked_sub(1))),
        ("after", beside(nth.checked_add(1))),
    ] {
        if let Some(other) = other {
            let _ = write!(
                text,
                "<a class=\"{class}\" href=\"{}{}\">{}</a>",
                root(&page),
                other.page().display(),
                escaped(&other.title)
            );
        }
    }
    text.push_str("</nav>");
    let open = Some((entry, chapter));
    frame(entries, &root(&page), open, &entry.title, &text)
}

/// The first page: every chapter with what it is about.
pub(crate) fn index(entries: &[Entry], chapters: &[Chapter<'_>]) -> String {
    let mut body = String::from(
        "<h1>Documentation</h1><p>Everything about Revkeep, of the version that is installed here. Begin with <a href=\"install.html\">Install</a>, or with <a href=\"troubleshooting.html\">Troubleshooting</a> when something is wrong.</p>",
    );
    let mut part = "";
    for (entry, chapter) in entries.iter().zip(chapters) {
        if entry.part != part {
            if !part.is_empty() {
                body.push_str("</dl>");
            }
            part = &entry.part;
            let _ = write!(body, "<h2>{}</h2><dl>", escaped(part));
        }
        let _ = write!(
            body,
            "<dt><a href=\"{}\">{}</a></dt><dd>{}</dd>",
            entry.page().display(),
            escaped(&entry.title),
            escaped(&chapter.lead())
        );
    }
    body.push_str("</dl>");
    frame(entries, "", None, "Documentation", &body)
}

/// Results take the place of the mark.
pub(crate) fn search(entries: &[Entry]) -> String {
    let body = "<h1>Search</h1><!--results-->";
    frame(entries, "", None, "Search", body)
}

pub(crate) fn missing(entries: &[Entry]) -> String {
    let body = "<h1>There is no such page</h1><p>It may stand in another version of this documentation. Search for its words, or take a chapter from the list.</p>";
    // What is asked for may lie as deep as somebody likes, so relative links would lead anywhere.
    frame(entries, "/help/", None, "No such page", body)
}

fn frame(
    entries: &[Entry],
    root: &str,
    open: Option<(&Entry, &Chapter<'_>)>,
    title: &str,
    body: &str,
) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} · Revkeep</title>\n<link rel=\"icon\" href=\"{root}icon.svg\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"{root}book.css\">\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#text\">Skip to the text</a>\n\
         <header>\n<a class=\"brand\" href=\"{root}index.html\">Revkeep <span>documentation</span></a>\n<a class=\"list\" href=\"#chapters\">Chapters</a>\n\
         {SERVED}<form action=\"{root}search\" role=\"search\"><input type=\"search\" name=\"q\" aria-label=\"Search the documentation\" placeholder=\"Search\" maxlength=\"100\" required></form>\n<a class=\"console\" href=\"/\">Console</a>{SERVED_END}\n</header>\n\
         <div class=\"frame\">\n<main id=\"text\" tabindex=\"-1\">\n{body}\n</main>\n<nav id=\"chapters\" aria-label=\"Chapters\">\n{}</nav>\n</div>\n</body>\n</html>\n",
        chapters(entries, open, root),
        title = escaped(title),
    )
}

/// All chapters in their parts; of the open one the headings, too.
fn chapters(entries: &[Entry], open: Option<(&Entry, &Chapter<'_>)>, root: &str) -> String {
    let mut list = String::new();
    let mut part = "";
    for entry in entries {
        if entry.part != part {
            if !part.is_empty() {
                list.push_str("</ul>\n");
            }
            part = &entry.part;
            let _ = write!(list, "<p>{}</p>\n<ul>\n", escaped(part));
        }
        let here = open.filter(|(one, _)| one.file == entry.file);
        let current = if here.is_some() {
            " aria-current=\"page\""
        } else {
            ""
        };
        let _ = write!(
            list,
            "<li><a href=\"{root}{}\"{current}>{}</a>",
            entry.page().display(),
            escaped(&entry.title)
        );
        if let Some((_, chapter)) = here {
            list.push_str(&headings(chapter));
        }
        list.push_str("</li>\n");
    }
    if !part.is_empty() {
        list.push_str("</ul>\n");
    }
    list
}

fn headings(chapter: &Chapter<'_>) -> String {
    let items: String = chapter
        .sections()
        .iter()
        .filter(|section| section.level == HeadingLevel::H2)
        .map(|section| {
            format!(
                "<li><a href=\"#{}\">{}</a></li>\n",
                section.anchor,
                escaped(&section.title)
            )
        })
        .collect();
    if items.is_empty() {
        return items;
    }
    format!("\n<ul>\n{items}</ul>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

//! Searching the documentation: sections that have every word, those first whose heading has it. No script is
//! needed, and whatever was typed is text on the page of results.

/// More words than that narrow nothing down.
const MOST_WORDS: usize = 8;
const MOST_LENGTH: usize = 100;
const MOST_RESULTS: usize = 30;
/// Bytes around the first word that is found.
const BEFORE: usize = 60;
const AFTER: usize = 160;

struct Section<'t> {
    href: &'t str,
    chapter: &'t str,
    heading: &'t str,
    text: &'t str,
}

/// The results as HTML.
pub(super) fn results(index: &str, asked: &str) -> String {
    let asked: String = asked.chars().take(MOST_LENGTH).collect();
    let words: Vec<String> = asked
        .split_whitespace()
        .take(MOST_WORDS)
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() {
        return String::from("<p>Type a word, a setting, a command or an error code.</p>");
    }
    let mut found: Vec<(usize, Section<'_>)> = index
        .lines()
        .filter_map(section)
        .filter_map(|section| Some((weight(&section, &words)?, section)))
        .collect();
    if found.is_empty() {
        return format!(
            "<p>Nothing has all of these words: <strong>{}</strong>. Try fewer, or another one.</p>",
            escaped(&asked)
        );
    }
    found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let count = found.len();
    let items: String = found
        .iter()
        .take(MOST_RESULTS)
        .map(|(_, section)| item(section, &words))
        .collect();
    format!(
        "<p role=\"status\">{count} {} for <strong>{}</strong>.</p><ol class=\"found\">{items}</ol>",
        if count == 1 { "place" } else { "places" },
        escaped(&asked)
    )
}

fn section(line: &str) -> Option<Section<'_>> {
    let mut fields = line.splitn(4, '\t');
    Some(Section {
        href: fields.next()?,
        chapter: fields.next()?,
        heading: fields.next()?,
        text: fields.next()?,
    })
}

/// `None` when a word is missing.
fn weight(section: &Section<'_>, words: &[String]) -> Option<usize> {
    let heading = section.heading.to_ascii_lowercase();
    let chapter = section.chapter.to_ascii_lowercase();
    let text = section.text.to_ascii_lowercase();
    let mut sum = 0_usize;
    for word in words {
        let often = text.matches(word.as_str()).take(5).count();
        let one = match (
            heading.contains(word.as_str()),
            chapter.contains(word.as_str()),
        ) {
            (true, _) => 50,
            (false, true) => 10,
            (false, false) => 0,
        };
        if often == 0 && one == 0 {
            return None;
        }
        sum = sum.saturating_add(often).saturating_add(one);
    }
    Some(sum)
}

fn item(section: &Section<'_>, words: &[String]) -> String {
    format!(
        "<li><a href=\"{}\">{}</a> <small>{}</small><p>{}</p></li>",
        section.href,
        escaped(section.heading),
        escaped(section.chapter),
        around(section.text, words)
    )
}

/// The text around the first of the words, with each of them marked.
fn around(text: &str, words: &[String]) -> String {
    // Changes no length, so that places in it are places in the text.
    let small = text.to_ascii_lowercase();
    let first = words
        .iter()
        .filter_map(|word| small.find(word.as_str()))
        .min()
        .unwrap_or(0);
    let from = text.floor_char_boundary(first.saturating_sub(BEFORE));
    let to = text.ceil_char_boundary(first.saturating_add(AFTER).min(text.len()));
    let mut out = String::from(if from > 0 { "… " } else { "" });
    let mut at = from;
    while at < to {
        let rest = small.get(at..to).unwrap_or_default();
        let next = words
            .iter()
            .filter_map(|word| Some((rest.find(word.as_str())?, word.len())))
            .min();
        let Some((skip, length)) = next else { break };
        let (begin, end) = (at + skip, at + skip + length);
        out.push_str(&escaped(text.get(at..begin).unwrap_or_default()));
        out.push_str("<mark>");
        out.push_str(&escaped(text.get(begin..end).unwrap_or_default()));
        out.push_str("</mark>");
        at = end;
    }
    out.push_str(&escaped(text.get(at..to).unwrap_or_default()));
    if to < text.len() {
        out.push_str(" …");
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

//! One chapter: read from Markdown, with an anchor at each heading, and written as HTML. Markup of HTML in it is
//! shown as text.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::book::Link;

/// From one heading to the next.
pub(crate) struct Section {
    pub(crate) level: HeadingLevel,
    pub(crate) title: String,
    pub(crate) anchor: String,
    pub(crate) text: String,
}

pub(crate) struct Chapter<'t> {
    events: Vec<Event<'t>>,
    sections: Vec<Section>,
}

impl<'t> Chapter<'t> {
    pub(crate) fn read(text: &'t str) -> Self {
        let mut chapter = Chapter {
            events: Parser::new_ext(text, Options::ENABLE_TABLES).collect(),
            sections: Vec::new(),
        };
        chapter.divide();
        chapter
    }

    /// Headings and the words beneath each.
    fn divide(&mut self) {
        let mut within_heading = false;
        for event in &self.events {
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    within_heading = true;
                    self.sections.push(Section {
                        level: *level,
                        title: String::new(),
                        anchor: String::new(),
                        text: String::new(),
                    });
                }
                Event::End(TagEnd::Heading(_)) => {
                    within_heading = false;
                    let before = self.sections.len().saturating_sub(1);
                    let title = self.sections.last().map(|section| section.title.clone());
                    let anchor = anchor(
                        &title.unwrap_or_default(),
                        self.sections.get(..before).unwrap_or_default(),
                    );
                    if let Some(section) = self.sections.last_mut() {
                        section.anchor = anchor;
                    }
                }
                Event::Text(text) | Event::Code(text) => {
                    let Some(section) = self.sections.last_mut() else {
                        continue;
                    };
                    if within_heading {
                        section.title.push_str(text);
                    } else {
                        section.text.push_str(text);
                    }
                }
                Event::End(
                    TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell | TagEnd::CodeBlock,
                )
                | Event::SoftBreak
                | Event::HardBreak => {
                    if let Some(section) = self.sections.last_mut() {
                        section.text.push(' ');
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) fn sections(&self) -> &[Section] {
        &self.sections
    }

    pub(crate) fn anchors(&self) -> Vec<String> {
        self.sections
            .iter()
            .map(|section| section.anchor.clone())
            .collect()
    }

    /// The first sentence, for the list of all chapters.
    pub(crate) fn lead(&self) -> String {
        let text = self.sections.first().map_or("", |first| first.text.trim());
        let end = text.find(". ").map_or(text.len(), |end| end + 1);
        text.get(..end).unwrap_or(text).to_owned()
    }

    pub(crate) fn html(
        &self,
        mend: impl Fn(&str) -> Result<Link, String>,
    ) -> Result<String, String> {
        let mut anchors = self.sections.iter().map(|section| section.anchor.clone());
        let mut events = Vec::new();
        let mut left_out = false;
        for event in &self.events {
            match event {
                Event::Start(Tag::Heading {
                    level,
                    classes,
                    attrs,
                    ..
                }) => events.push(Event::Start(Tag::Heading {
                    level: *level,
                    id: anchors.next().map(CowStr::from),
                    classes: classes.clone(),
                    attrs: attrs.clone(),
                })),
                Event::Start(Tag::Link {
                    link_type,
                    dest_url,
                    title,
                    id,
                }) => match mend(dest_url)? {
                    Link::LeftOut => left_out = true,
                    Link::To(to) => events.push(Event::Start(Tag::Link {
                        link_type: *link_type,
                        dest_url: CowStr::from(to),
                        title: title.clone(),
                        id: id.clone(),
                    })),
                },
                Event::End(TagEnd::Link) if left_out => left_out = false,
                Event::Start(Tag::Image { dest_url, .. }) => {
                    return Err(format!("the picture {dest_url} cannot be shown"));
                }
                Event::Html(text) | Event::InlineHtml(text) => {
                    events.push(Event::Text(text.clone()));
                }
                // A table that is wider than the page scrolls by itself.
                Event::Start(Tag::Table(_)) => {
                    events.push(Event::Html(CowStr::from(
                        "<div class=\"wide\" tabindex=\"0\">",
                    )));
                    events.push(event.clone());
                }
                Event::End(TagEnd::Table) => {
                    events.push(event.clone());
                    events.push(Event::Html(CowStr::from("</div>")));
                }
                other => events.push(other.clone()),
            }
        }
        let mut out = String::new();
        html::push_html(&mut out, events.into_iter());
        // A block that scrolls is reached by keyboard.
        Ok(out.replace("<pre>", "<pre tabindex=\"0\">"))
    }
}

/// As the forges make them: words in small letters with hyphens between, and a number where one is taken.
fn anchor(title: &str, before: &[Section]) -> String {
    let plain: String = title
        .to_lowercase()
        .chars()
        .filter_map(|one| match one {
            ' ' => Some('-'),
            '-' | '_' => Some(one),
            _ => one.is_alphanumeric().then_some(one),
        })
        .collect();
    let taken = |anchor: &str| before.iter().any(|section| section.anchor == anchor);
    if !taken(&plain) {
        return plain;
    }
    (1..)
        .map(|nth| format!("{plain}-{nth}"))
        .find(|one| !taken(one))
        .unwrap_or(plain)
}

//! The HTML form of a mail, made from its text: paragraphs, and addresses that can be followed. No
//! image, no style sheet, nothing that is fetched.

/// Each blank line begins a paragraph; a line that is an address becomes a link.
pub(crate) fn html(subject: &str, body: &str) -> String {
    let paragraphs: String = body
        .trim()
        .split("\n\n")
        .map(|paragraph| {
            let lines: Vec<String> = paragraph.lines().map(line).collect();
            format!("<p>{}</p>\n", lines.join("<br>\n"))
        })
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family:sans-serif\">\n{paragraphs}</body></html>\n",
        escaped(subject)
    )
}

fn line(text: &str) -> String {
    let text = text.trim();
    let safe = escaped(text);
    if text.starts_with("https://") && !text.contains(char::is_whitespace) {
        format!("<a href=\"{safe}\">{safe}</a>")
    } else {
        safe
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_paragraphs_and_links() {
        let page = html(
            "Hello",
            "One\ntwo:\nhttps://revkeep.example/reset#abc\n\nThree\n",
        );
        assert!(page.contains(
            "<p>One<br>\ntwo:<br>\n<a href=\"https://revkeep.example/reset#abc\">https://revkeep.example/reset#abc</a></p>\n<p>Three</p>"
        ), "{page}");
    }

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        let hostile = "<script>alert(1)</script> \"x\" 'y' &\nhttps://x\"onclick=alert(1)";
        let page = html(hostile, hostile);
        assert!(
            !page.contains("<script>") && !page.contains("x\"onclick"),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;"));
        assert!(!html("s", "javascript:alert(1)").contains("<a "));
    }
}

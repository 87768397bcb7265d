//! Characters to tokens. A character that begins no token is refused, never skipped.

use crate::error::{Code, SoqlError, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier, a keyword, or a dotted path without spaces (`Owner.Name`).
    Word,
    /// Digits with an optional fraction, unsigned.
    Number,
    /// `2024-01-01`
    Date,
    /// `2024-01-01T00:00:00Z`
    DateTime,
    /// `10:20:30Z`
    Time,
    /// A string with its quotes; escapes are still as written.
    Text,
    Open,
    Close,
    Comma,
    Colon,
    Plus,
    Minus,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    /// After the last character.
    End,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) span: Span,
}

/// All tokens of the statement, the last of which is [`Kind::End`].
pub(crate) fn tokens(statement: &str) -> Result<Vec<Token<'_>>, SoqlError> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(rest) = statement.get(start..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        if blank > 0 {
            start += blank;
            continue;
        }
        let (kind, length) = next(rest, start)?;
        let span = Span {
            start,
            end: start + length,
        };
        let text = rest.get(..length).unwrap_or_default();
        found.push(Token { kind, text, span });
        start = span.end;
    }
    let end = Span {
        start: statement.len(),
        end: statement.len(),
    };
    found.push(Token {
        kind: Kind::End,
        text: "",
        span: end,
    });
    Ok(found)
}

/// The kind and the length in bytes of the token at the start of `rest`, which is not blank.
fn next(rest: &str, start: usize) -> Result<(Kind, usize), SoqlError> {
    let mut bytes = rest.bytes();
    let (first, second) = (bytes.next().unwrap_or(0), bytes.next().unwrap_or(0));
    Ok(match (first, second) {
        (b'a'..=b'z' | b'A'..=b'Z', _) => (Kind::Word, word(rest)),
        (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => return number_or_date(rest, start),
        (b'\'', _) => (Kind::Text, text(rest, start)?),
        (b'(', _) => (Kind::Open, 1),
        (b')', _) => (Kind::Close, 1),
        (b',', _) => (Kind::Comma, 1),
        (b':', _) => (Kind::Colon, 1),
        (b'+', _) => (Kind::Plus, 1),
        (b'-', b'-') => return Err(unknown(rest, start)),
        (b'-', _) => (Kind::Minus, 1),
        (b'!', b'=') | (b'<', b'>') => (Kind::NotEqual, 2),
        (b'<', b'=') => (Kind::LessOrEqual, 2),
        (b'>', b'=') => (Kind::GreaterOrEqual, 2),
        (b'<', _) => (Kind::Less, 1),
        (b'>', _) => (Kind::Greater, 1),
        (b'=', _) => (Kind::Equal, 1),
        _ => return Err(unknown(rest, start)),
    })
}

/// The length of an identifier and of the identifiers joined to it by dots.
fn word(rest: &str) -> usize {
    let identifier = |text: &str| {
        let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic());
        let inside = |next: char| next.is_ascii_alphanumeric() || next == '_';
        if starts_well {
            text.find(|next| !inside(next)).unwrap_or(text.len())
        } else {
            0
        }
    };
    let mut length = identifier(rest);
    while let Some(after) = rest.get(length..).and_then(|tail| tail.strip_prefix('.')) {
        match identifier(after) {
            0 => break,
            more => length += 1 + more,
        }
    }
    length
}

/// The length of the string at the start of `rest`, quotes included.
fn text(rest: &str, start: usize) -> Result<usize, SoqlError> {
    let mut escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return Ok(index + 1),
            _ => {}
        }
    }
    let span = Span {
        start,
        end: start + rest.len(),
    };
    Err(SoqlError::at(
        Code::TextUnclosed,
        span,
        "This string has no closing quote. End it with ' and write a quote inside it as \\'.",
    ))
}

/// The length of the longest prefix that consists of digits.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// True when `text` begins with the shape, in which `9` stands for any digit.
fn shaped(text: &str, shape: &str) -> bool {
    text.len() >= shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| match wanted {
                b'9' => byte.is_ascii_digit(),
                b'T' => byte.eq_ignore_ascii_case(&b'T'),
                _ => byte == wanted,
            })
}

fn number_or_date(rest: &str, start: usize) -> Result<(Kind, usize), SoqlError> {
    let found = if shaped(rest, "9999-99-99") {
        date(rest)
    } else if shaped(rest, "99:99") {
        time(rest).map(|length| (Kind::Time, length))
    } else {
        return Ok((Kind::Number, number(rest)));
    };
    let ends_well = |length: usize| {
        let next = rest.get(length..).and_then(|tail| tail.chars().next());
        !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == ':')
    };
    found.filter(|(_, length)| ends_well(*length)).ok_or_else(|| {
        let length = rest.find([' ', '\t', '\n', '\r', ')', ',', '\'']).unwrap_or(rest.len());
        SoqlError::at(
            Code::DateMalformed,
            Span { start, end: start + length },
            "This is not a date or a time. Write 2024-01-31, or 2024-01-31T08:00:00Z with seconds \
             and a time zone, without quotes.",
        )
    })
}

fn number(rest: &str) -> usize {
    let whole = digits(rest);
    let fraction = rest
        .get(whole..)
        .and_then(|tail| tail.strip_prefix('.'))
        .map_or(0, digits);
    if fraction > 0 {
        whole + 1 + fraction
    } else {
        whole
    }
}

fn date(rest: &str) -> Option<(Kind, usize)> {
    const DAY: usize = "9999-99-99".len();
    if !shaped(rest, "9999-99-99T") {
        return Some((Kind::Date, DAY));
    }
    let after = rest.get(DAY + 1..)?;
    let clock = clock(after)?;
    let zone = after.get(clock..).and_then(zone)?;
    Some((Kind::DateTime, DAY + 1 + clock + zone))
}

fn time(rest: &str) -> Option<usize> {
    let clock = clock(rest)?;
    rest.get(clock..)?
        .starts_with(['Z', 'z'])
        .then_some(clock + 1)
}

/// The length of `10:20:30` with an optional fraction.
fn clock(text: &str) -> Option<usize> {
    const SECONDS: usize = "99:99:99".len();
    if !shaped(text, "99:99:99") {
        return None;
    }
    match text.get(SECONDS..)?.strip_prefix('.').map(digits) {
        Some(0) => None,
        Some(fraction) => Some(SECONDS + 1 + fraction),
        None => Some(SECONDS),
    }
}

/// The length of `Z`, `+05:30` or `-0800`.
fn zone(text: &str) -> Option<usize> {
    let shapes = ["+99:99", "-99:99", "+9999", "-9999"];
    if text.starts_with(['Z', 'z']) {
        return Some(1);
    }
    shapes
        .iter()
        .find(|shape| shaped(text, shape))
        .map(|shape| shape.len())
}

fn unknown(rest: &str, start: usize) -> SoqlError {
    let first = rest.chars().next().unwrap_or_default();
    let hint = match first {
        '"' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '`' => {
            "Strings stand between straight single quotes: 'like this'."
        }
        ';' => "A query is one statement; leave the semicolon out.",
        '-' | '/' | '#' => "SOQL knows no comments; take this one out.",
        '*' => "SOQL has no *; name the fields.",
        '!' => "Write != without a space between.",
        '=' => "Write a single =.",
        _ => "Take it out.",
    };
    let span = Span {
        start,
        end: start + first.len_utf8(),
    };
    let message = format!("SOQL does not know the character {first:?} here. {hint}");
    SoqlError::at(Code::UnknownCharacter, span, message)
}

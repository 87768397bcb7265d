//! Literals: strings with their escapes, numbers, dates, date literals.

use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::{MAX_TEXT_CHARS, Parsed, Parser, shown};
use crate::{
    error::{Code, SoqlError, Span},
    lexer::{Kind, Token},
    name::Name,
    number::Number,
    value::{DateLiteral, LikePattern, PatternPiece, Value},
};

impl Parser<'_> {
    /// Any literal. After LIKE (`pattern`) a string becomes a pattern.
    pub(super) fn value(&mut self, pattern: bool) -> Parsed<Value> {
        let token = self.peek();
        match token.kind {
            Kind::Number | Kind::Plus | Kind::Minus => self.number().map(Value::Number),
            Kind::Text => {
                self.advance();
                let like = text(token, pattern)?;
                Ok(if pattern {
                    Value::Pattern(like)
                } else {
                    Value::Text(like.plain())
                })
            }
            Kind::Date => {
                self.advance();
                date(token.text)
                    .map(Value::Date)
                    .ok_or_else(|| impossible(token))
            }
            Kind::DateTime => {
                self.advance();
                date_time(token.text)
                    .map(Value::DateTime)
                    .ok_or_else(|| impossible(token))
            }
            Kind::Time => {
                self.advance();
                let text = token.text.get(..token.text.len() - 1).unwrap_or_default();
                clock(text)
                    .map(Value::Time)
                    .ok_or_else(|| impossible(token))
            }
            Kind::Word => self.word_value(token),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// A number with an optional sign.
    pub(super) fn number(&mut self) -> Parsed<Number> {
        let start = self.peek().span;
        let sign = if self.take(Kind::Minus) { "-" } else { "" };
        if sign.is_empty() {
            self.take(Kind::Plus);
        }
        let token = self.peek();
        self.expect(Kind::Number, "a number")?;
        self.number_from(&format!("{sign}{}", token.text), start.to(token.span))
    }

    fn number_from(&self, text: &str, span: Span) -> Parsed<Number> {
        Number::parse(text).ok_or_else(|| {
            SoqlError::at(
                Code::NumberMalformed,
                span,
                "A number has at most 28 digits.",
            )
        })
    }

    fn word_value(&mut self, token: Token<'_>) -> Parsed<Value> {
        let is = |word: &str| token.text.eq_ignore_ascii_case(word);
        let constant = if is("NULL") {
            Some(Value::Null)
        } else if is("TRUE") || is("FALSE") {
            Some(Value::Bool(is("TRUE")))
        } else {
            DateLiteral::fixed(token.text).map(Value::Relative)
        };
        if let Some(value) = constant {
            self.advance();
            return Ok(value);
        }
        if let Some(literal) = DateLiteral::counted(token.text) {
            self.advance();
            let count = self.count(token)?;
            return Ok(Value::Relative(literal.with_count(count)));
        }
        if let Some((code, digits)) = currency(token.text) {
            self.advance();
            return self.currency(code, digits, token.span);
        }
        Err(SoqlError::at(
            Code::ValueUnknown,
            token.span,
            format!(
                "\"{}\" is not a value. Put text between single quotes; a field can be compared \
                 with a value only, not with another field.",
                shown(token.text)
            ),
        ))
    }

    /// The `:n` of a date literal.
    fn count(&mut self, literal: Token<'_>) -> Parsed<u32> {
        let number = self.ahead(1);
        let written = self.peek().kind == Kind::Colon && number.kind == Kind::Number;
        if !written || number.text.contains('.') {
            return Err(SoqlError::at(
                Code::DateLiteralMalformed,
                literal.span,
                format!(
                    "Write {}:30, with a whole number.",
                    literal.text.to_ascii_uppercase()
                ),
            ));
        }
        self.position += 2;
        // Salesforce keeps this in a signed 32-bit integer.
        number
            .text
            .parse::<u32>()
            .ok()
            .filter(|count| *count <= 0x7fff_ffff)
            .ok_or_else(|| {
                SoqlError::at(
                    Code::CountOutOfRange,
                    number.span,
                    "This number of periods is too large.",
                )
            })
    }

    /// `USD5`, whose fraction is the next token when it touches.
    fn currency(&mut self, code: Name, digits: &str, word: Span) -> Parsed<Value> {
        let next = self.peek();
        let touches =
            next.kind == Kind::Number && next.text.starts_with('.') && next.span.start == word.end;
        let (amount, span) = if touches {
            self.advance();
            (format!("{digits}{}", next.text), word.to(next.span))
        } else {
            (digits.to_owned(), word)
        };
        self.number_from(&amount, span)
            .map(|amount| Value::Currency(code, amount))
    }
}

/// Three letters and then only digits.
fn currency(word: &str) -> Option<(Name, &str)> {
    let (code, digits) = word.split_at_checked(3)?;
    let letters = code.bytes().all(|byte| byte.is_ascii_alphabetic());
    let amount = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if letters && amount {
        Name::new(&code.to_ascii_uppercase()).map(|code| (code, digits))
    } else {
        None
    }
}

fn impossible(token: Token<'_>) -> SoqlError {
    SoqlError::at(
        Code::DateMalformed,
        token.span,
        format!(
            "{} is not in the calendar or not on the clock.",
            shown(token.text)
        ),
    )
}

/// Years 1 to 9999 only, which is what four digits can print again.
fn date(text: &str) -> Option<NaiveDate> {
    let part = |range: Range<usize>| text.get(range)?.parse::<u32>().ok();
    let year = i32::try_from(part(0..4)?).ok().filter(|year| *year >= 1)?;
    NaiveDate::from_ymd_opt(year, part(5..7)?, part(8..10)?)
}

/// `10:20:30.123`; fractions finer than a nanosecond are dropped only when they are zero.
fn clock(text: &str) -> Option<NaiveTime> {
    let part = |range: Range<usize>| text.get(range)?.parse::<u32>().ok();
    let fraction = text.get(8..)?.trim_start_matches('.').trim_end_matches('0');
    if fraction.len() > 9 {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    NaiveTime::from_hms_nano_opt(part(0..2)?, part(3..5)?, part(6..8)?, nanos)
}

fn date_time(text: &str) -> Option<DateTime<Utc>> {
    let day = date(text.get(..10)?)?;
    let rest = text.get(11..)?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let local = NaiveDateTime::new(day, clock(rest.get(..zone)?)?);
    let instant = local
        .checked_sub_signed(offset(rest.get(zone..)?)?)?
        .and_utc();
    (1..=9999).contains(&instant.year()).then_some(instant)
}

/// `Z`, `+05:30`, `-0800`.
fn offset(zone: &str) -> Option<TimeDelta> {
    if zone.eq_ignore_ascii_case("Z") {
        return Some(TimeDelta::zero());
    }
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let hours = digits
        .get(..2)?
        .parse::<i64>()
        .ok()
        .filter(|hours| *hours <= 18)?;
    let minutes = digits
        .get(2..)?
        .parse::<i64>()
        .ok()
        .filter(|minutes| *minutes < 60)?;
    let ahead = TimeDelta::minutes(hours * 60 + minutes);
    Some(if zone.starts_with('-') { -ahead } else { ahead })
}

impl LikePattern {
    /// The text, when there are no wildcards in the reading.
    fn plain(self) -> String {
        let literal = |piece| match piece {
            PatternPiece::Literal(text) => text,
            PatternPiece::AnyOne => "_".to_owned(),
            PatternPiece::AnyRun => "%".to_owned(),
        };
        self.0.into_iter().map(literal).collect()
    }

    fn push(&mut self, character: char) {
        match self.0.last_mut() {
            Some(PatternPiece::Literal(text)) => text.push(character),
            _ => self.0.push(PatternPiece::Literal(character.to_string())),
        }
    }
}

/// Undoes the escapes of a string. Wildcards are told apart only in a pattern.
fn text(token: Token<'_>, pattern: bool) -> Parsed<LikePattern> {
    let inside = token.text.get(1..token.text.len() - 1).unwrap_or_default();
    if inside.chars().map(chars_sent).sum::<usize>() > MAX_TEXT_CHARS {
        let message = format!("A string has at most {MAX_TEXT_CHARS} characters.");
        return Err(SoqlError::at(Code::TextTooLong, token.span, message));
    }
    let mut read = LikePattern::default();
    let mut characters = inside.char_indices();
    while let Some((index, character)) = characters.next() {
        let start = token.span.start + 1 + index;
        match character {
            '\\' => {
                let rest = characters.as_str();
                let (meant, taken) = escape(rest, pattern).ok_or_else(|| unknown(rest, start))?;
                read.push(meant);
                characters = skip(characters, taken);
            }
            '%' if pattern => read.0.push(PatternPiece::AnyRun),
            '_' if pattern => read.0.push(PatternPiece::AnyOne),
            '\t' => read.push(character),
            _ if character.is_control() => return Err(control(start, character)),
            _ => read.push(character),
        }
    }
    Ok(read)
}

/// How many characters a raw one is once printed. The limit is Salesforce's, and what Salesforce gets
/// is the printed form, where no tab and no line separator is raw.
fn chars_sent(raw: char) -> usize {
    match raw {
        '\t' => r"\t".len(),
        '\u{2028}' | '\u{2029}' => r"\u2028".len(),
        _ => 1,
    }
}

fn skip(mut characters: std::str::CharIndices<'_>, count: usize) -> std::str::CharIndices<'_> {
    for _ in 0..count {
        characters.next();
    }
    characters
}

/// What the escape after a backslash means, and how many characters it takes.
fn escape(rest: &str, pattern: bool) -> Option<(char, usize)> {
    let first = rest.chars().next()?;
    Some(match first {
        'n' | 'N' => ('\n', 1),
        'r' | 'R' => ('\r', 1),
        't' | 'T' => ('\t', 1),
        'b' | 'B' => ('\u{8}', 1),
        '"' | '\'' | '\\' => (first, 1),
        '_' | '%' if pattern => (first, 1),
        'u' | 'U' => {
            let hex = rest
                .get(1..5)
                .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
            let unit = u32::from_str_radix(hex, 16).ok()?;
            match char::from_u32(unit) {
                Some(meant) => (meant, 5),
                None => (surrogates(unit, rest.get(5..)?)?, 11),
            }
        }
        _ => return None,
    })
}

/// A character beyond the basic plane, written as two escapes.
fn surrogates(high: u32, rest: &str) -> Option<char> {
    let low = rest
        .strip_prefix("\\u")
        .or_else(|| rest.strip_prefix("\\U"))?;
    let low = low
        .get(..4)
        .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let units = [
        u16::try_from(high).ok()?,
        u16::from_str_radix(low, 16).ok()?,
    ];
    char::decode_utf16(units).next()?.ok()
}

fn unknown(rest: &str, start: usize) -> SoqlError {
    let next = rest.chars().next();
    let span = Span {
        start,
        end: start + 1 + next.map_or(0, char::len_utf8),
    };
    SoqlError::at(
        Code::EscapeUnknown,
        span,
        "This escape is unknown. Known are \\n \\r \\t \\b \\\" \\' \\\\ \\u0041, and \\_ \\% in \
         LIKE; write a backslash itself as \\\\.",
    )
}

fn control(start: usize, character: char) -> SoqlError {
    SoqlError::at(
        Code::TextControl,
        Span {
            start,
            end: start + character.len_utf8(),
        },
        "A string cannot hold a raw line break or control character; write it as \\n or \\u000A.",
    )
}

//! One plain Latin writing for what people write in many: NFKC, small letters, no accents, and the
//! Cyrillic and Greek letters spelt out. Other scripts stay as they are.

use unicode_normalization::UnicodeNormalization;

/// Longest text that is read, in characters: Salesforce's own limit of a company's name is 255.
pub(super) const LONGEST: usize = 300;

/// Folds text. Marks above Latin letters go; those of other scripts (a Japanese voiced kana, an
/// Indic vowel) are letters of their own and stay.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkc().take(LONGEST).flat_map(char::to_lowercase) {
        if c.is_ascii() {
            folded.push(c);
            continue;
        }
        let spelt = latin(c).or_else(|| cyrillic(c));
        if let Some(spelt) = spelt {
            folded.push_str(spelt);
            continue;
        }
        for part in std::iter::once(c).nfd().filter(|c| !is_accent(*c)) {
            match cyrillic(part).or_else(|| greek(part)) {
                Some(spelt) => folded.push_str(spelt),
                None => folded.push(part),
            }
        }
    }
    // Hangul came apart with the accents.
    folded.nfc().collect()
}

/// The writings of one sound that German and the Nordic languages have come to one: ü, ue and u.
pub(super) fn skeleton(word: &str) -> String {
    word.replace("ae", "a")
        .replace("oe", "o")
        .replace("ue", "u")
}

/// Whether a letter is of the scripts that [`fold`] brings to Latin.
pub(super) const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

const fn latin(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ł' => "l",
        'ħ' => "h",
        'ı' => "i",
        '’' | '‘' | 'ʼ' | '´' | '＇' | '`' => "'",
        '–' | '—' | '‐' | '‑' | '・' | '·' => " ",
        '®' | '©' | '™' => "",
        _ => return None,
    })
}

const fn cyrillic(c: char) -> Option<&'static str> {
    Some(match c {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ґ' => "g",
        'д' => "d",
        'ђ' => "dj",
        'е' | 'ё' | 'э' => "e",
        'є' => "ye",
        'ж' => "zh",
        'з' => "z",
        'и' | 'і' | 'ї' => "i",
        'й' | 'ы' => "y",
        'ј' => "j",
        'к' => "k",
        'л' => "l",
        'љ' => "lj",
        'м' => "m",
        'н' => "n",
        'њ' => "nj",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'ћ' => "c",
        'у' | 'ў' => "u",
        'ф' => "f",
        'х' => "kh",
        'ц' => "ts",
        'ч' => "ch",
        'џ' => "dz",
        'ш' => "sh",
        'щ' => "shch",
        'ъ' | 'ь' => "",
        'ю' => "yu",
        'я' => "ya",
        _ => return None,
    })
}

const fn greek(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "a",
        'β' => "v",
        'γ' => "g",
        'δ' => "d",
        'ε' => "e",
        'ζ' => "z",
        'η' | 'ι' => "i",
        'θ' => "th",
        'κ' => "k",
        'λ' => "l",
        'μ' => "m",
        'ν' => "n",
        'ξ' => "x",
        'ο' | 'ω' => "o",
        'π' => "p",
        'ρ' => "r",
        'σ' | 'ς' => "s",
        'τ' => "t",
        'υ' => "y",
        'φ' => "f",
        'χ' => "ch",
        'ψ' => "ps",
        _ => return None,
    })
}

//! Decimal numbers kept exactly, since a filter that is printed back must mean what was typed.

use std::{cmp::Ordering, fmt};

/// `mantissa` x 10^-`scale`, without trailing zeros in the fraction, at most 28 digits in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    mantissa: i128,
    scale: u32,
}

const MAX_DIGITS: usize = 28;

impl Number {
    /// From digits with an optional point, as SOQL writes them. None when malformed or too long.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None if digits.is_empty() => return None,
            None => (digits, ""),
        };
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let all_digits = whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit());
        if !all_digits || whole.len() + fraction.len() > MAX_DIGITS {
            return None;
        }
        let magnitude = format!("0{whole}{fraction}").parse::<i128>().ok()?;
        let scale = u32::try_from(fraction.len()).ok()?;
        Some(Self {
            mantissa: if negative { -magnitude } else { magnitude },
            scale,
        })
    }

    pub fn is_integer(self) -> bool {
        self.scale == 0
    }

    /// No more digits than a Salesforce number field can hold.
    pub(crate) fn is_ordinary(self) -> bool {
        self.mantissa.unsigned_abs() < 10_u128.pow(18) && self.scale <= 18
    }

    /// For whole ordinary numbers.
    pub(crate) fn plus(self, whole: i64) -> Self {
        Self {
            mantissa: self.mantissa + i128::from(whole),
            scale: self.scale,
        }
    }

    pub(crate) fn negated(self) -> Self {
        Self {
            mantissa: -self.mantissa,
            scale: self.scale,
        }
    }

    /// The number half-way between two ordinary ones, exactly.
    pub(crate) fn midpoint(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        let sum = self.at_scale(scale).unwrap_or(0) + other.at_scale(scale).unwrap_or(0);
        let mut half = Self {
            mantissa: sum * 5,
            scale: scale + 1,
        };
        while half.scale > 0 && half.mantissa % 10 == 0 {
            half = Self {
                mantissa: half.mantissa / 10,
                scale: half.scale - 1,
            };
        }
        half
    }

    /// The nearest double, for evaluators that compute in doubles.
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The mantissa at a larger scale; exact, since 28 + 28 digits are refused by `None`.
    fn at_scale(self, scale: u32) -> Option<i128> {
        self.mantissa
            .checked_mul(10_i128.checked_pow(scale.checked_sub(self.scale)?)?)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self {
            mantissa: i128::from(value),
            scale: 0,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let whole = |number: &Self| number.mantissa.div_euclid(10_i128.pow(number.scale));
        let rest = |number: &Self| Self {
            mantissa: number.mantissa.rem_euclid(10_i128.pow(number.scale)),
            scale: number.scale,
        };
        // Below one, both fractions fit at the larger scale: 28 digits at most.
        whole(self).cmp(&whole(other)).then_with(|| {
            let scale = self.scale.max(other.scale);
            rest(self).at_scale(scale).cmp(&rest(other).at_scale(scale))
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let one = 10_u128.pow(self.scale);
        let magnitude = self.mantissa.unsigned_abs();
        write!(f, "{sign}{}", magnitude / one)?;
        if self.scale > 0 {
            let width = usize::try_from(self.scale).unwrap_or(MAX_DIGITS);
            write!(f, ".{:0width$}", magnitude % one)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn numbers_are_exact_and_ordered() {
        let sorted = [
            "-10.5",
            "-10.25",
            "-1",
            "0",
            "0.05",
            "0.5",
            "5",
            "9999999999999999999999999999",
        ];
        let numbers: Vec<_> = sorted
            .iter()
            .map(|text| Number::parse(text).unwrap())
            .collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(
            numbers.iter().map(Number::to_string).collect::<Vec<_>>(),
            sorted
        );
        assert_eq!(Number::parse("+05.50"), Number::parse("5.5"));
        assert_eq!(Number::parse("-0"), Number::parse("0.0"));
    }

    #[test]
    fn malformed_numbers_are_none() {
        for text in [
            "",
            "-",
            ".",
            "5.",
            "1e5",
            "--1",
            "1.2.3",
            "10000000000000000000000000000",
        ] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}

//! The Python literals a check can begin with: `'public':%(visibility)s`, `True:%(protected)s`.

/// The text Python's `str` gives for the literal `kind`; `None` if it is none.
///
/// Read are quoted texts, `True`, `False`, `None` and decimal numbers. Lists, bytes and numbers in
/// other notations are not: nothing in a target would equal them.
pub(super) fn literal(kind: &str) -> Option<String> {
    match kind {
        "True" | "False" | "None" => Some(kind.to_owned()),
        _ => quoted(kind).or_else(|| integer(kind)).or_else(|| float(kind)),
    }
}

fn quoted(kind: &str) -> Option<String> {
    let quote = kind.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    let inner = kind.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut text = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.push(escaped(letters.next()?)?),
            _ if letter == quote => return None,
            _ => text.push(letter),
        }
    }
    Some(text)
}

fn escaped(letter: char) -> Option<char> {
    match letter {
        '\\' | '\'' | '"' => Some(letter),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        _ => None,
    }
}

/// Digits without the underscores Python allows between them.
fn digits(text: &str) -> Option<String> {
    text.split('_')
        .map(|group| Some(group).filter(|group| !group.is_empty() && group.bytes().all(|digit| digit.is_ascii_digit())))
        .collect()
}

fn sign(kind: &str) -> (&'static str, &str) {
    kind.strip_prefix('-').map_or_else(|| ("", kind.strip_prefix('+').unwrap_or(kind)), |rest| ("-", rest))
}

fn integer(kind: &str) -> Option<String> {
    let (sign, rest) = sign(kind);
    let digits = digits(rest)?;
    match digits.trim_start_matches('0') {
        "" => Some("0".to_owned()),
        // Python refuses leading zeros, because they once meant octal.
        significant if significant.len() < digits.len() => None,
        significant => Some(format!("{sign}{significant}")),
    }
}

fn float(kind: &str) -> Option<String> {
    let (sign, rest) = sign(kind);
    let (whole, fraction) = rest.split_once('.')?;
    let part = |text: &str| {
        if text.is_empty() { Some(String::new()) } else { digits(text) }
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let number: f64 = format!("{sign}0{}.{}0", part(whole)?, part(fraction)?).parse().ok()?;
    // Outside this range Python changes to exponents.
    (number == 0.0 || (1e-4..1e16).contains(&number.abs())).then(|| format!("{number:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_read_as_python_writes_them() {
        for (kind, text) in [
            ("'public'", Some("public")),
            ("\"public\"", Some("public")),
            ("''", Some("")),
            (r"'it\'s'", Some("it's")),
            ("True", Some("True")),
            ("None", Some("None")),
            ("5", Some("5")),
            ("-5", Some("-5")),
            ("+5", Some("5")),
            ("1_000", Some("1000")),
            ("00", Some("0")),
            ("-0", Some("0")),
            ("1.50", Some("1.5")),
            ("1.", Some("1.0")),
            (".5", Some("0.5")),
            ("-0.0", Some("-0.0")),
            ("0.0001", Some("0.0001")),
            ("123456789012345678901234567890", Some("123456789012345678901234567890")),
            ("007", None),
            ("1__0", None),
            ("--5", None),
            (".", None),
            ("true", None),
            ("user_id", None),
            ("'", None),
            ("'a'b'", None),
            ("'a\"", None),
            (r"'\'", None),
            ("", None),
        ] {
            assert_eq!(literal(kind).as_deref(), text, "{kind}");
        }
    }
}

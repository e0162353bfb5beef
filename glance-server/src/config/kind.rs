//! The types of options, and how `oslo.config` reads each from text.

/// What an option holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Kind {
    /// Any text.
    Text,
    /// Yes or no in one of eight spellings, any case.
    Flag,
    /// A decimal whole number between two bounds, both included.
    Int(i128, i128),
    /// A decimal number.
    Decimal,
    /// One of a few words; the flag says whether case is ignored.
    Choice(&'static [&'static str], bool),
    /// Items between commas.
    List,
    /// Items between commas inside square brackets; each one of the given words, if any are.
    Bracketed(&'static [&'static str]),
    /// `name:value` pairs between commas, parted at the first colon.
    Dict,
    /// The line may repeat and every value counts.
    Multi,
}

/// The value of an option, by [`Kind`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Int(i128),
    Decimal(f64),
    List(Vec<String>),
    Dict(Vec<(String, String)>),
}

impl Kind {
    /// Reads `text`; `None` stands for "not set", which an empty number means.
    ///
    /// # Errors
    ///
    /// What the text should have been. The text itself is not repeated.
    pub(super) fn read(self, text: &str) -> Result<Option<Value>, String> {
        match self {
            Self::Text => Ok(Some(Value::Text(text.to_owned()))),
            Self::Flag => flag(text).map(|flag| Some(Value::Flag(flag))),
            Self::Int(min, max) => whole(text, min, max),
            Self::Decimal => decimal(text),
            Self::Choice(words, any_case) => choice(text, words, any_case),
            Self::List => Ok(Some(Value::List(items(text)))),
            Self::Bracketed(words) => bracketed(text, words).map(|list| Some(Value::List(list))),
            Self::Dict => pairs(text).map(|pairs| Some(Value::Dict(pairs))),
            Self::Multi => Ok(Some(Value::List(vec![text.to_owned()]))),
        }
    }
}

fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err("must be true or false (also yes/no, on/off, 1/0)".to_owned()),
    }
}

fn whole(text: &str, min: i128, max: i128) -> Result<Option<Value>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number: i128 = text.parse().map_err(|_| "must be a whole decimal number".to_owned())?;
    if number < min {
        return Err(format!("must be at least {min}"));
    }
    if number > max {
        return Err(format!("must be at most {max}"));
    }
    Ok(Some(Value::Int(number)))
}

fn decimal(text: &str) -> Result<Option<Value>, String> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(Value::Decimal(number))),
            _ => Err("must be a decimal number".to_owned()),
        },
    }
}

fn choice(text: &str, words: &'static [&'static str], any_case: bool) -> Result<Option<Value>, String> {
    words
        .iter()
        .find(|word| **word == text || (any_case && word.eq_ignore_ascii_case(text)))
        .map(|word| Some(Value::Text((*word).to_owned())))
        .ok_or_else(|| format!("must be one of {}", words.join(", ")))
}

fn items(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|item| item.trim().to_owned()).collect()
}

fn bracketed(text: &str, words: &[&str]) -> Result<Vec<String>, String> {
    let inside = text
        .trim()
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .ok_or("must be a list in square brackets, such as [a,b] or []")?;
    let mut list = Vec::new();
    let mut open = None::<String>;
    for item in items(inside) {
        // Inside quotes a comma belongs to the item.
        let item = match open.take() {
            Some(begun) => format!("{begun},{item}"),
            None => item,
        };
        match without_quotes(&item) {
            Some(whole) => list.push(whole.to_owned()),
            None => open = Some(item),
        }
    }
    if open.is_some() {
        return Err("has a quote that is not closed".to_owned());
    }
    if !words.is_empty() && list.iter().any(|item| !words.contains(&item.as_str())) {
        return Err(format!("may hold nothing but {}", words.join(", ")));
    }
    Ok(list)
}

/// `item` without the quotes around it; `None` if they do not close.
fn without_quotes(item: &str) -> Option<&str> {
    match item.chars().next() {
        Some(quote @ ('"' | '\'')) => item.strip_prefix(quote)?.strip_suffix(quote),
        _ => Some(item),
    }
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    const MUST: &str = "must be name:value pairs between commas";
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut begun = String::new();
    for item in items(text) {
        // What has no colon goes in front of the next pair, odd as that is: oslo.config reads so.
        let item = format!("{begun}{item}");
        let Some((name, value)) = item.split_once(':') else {
            begun = item + ",";
            continue;
        };
        begun.clear();
        let name = name.trim().to_owned();
        if name.is_empty() {
            return Err(MUST.to_owned());
        }
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(format!("names {name} twice"));
        }
        pairs.push((name, value.trim().to_owned()));
    }
    if begun.is_empty() { Ok(pairs) } else { Err(MUST.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANY: Kind = Kind::Int(i128::MIN, i128::MAX);

    #[test]
    fn eight_words_are_flags_in_any_case() {
        for (word, means) in [
            ("1", true),
            ("True", true),
            ("ON", true),
            ("yes", true),
            ("0", false),
            ("false", false),
            ("Off", false),
            ("no", false),
        ] {
            assert_eq!(Kind::Flag.read(word), Ok(Some(Value::Flag(means))), "{word}");
        }
        for word in ["", "y", "maybe", "2", "true "] {
            assert!(Kind::Flag.read(word).is_err(), "{word}");
        }
    }

    #[test]
    fn numbers_are_decimal_and_bounded() {
        assert_eq!(ANY.read(" -12 "), Ok(Some(Value::Int(-12))));
        assert_eq!(ANY.read(""), Ok(None));
        for text in ["0x10", "1.0", "1e3", "ten", "1 2"] {
            assert!(ANY.read(text).is_err(), "{text}");
        }
        let port = Kind::Int(0, 65535);
        assert!(port.read("65535").is_ok());
        assert!(port.read("65536").is_err());
        assert!(port.read("-1").is_err());
    }

    #[test]
    fn a_list_trims_its_items_and_may_be_empty() {
        let list = |text: &str| match Kind::List.read(text) {
            Ok(Some(Value::List(list))) => list,
            other => panic!("{other:?}"),
        };
        assert_eq!(list(" a , b,c "), ["a", "b", "c"]);
        assert_eq!(list("\"a, b\", c"), ["\"a", "b\"", "c"]);
        assert!(list("  ").is_empty());
    }

    #[test]
    fn a_bracketed_list_needs_its_brackets() {
        let methods = Kind::Bracketed(&["glance-direct", "web-download"]);
        assert_eq!(
            methods.read("[glance-direct, 'web-download']"),
            Ok(Some(Value::List(vec!["glance-direct".into(), "web-download".into()])))
        );
        assert_eq!(methods.read("[]"), Ok(Some(Value::List(vec![]))));
        let any = |text| Kind::Bracketed(&[]).read(text);
        assert_eq!(any("['a,b', c]"), Ok(Some(Value::List(vec!["a,b".into(), "c".into()]))));
        assert!(any("['a]").is_err() && any("[\"a']").is_err());
        for text in ["", "glance-direct", "[glance-direct", "[ftp]"] {
            assert!(methods.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pair_parts_at_its_first_colon() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            Kind::Dict.read("http:10.0.0.1:3128, https : b"),
            Ok(Some(Value::Dict(vec![pair("http", "10.0.0.1:3128"), pair("https", "b")])))
        );
        assert_eq!(Kind::Dict.read("a:1,2,b:3"), Ok(Some(Value::Dict(vec![pair("a", "1"), pair("2,b", "3")]))));
        for text in ["a", ":b", "a:1,a:2", "a:1,:2", "a:1,2", "a:1,"] {
            assert!(Kind::Dict.read(text).is_err(), "{text}");
        }
        assert_eq!(Kind::Dict.read(""), Ok(Some(Value::Dict(vec![]))));
    }

    #[test]
    fn a_choice_minds_case_unless_told_otherwise() {
        let drivers: &[&str] = &["sqlite", "xattr"];
        assert!(Kind::Choice(drivers, false).read("SQLite").is_err());
        assert_eq!(Kind::Choice(drivers, true).read("SQLite"), Ok(Some(Value::Text("sqlite".into()))));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            for kind in [Kind::Text, Kind::Flag, ANY, Kind::Decimal, Kind::List,
                         Kind::Bracketed(&[]), Kind::Dict, Kind::Multi] {
                let _ = kind.read(&text);
            }
        }
    }
}

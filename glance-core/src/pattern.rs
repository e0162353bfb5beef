//! Regular expressions as Python writes them, for an engine that takes time in proportion to the text.

use regex::{Regex, RegexBuilder};

/// The largest program an expression may become, in bytes: one that needs more is a mistake.
const LARGEST: usize = 1 << 20;

/// The expression `pattern`, to be searched for anywhere in a text, or why it is not understood.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translated(pattern)).size_limit(LARGEST).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("it takes more than {limit} bytes"),
        // The last line says why; the ones above draw where.
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}

/// The same expression where the two engines read it differently: inside of brackets, Python knows no further
/// brackets and no operators between sets; and it spells the end of a text `\Z`.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    // Within brackets: how many characters of them have passed.
    let mut within: Option<usize> = None;
    while let Some(char) = chars.next() {
        match (char, within) {
            ('\\', _) => {
                out.push('\\');
                out.extend(chars.next().map(|escaped| if escaped == 'Z' { 'z' } else { escaped }));
            }
            ('[', None) => {
                out.push('[');
                out.extend(chars.next_if_eq(&'^'));
                // The first character is an ordinary one, whatever it is.
                out.extend(chars.next_if_eq(&']').map(|_| "\\]"));
                within = Some(0);
                continue;
            }
            (']', Some(_)) => {
                out.push(']');
                within = None;
                continue;
            }
            ('[', Some(_)) => out.push_str("\\["),
            ('&' | '~', Some(_)) => out.extend(['\\', char]),
            // Twice in a row, it would subtract.
            ('-', Some(_)) if chars.peek() == Some(&'-') => out.push_str("\\-"),
            (char, _) => out.push(char),
        }
        within = within.map(|passed| passed + 1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_python_reads_them() {
        for (pattern, name, found) in [
            ("x_", "my_x_y", true),
            ("^x_", "my_x_y", false),
            ("^x_.*", "x_owner", true),
            ("^x_", "X_owner", false),
            ("(?i)^x_", "X_owner", true),
            (r"^a\Z", "a", true),
            (r"^a\Z", "ab", false),
            ("^[^x_.*]", "owner", true),
            ("^[[a]b", "[b", true),
            ("^[a&&b]$", "&", true),
            ("^[a&&b]$", "a", true),
            ("^[a~~b]$", "~", true),
            ("^[a--]$", "-", true),
            ("^[]x]$", "]", true),
            ("^[^]x]$", "]", false),
            ("^(?P<kind>hw|os)_", "os_x", true),
            (r"^\w+$", "größe", true),
            ("^hw.disk", "hw\ndisk", false),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(name), found, "{pattern} in {name}");
        }
    }

    #[test]
    fn what_takes_more_than_one_pass_is_refused() {
        for pattern in ["(?!x)", "(?<=a)b", r"(a)\1", "(", "[a", "*", r"(\w{1000}){1000}"] {
            assert!(compile(pattern).is_err_and(|why| !why.is_empty()), "{pattern}");
        }
    }
}

//! The INI dialect of `oslo.config`, line by line as its reader takes it apart.
//!
//! Kept on purpose: there are no inline comments, `:` separates as well as `=`, and a line that
//! begins with white space continues the value above it, even when it looks like a comment.

/// One `key = value` of a file, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The section's name as written, without its brackets.
    pub section: String,
    /// The key as written, trimmed and never empty.
    pub key: String,
    /// The value: trimmed, one pair of quotes around its first line removed, continuation lines
    /// joined by line feeds.
    pub value: String,
    /// The line the key stands on, counted from 1.
    pub line: usize,
}

/// A whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// All assignments, in file order; a key that repeats is there each time.
    pub assignments: Vec<Assignment>,
    /// Every section header with its line, in file order, repeated ones each time.
    pub sections: Vec<(String, usize)>,
}

/// Why a text is not in the dialect, and the line (counted from 1) where that shows.
///
/// The line itself is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct IniError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: IniErrorKind,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IniErrorKind {
    /// The text is not UTF-8 from here on.
    #[error("not valid UTF-8")]
    Encoding,
    /// A section header without its closing bracket.
    #[error("a section header must end with ]")]
    UnclosedSection,
    /// `[]`.
    #[error("a section needs a name")]
    UnnamedSection,
    /// An assignment before the first section.
    #[error("an option must follow a section header such as [DEFAULT]")]
    NoSection,
    /// Neither `=` nor `:`.
    #[error("an option needs '=' or ':' between name and value")]
    NoSeparator,
    /// Nothing before the separator.
    #[error("an option needs a name before '=' or ':'")]
    EmptyKey,
    /// An indented line with no assignment directly above.
    #[error("an indented line must continue an option on the line above")]
    Continuation,
}

/// Reads a whole file.
///
/// # Errors
///
/// [`IniError`] for the first line that does not fit the dialect.
pub fn parse(bytes: &[u8]) -> Result<Document, IniError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let read = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = read.split(|byte| *byte == b'\n').count();
        IniErrorKind::Encoding.at(line)
    })?;
    let mut parser = Parser::default();
    // Some editors put a byte order mark in front; it is not part of the first line.
    for (index, line) in lines(text.trim_start_matches('\u{feff}')).enumerate() {
        parser.take(line, index + 1)?;
    }
    Ok(parser.document)
}

impl IniErrorKind {
    fn at(self, line: usize) -> IniError {
        IniError { line, kind: self }
    }
}

/// The lines of `text`, ended by `\n`, `\r\n` or a lone `\r` as Python's text files are.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r')
    })
}

#[derive(Default)]
struct Parser {
    document: Document,
    section: Option<String>,
    /// Whether the last assignment may still grow by a continuation line.
    open: bool,
}

impl Parser {
    fn take(&mut self, line: &str, number: usize) -> Result<(), IniError> {
        let line = line.trim_end();
        let continues = line.starts_with([' ', '\t']);
        if continues {
            return self.continuation(line.trim_start(), number);
        }
        self.open = false;
        match line.chars().next() {
            None | Some('#' | ';') => Ok(()),
            Some('[') => self.header(line, number),
            Some(_) => self.assignment(line, number),
        }
    }

    fn continuation(&mut self, rest: &str, number: usize) -> Result<(), IniError> {
        match self.document.assignments.last_mut() {
            Some(last) if self.open => {
                last.value.push('\n');
                last.value.push_str(rest);
                Ok(())
            }
            _ => Err(IniErrorKind::Continuation.at(number)),
        }
    }

    fn header(&mut self, line: &str, number: usize) -> Result<(), IniError> {
        let name = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .ok_or(IniErrorKind::UnclosedSection.at(number))?;
        if name.is_empty() {
            return Err(IniErrorKind::UnnamedSection.at(number));
        }
        self.document.sections.push((name.to_owned(), number));
        self.section = Some(name.to_owned());
        Ok(())
    }

    fn assignment(&mut self, line: &str, number: usize) -> Result<(), IniError> {
        let (key, value) = line.split_once(['=', ':']).ok_or(IniErrorKind::NoSeparator.at(number))?;
        let key = key.trim();
        if key.is_empty() {
            return Err(IniErrorKind::EmptyKey.at(number));
        }
        let section = self.section.clone().ok_or(IniErrorKind::NoSection.at(number))?;
        self.document.assignments.push(Assignment {
            section,
            key: key.to_owned(),
            value: unquote(value.trim()).to_owned(),
            line: number,
        });
        self.open = true;
        Ok(())
    }
}

/// `value` without one pair of equal quotes around all of it.
///
/// A single quote character alone counts as a pair, as it does in Python.
fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            if rest.is_empty() {
                return rest;
            }
            return rest.strip_suffix(quote).unwrap_or(value);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(String, String, String)> {
        parse(text.as_bytes()).unwrap().assignments.into_iter().map(|a| (a.section, a.key, a.value)).collect()
    }

    fn value(text: &str) -> String {
        values(&format!("[s]\n{text}")).pop().unwrap().2
    }

    fn fault(text: &str) -> (usize, IniErrorKind) {
        let error = parse(text.as_bytes()).unwrap_err();
        (error.line, error.kind)
    }

    #[test]
    fn a_comment_starts_in_the_first_column_only() {
        assert_eq!(values("# a = 1\n; b = 2\n[s]\nc = 3"), values("[s]\nc=3"));
        assert_eq!(value("a = 1 # not a comment"), "1 # not a comment");
    }

    #[test]
    fn the_first_of_equals_and_colon_separates() {
        assert_eq!(value("url: http://h:1/?a=b"), "http://h:1/?a=b");
        assert_eq!(value("backends = fast:file"), "fast:file");
    }

    #[test]
    fn indented_lines_continue_a_value() {
        assert_eq!(value("a = 1\n  2\n\t# 3"), "1\n2\n# 3");
        assert_eq!(value("a =\n  2"), "\n2");
    }

    #[test]
    fn nothing_continues_after_a_blank_line_a_comment_or_a_header() {
        assert_eq!(fault("[s]\na = 1\n\n 2"), (4, IniErrorKind::Continuation));
        assert_eq!(fault("[s]\na = 1\n#\n 2"), (4, IniErrorKind::Continuation));
        assert_eq!(fault("[s]\n 2"), (2, IniErrorKind::Continuation));
        assert_eq!(fault(" [s]"), (1, IniErrorKind::Continuation));
    }

    #[test]
    fn one_pair_of_quotes_around_a_value_goes() {
        for (written, read) in [
            ("\"x y\"", "x y"),
            ("'x'", "x"),
            ("''x''", "'x'"),
            ("\"x", "\"x"),
            ("\"x'", "\"x'"),
            ("\"a, b\", c", "\"a, b\", c"),
            ("\"", ""),
            ("\"\"", ""),
        ] {
            assert_eq!(value(&format!("a = {written}")), read, "{written}");
        }
    }

    #[test]
    fn a_section_may_repeat() {
        let document = parse(b"[s]\na=1\n[t]\nb=2\n[s]\nc=3").unwrap();
        let keys: Vec<_> = document.assignments.iter().map(|a| (a.section.as_str(), a.key.as_str(), a.line)).collect();
        assert_eq!(keys, [("s", "a", 2), ("t", "b", 4), ("s", "c", 6)]);
        assert_eq!(document.sections.len(), 3);
    }

    #[test]
    fn each_fault_names_its_line() {
        assert_eq!(fault("[s\n"), (1, IniErrorKind::UnclosedSection));
        assert_eq!(fault("\n[]"), (2, IniErrorKind::UnnamedSection));
        assert_eq!(fault("a = 1"), (1, IniErrorKind::NoSection));
        assert_eq!(fault("[s]\nword"), (2, IniErrorKind::NoSeparator));
        assert_eq!(fault("[s]\n= 1"), (2, IniErrorKind::EmptyKey));
        let broken = parse(b"[s]\na = 1\nb = \xff").unwrap_err();
        assert_eq!((broken.line, broken.kind), (3, IniErrorKind::Encoding));
    }

    #[test]
    fn line_ends_of_every_system_are_understood() {
        assert_eq!(values("[s]\r\na = 1\r\n  2\r\n"), values("[s]\na = 1\n 2"));
        assert_eq!(values("[s]\ra = 1\rb = 2"), values("[s]\na = 1\nb = 2"));
        assert_eq!(values("\u{feff}[s]\na = 1"), values("[s]\na = 1"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn dialect_characters_in_any_order_are_read_or_refused(text in "[\\[\\]=:#;a \"'\t\r\n$-]{0,200}") {
            if let Ok(document) = parse(text.as_bytes()) {
                for assignment in document.assignments {
                    prop_assert!(!assignment.key.is_empty());
                    prop_assert!(assignment.line <= 1 + text.len());
                    prop_assert!(!assignment.section.is_empty());
                }
            }
        }

        #[test]
        fn what_is_written_plainly_is_read_back(key in "[a-z_]{1,12}", value in "[A-Za-z0-9/.,-]{0,30}") {
            let document = parse(format!("[s]\n{key} = {value}\n").as_bytes()).unwrap();
            prop_assert_eq!(&document.assignments[0].key, &key);
            prop_assert_eq!(&document.assignments[0].value, &value);
        }
    }
}

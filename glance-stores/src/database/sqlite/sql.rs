//! A statement that grows together with the values it is bound to.

use rusqlite::types::Value;

/// Text of SQL with a `?` for each value. Names in it come from our tables; whatever comes from a
/// caller is a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Appends `text`, which has one `?` for each of `values`.
    pub(super) fn add(&mut self, text: &str, values: impl IntoIterator<Item = Value>) -> &mut Self {
        self.text.push_str(text);
        self.values.extend(values);
        self
    }

    /// Appends another piece as it is.
    pub(super) fn append(&mut self, other: &Self) -> &mut Self {
        self.add(&other.text, other.values.iter().cloned())
    }

    /// The pieces, each in parentheses, with `word` between them; `nothing` if there are none.
    pub(super) fn joined(pieces: &[Self], word: &str, nothing: &str) -> Self {
        let mut joined = Self::default();
        for (at, piece) in pieces.iter().enumerate() {
            joined.add(if at == 0 { "(" } else { word }, []);
            if at > 0 {
                joined.add("(", []);
            }
            joined.append(piece).add(")", []);
        }
        if pieces.is_empty() {
            joined.add(nothing, []);
        }
        joined
    }
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

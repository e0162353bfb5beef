//! What a call acts on, as rules see it: keys with values.

use std::borrow::Cow;

/// The object of a call, from which rules read `%(key)s`.
///
/// An image is its own target: nothing is copied, a rule asks for the few keys it names.
pub trait Target {
    /// The value under `key`; `None` if the object has no such key, which makes the check that asks
    /// false. A key that is there without a value is [`Value::Null`].
    ///
    /// Keys are flat: `a.b` is one key.
    fn get(&self, key: &str) -> Option<Value<'_>>;

    /// Every key that [`get`](Self::get) answers, for remote checks, which are sent the whole object.
    fn keys(&self) -> Vec<Cow<'_, str>>;
}

/// One value of a [`Target`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Known to be absent. Reads `None` to a check on a literal, and matches nothing of the caller.
    Null,
    /// Reads `True` or `False`.
    Bool(bool),
    /// Reads as decimal digits.
    Integer(i128),
    /// Reads as it is.
    Text(Cow<'a, str>),
    /// Several texts, such as tags. Only remote checks see them: as text they equal nothing.
    List(Cow<'a, [String]>),
}

impl Value<'_> {
    /// The value as `oslo.policy` compares it; `None` for a list.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => Some(Cow::Borrowed("None")),
            Self::Bool(true) => Some(Cow::Borrowed("True")),
            Self::Bool(false) => Some(Cow::Borrowed("False")),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::List(_) => None,
        }
    }

    /// The same value, borrowing from this one.
    #[must_use]
    pub fn reborrow(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(value) => Value::Integer(*value),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::List(list) => Value::List(Cow::Borrowed(list)),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a [String]> for Value<'a> {
    fn from(list: &'a [String]) -> Self {
        Self::List(Cow::Borrowed(list))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Self::Integer(value.into())
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The target of a call that acts on no object: it has no keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTarget;

impl Target for NoTarget {
    fn get(&self, _key: &str) -> Option<Value<'_>> {
        None
    }

    fn keys(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }
}

/// A few pairs, written in place: `[("project_id", project.into()), ("visibility", "public".into())]`.
impl<const N: usize> Target for [(&str, Value<'_>); N] {
    fn get(&self, key: &str) -> Option<Value<'_>> {
        pair(self, key)
    }

    fn keys(&self) -> Vec<Cow<'_, str>> {
        self.iter().map(|(key, _)| Cow::Borrowed(*key)).collect()
    }
}

impl Target for Vec<(&str, Value<'_>)> {
    fn get(&self, key: &str) -> Option<Value<'_>> {
        pair(self, key)
    }

    fn keys(&self) -> Vec<Cow<'_, str>> {
        self.iter().map(|(key, _)| Cow::Borrowed(*key)).collect()
    }
}

fn pair<'a>(pairs: &'a [(&str, Value<'_>)], key: &str) -> Option<Value<'a>> {
    pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| value.reborrow())
}

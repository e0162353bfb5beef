//! What the server knows about one option.

use crate::config::kind::Kind;

/// One option of one section.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Known {
    /// The name, with underscores.
    pub(in crate::config) name: &'static str,
    /// What it holds.
    pub(in crate::config) kind: Kind,
    /// The value when nothing sets it, as a file would write it; `None` for unset.
    pub(in crate::config) default: Option<&'static str>,
    /// Earlier names, as (section, name); an empty section is the option's own.
    pub(in crate::config) old: &'static [(&'static str, &'static str)],
    /// Whether the value must never be printed.
    pub(in crate::config) secret: bool,
    /// What this server does with it.
    pub(in crate::config) effect: Effect,
}

/// What becomes of an option that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Effect {
    /// The server does what it says.
    Honoured,
    /// Accepted; it tunes something this server does not have, and nobody will miss it.
    Inert,
    /// Accepted, and something the operator asked for does not happen: this.
    Missing(&'static str),
    /// Glance itself dropped it.
    Removed,
}

impl Known {
    const fn new(name: &'static str, kind: Kind, default: Option<&'static str>) -> Self {
        Self { name, kind, default, old: &[], secret: false, effect: Effect::Inert }
    }

    /// The same option, which the server acts upon.
    pub(super) const fn honoured(mut self) -> Self {
        self.effect = Effect::Honoured;
        self
    }

    /// The same option, which the server does not act upon; `loss` says what does not happen.
    pub(super) const fn missing(mut self, loss: &'static str) -> Self {
        self.effect = Effect::Missing(loss);
        self
    }

    pub(super) const fn removed(mut self) -> Self {
        self.effect = Effect::Removed;
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(super) const fn was(mut self, old: &'static [(&'static str, &'static str)]) -> Self {
        self.old = old;
        self
    }

    pub(super) const fn between(mut self, min: i128, max: i128) -> Self {
        self.kind = Kind::Int(min, max);
        self
    }

    pub(super) const fn at_least(self, min: i128) -> Self {
        self.between(min, i64::MAX as i128)
    }

    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}

pub(super) const fn text(name: &'static str) -> Known {
    Known::new(name, Kind::Text, None)
}

pub(super) const fn flag(name: &'static str, default: bool) -> Known {
    Known::new(name, Kind::Flag, Some(if default { "true" } else { "false" }))
}

pub(super) const fn int(name: &'static str) -> Known {
    Known::new(name, Kind::Int(i64::MIN as i128, i64::MAX as i128), None)
}

pub(super) const fn decimal(name: &'static str) -> Known {
    Known::new(name, Kind::Decimal, None)
}

pub(super) const fn list(name: &'static str) -> Known {
    Known::new(name, Kind::List, None)
}

pub(super) const fn bracketed(name: &'static str, words: &'static [&'static str]) -> Known {
    Known::new(name, Kind::Bracketed(words), Some("[]"))
}

pub(super) const fn dict(name: &'static str) -> Known {
    Known::new(name, Kind::Dict, None)
}

pub(super) const fn multi(name: &'static str) -> Known {
    Known::new(name, Kind::Multi, None)
}

pub(super) const fn choice(name: &'static str, words: &'static [&'static str]) -> Known {
    Known::new(name, Kind::Choice(words, false), None)
}

pub(super) const fn choice_any_case(name: &'static str, words: &'static [&'static str]) -> Known {
    Known::new(name, Kind::Choice(words, true), None)
}

//! Query parameters: names that a route knows, each at most once, each within its limits.

use std::{borrow::Cow, fmt, str::FromStr};

use percent_encoding::percent_decode_str;

use super::reply::Problem;

/// The parameters of one request. Names that nobody has asked for by the time [`Self::finish`] is
/// called are refused there: a misspelt one would otherwise be ignored in silence.
pub(super) struct Parameters<'a> {
    given: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    known: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    pub(super) fn parse(query: &'a str) -> Result<Self, Problem> {
        let mut given = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if given.iter().any(|(other, _)| *other == name) {
                return Err(Problem::bad(format!("{name} is given twice; give it once")));
            }
            given.push((name, value));
        }
        Ok(Self {
            given,
            known: Vec::new(),
        })
    }

    /// The text of `name`, if it is given.
    pub(super) fn text(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        self.known.push(name);
        let at = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.swap_remove(at).1)
    }

    /// The number `name`, if it is given; `wanted` says what it may be.
    pub(super) fn number<T: FromStr>(
        &mut self,
        name: &'static str,
        wanted: fmt::Arguments<'_>,
        accepts: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if accepts(&number) => Ok(Some(number)),
            _ => Err(Problem::bad(format!(
                "{name} must be {wanted}, not {text:?}"
            ))),
        }
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.given.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::bad(format!(
                "unknown parameter {name:?}; this route takes {}",
                self.known.join(", ")
            ))),
        }
    }
}

fn decode(text: &str) -> Result<Cow<'_, str>, Problem> {
    let bad = |_| Problem::bad(format!("{text:?} is not UTF-8 once decoded"));
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8().map_err(bad)?;
        return Ok(Cow::Owned(decoded.into_owned()));
    }
    percent_decode_str(text).decode_utf8().map_err(bad)
}

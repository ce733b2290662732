//! `[targets]` of a suite: what its users are promised (service levels), each with the most that it may be.

use serde::{Deserialize, Serialize};

/// The most that each figure may be. What is not named is not promised.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// Median latency, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// Latency that one call in a hundred exceeds, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// Calls of the windows that got no answer or a wrong one, in percent of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors_percent: Option<f64>,
    /// CPU time of the server for a right answer, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us_per_call: Option<f64>,
}

impl Targets {
    /// The targets that are set, by the names of their keys.
    #[must_use]
    pub fn set(&self) -> Vec<(&'static str, f64)> {
        let all = [
            ("p50_ms", self.p50_ms),
            ("p99_ms", self.p99_ms),
            ("errors_percent", self.errors_percent),
            ("cpu_us_per_call", self.cpu_us_per_call),
        ];
        all.into_iter()
            .filter_map(|(name, most)| Some((name, most?)))
            .collect()
    }

    /// Says what is wrong with the targets, if anything.
    ///
    /// # Errors
    /// A sentence with the key and its value.
    pub fn check(&self) -> Result<(), String> {
        if self.set().is_empty() {
            return Err(
                "[targets] promises nothing; set p50_ms, p99_ms, errors_percent or cpu_us_per_call"
                    .to_owned(),
            );
        }
        for (name, most) in self.set() {
            let highest = if name == "errors_percent" {
                100.0
            } else {
                f64::MAX
            };
            if !(0.0..=highest).contains(&most) {
                return Err(format!(
                    "targets.{name} = {most} is not something that a figure can be held to"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Targets;

    #[test]
    fn targets_are_named_bounded_and_not_empty() {
        let read = |text: &str| toml::from_str::<Targets>(text).map_err(|error| error.to_string());
        let check = |text: &str| read(text).and_then(|targets| targets.check());
        let right = "p50_ms = 100\np99_ms = 500.0\nerrors_percent = 0.1";
        assert_eq!(check(right), Ok(()));
        let set = read(right).unwrap().set();
        assert_eq!(
            set,
            [
                ("p50_ms", 100.0),
                ("p99_ms", 500.0),
                ("errors_percent", 0.1)
            ]
        );
        for (text, said) in [
            ("", "promises nothing"),
            ("p50 = 1", "unknown field"),
            ("p50_ms = -1", "targets.p50_ms = -1"),
            ("p99_ms = nan", "targets.p99_ms = NaN"),
            ("errors_percent = 101", "targets.errors_percent = 101"),
        ] {
            assert!(
                check(text).is_err_and(|error| error.contains(said)),
                "{text}"
            );
        }
    }
}

//! How users are named in arguments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ToolError;
use crate::store::user_number;

/// Whom the tools look at when nobody says: the public benchmark's user.
const DEFAULT: &str = "user-00042";

/// How much of a name is shown that is none.
const SHOWN_CHARS: usize = 40;

/// What was given as the name of a user. Whether it is one is asked by the tool and not while the arguments
/// are read, so that the refusal says what a name is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct UserId(#[schemars(regex(pattern = "^user-[0-9]{5}$"))] String);

impl Default for UserId {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl UserId {
    /// The name, if it is one.
    pub(super) fn check(self) -> Result<String, ToolError> {
        if user_number(&self.0).is_some() {
            return Ok(self.0);
        }
        let shown = self.0.chars().take(SHOWN_CHARS).collect();
        Err(ToolError::UnknownUser(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused_with_what_one_is() {
        assert_eq!(UserId::default().check().unwrap(), "user-00042");
        for name in ["", "user-42", "user-00042:history", "user-*"] {
            let refused = UserId(name.into()).check().unwrap_err().to_string();
            assert!(refused.contains("for example user-00042"), "{refused}");
            assert!(refused.contains(&format!("{name:?}")), "{refused}");
        }
        let refused = UserId("x".repeat(100_000)).check().unwrap_err().to_string();
        assert!(refused.len() < 200, "{refused}");
    }
}

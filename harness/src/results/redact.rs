//! Passwords in URLs: a server is given them, a record is not.

/// What stands for a password.
const HIDDEN: &str = "***";

/// The text with the password of each `scheme://user:password@host` in it hidden.
pub(crate) fn hide_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, authority) = rest.split_at(at + 3);
        shown.push_str(before);
        // An authority ends at its path, and in a definition at the quotation mark or blank.
        let end = authority
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''))
            .unwrap_or(authority.len());
        let (authority, after) = authority.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, host)) => {
                match user.split_once(':') {
                    Some((name, _)) => shown.extend([name, ":", HIDDEN]),
                    None => shown.push_str(user),
                }
                shown.extend(["@", host]);
            }
            None => shown.push_str(authority),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// Whether the text has a URL whose password was hidden.
pub(crate) fn has_hidden_password(text: &str) -> bool {
    text.contains("://") && text.contains(&format!(":{HIDDEN}@"))
}

#[cfg(test)]
mod tests {
    use super::{has_hidden_password, hide_passwords};

    #[test]
    fn passwords_are_hidden_and_all_else_stays() {
        for (text, shown) in [
            (
                "postgres://lab:se:cr@t@127.0.0.1:5432/lab?x=a:b@c",
                "postgres://lab:***@127.0.0.1:5432/lab?x=a:b@c",
            ),
            (
                "\"redis://:secret@host\", \"redis://me@host\"",
                "\"redis://:***@host\", \"redis://me@host\"",
            ),
            ("http://127.0.0.1:80/a:b@c", "http://127.0.0.1:80/a:b@c"),
            ("sqlite:///a/b.db", "sqlite:///a/b.db"),
            ("--database-url", "--database-url"),
        ] {
            assert_eq!(hide_passwords(text), shown);
            assert_eq!(has_hidden_password(shown), text != shown, "{shown}");
        }
    }
}

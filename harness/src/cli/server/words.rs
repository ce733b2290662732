//! What is written on a command line, as definitions want it.

use anyhow::{Context as _, bail};

use crate::config::template::escaped;

/// A URL with its port and path.
pub(super) fn complete(url: &str) -> anyhow::Result<String> {
    if url.starts_with("https://") {
        bail!(
            "{url}: the load client speaks plain HTTP only. Measure the server behind its TLS proxy, by its own http:// URL; \
             or end TLS on this machine (`socat TCP-LISTEN:8443,fork,reuseaddr OPENSSL:HOST:443`, then --url \
             http://127.0.0.1:8443/...) and count that as part of what is measured"
        );
    }
    let rest = url
        .strip_prefix("http://")
        .with_context(|| format!("--url {url} is not like http://127.0.0.1:8000/mcp"))?;
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let port = host.rsplit_once(':').map(|(_, port)| port);
    let has_port = port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = if has_port { "" } else { ":80" };
    Ok(format!("http://{host}{port}{path}"))
}

/// The words of a command, as a shell splits them.
pub(super) fn split(command: &str) -> anyhow::Result<Vec<String>> {
    let words = shlex::split(command)
        .with_context(|| format!("--command {command}: a quote is not closed"))?;
    Ok(words.iter().map(|word| escaped(word)).collect())
}

/// A tool's name as that of a file.
pub(super) fn file_name(tool: &str) -> String {
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = tool
        .chars()
        .map(|c| if usable(c) { c } else { '-' })
        .take(64)
        .collect();
    if name.starts_with('.') {
        name.replacen('.', "-", 1)
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::{complete, file_name, split};

    #[test]
    fn a_url_gets_its_port_and_path() {
        for (given, whole) in [
            ("http://127.0.0.1:8000/mcp", "http://127.0.0.1:8000/mcp"),
            ("http://host", "http://host:80/"),
            ("http://host/mcp?a=1", "http://host:80/mcp?a=1"),
            ("http://[::1]/mcp", "http://[::1]:80/mcp"),
            ("http://[::1]:8000", "http://[::1]:8000/"),
        ] {
            assert_eq!(complete(given).unwrap(), whole);
        }
        let tls = complete("https://host/mcp").unwrap_err().to_string();
        assert!(tls.contains("plain HTTP only"), "{tls}");
        assert!(complete("localhost:8000").is_err());
    }

    #[test]
    fn a_command_is_split_as_a_shell_would_and_holds_no_templates() {
        let words = split("python3 -c 'print({1: 2})' \"a b\"").unwrap();
        assert_eq!(words, ["python3", "-c", "print({{1: 2}})", "a b"]);
        assert!(split("echo 'a").is_err());
    }

    #[test]
    fn a_tool_of_any_name_has_a_file() {
        assert_eq!(file_name("files/read all"), "files-read-all");
        assert_eq!(file_name(".hidden"), "-hidden");
        assert_eq!(file_name(&"x".repeat(200)).len(), 64);
    }
}

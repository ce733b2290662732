//! The client of the catalogue API: which endpoints it fetches, and which answers it accepts.

use workloads::catalog_client::{CatalogClient, CatalogClientOptions};

use crate::{
    catalogue_failures::{http, scripted},
    support::unused_address,
};

/// The reasons for which an endpoint is refused.
const NOT_A_PATH: &str = "it is not a path";
const HOST: &str = "names a host";
const TOO_LONG: &str = "longer than 2048 bytes";
const BACKSLASH: &str = "a backslash";
const CONTROL: &str = "a control character";
const SPACE: &str = "a space; write %20";
const FRAGMENT: &str = "a \"#\"";
const ESCAPE: &str = "two hexadecimal digits";
const DOT_SEGMENT: &str = "are not followed";

fn client(base_url: &str) -> CatalogClient {
    CatalogClient::new(&CatalogClientOptions::new(base_url)).unwrap()
}

#[tokio::test]
async fn plain_paths_are_fetched() {
    let (url, _) = scripted(http("200 OK", "", b"{}")).await;
    let client = client(&format!("{url}/api/"));
    for endpoint in [
        "/",
        "/health",
        "/products/search?category=Home&limit=3",
        "/a%20b/c;d",
        "/search?q=..&next=http://elsewhere.example/",
        "/...",
        "/%E4%B8%AD",
        "/user@host:80/x",
        "/100%2525",
    ] {
        let fetched = client.get(endpoint).await.unwrap();
        assert_eq!(fetched.url.as_str(), format!("{url}/api{endpoint}"));
    }
}

#[tokio::test]
async fn everything_that_could_lead_elsewhere_is_refused() {
    let client = client(&format!("http://{}/api/", unused_address()));
    let too_long = format!("/{}", "a".repeat(2_048));
    for (endpoint, reason) in [
        ("", NOT_A_PATH),
        ("products", NOT_A_PATH),
        ("http://elsewhere.example/", NOT_A_PATH),
        ("file:///etc/passwd", NOT_A_PATH),
        ("@elsewhere.example/", NOT_A_PATH),
        (":80@elsewhere.example/", NOT_A_PATH),
        (".elsewhere.example/", NOT_A_PATH),
        (" /health", NOT_A_PATH),
        ("\t//elsewhere.example", NOT_A_PATH),
        ("?x", NOT_A_PATH),
        ("//elsewhere.example/", HOST),
        ("///elsewhere.example/", HOST),
        ("/%2felsewhere.example/", HOST),
        ("/%252Felsewhere.example/", HOST),
        ("\\\\elsewhere.example", NOT_A_PATH),
        ("/\\elsewhere.example", BACKSLASH),
        ("/%5Celsewhere.example", BACKSLASH),
        ("/a?b=%5c", BACKSLASH),
        ("/..", DOT_SEGMENT),
        ("/../admin", DOT_SEGMENT),
        ("/a/../../admin", DOT_SEGMENT),
        ("/a/./b", DOT_SEGMENT),
        ("/a/..?x", DOT_SEGMENT),
        ("/%2e%2e/admin", DOT_SEGMENT),
        ("/.%2E/admin", DOT_SEGMENT),
        ("/%252e%252e/admin", DOT_SEGMENT),
        ("/a%2f..%2fadmin", DOT_SEGMENT),
        ("/..;x/admin", DOT_SEGMENT),
        ("/a\r\nHost: elsewhere.example", SPACE),
        ("/a\r\nX:y", CONTROL),
        ("/a%0d%0aX:y", CONTROL),
        ("/a%250ab", CONTROL),
        ("/a\0", CONTROL),
        ("/a?b=%00", CONTROL),
        ("/\t/elsewhere.example", CONTROL),
        ("/a b", SPACE),
        ("/a#b", FRAGMENT),
        ("/a%", ESCAPE),
        ("/a%2", ESCAPE),
        ("/a%zz", ESCAPE),
        (&too_long, TOO_LONG),
    ] {
        let refused = client.get(endpoint).await.unwrap_err().to_string();
        assert!(refused.contains(reason), "{endpoint:?}: {refused}");
        assert!(refused.contains("for example /products/42"), "{refused}");
        let shown: String = endpoint.chars().take(120).collect();
        assert!(refused.contains(&format!("{shown:?}")), "{refused}");
    }
}

#[test]
fn base_urls() {
    for url in [
        "http://127.0.0.1:80",
        "http://[::1]:8080/",
        "http://api.example/v1/",
    ] {
        assert!(base_url(url).is_ok(), "{url}");
    }
    for url in [
        "",
        "localhost:80",
        "ftp://host/",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@host/",
        "http://host/?a=b",
        "http://host/#a",
    ] {
        let refused = base_url(url).unwrap_err();
        assert!(refused.contains("--upstream-url"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}

#[test]
#[cfg(not(feature = "tls"))]
fn https_is_refused_with_the_name_of_the_feature() {
    let refused = base_url("https://host/").unwrap_err();
    assert!(refused.contains("--features tls"), "{refused}");
}

#[test]
#[cfg(feature = "tls")]
fn https_is_taken_with_the_feature() {
    assert!(base_url("https://host/").is_ok());
}

fn base_url(url: &str) -> Result<CatalogClient, String> {
    CatalogClient::new(&CatalogClientOptions::new(url)).map_err(|error| error.to_string())
}

/// The total of a cart, when the API answers with this status and body.
async fn total(status: u16, body: &str) -> Result<f64, String> {
    let (url, _) = scripted(http(&format!("{status} X"), "", body.as_bytes())).await;
    let total = client(&url).total(&[]).await;
    total.map_err(|error| error.to_string())
}

#[tokio::test]
async fn other_members_of_an_answer_are_ignored() {
    let body = r#"{"items_count":1,"total":24.63,"tax":1}"#;
    assert_eq!(total(200, body).await, Ok(24.63));
}

#[tokio::test]
async fn every_other_answer_is_an_error_that_shows_it() {
    for (status, body, says) in [
        (
            404,
            r#"{"error":"no product 7"}"#,
            ["HTTP 404", "no product 7"],
        ),
        (500, "<h1>Oh</h1>", ["HTTP 500", "<h1>Oh</h1>"]),
        (302, "", ["HTTP 302", "an empty body"]),
        (201, r#"{"total":1}"#, ["HTTP 201", "total"]),
        (200, r#"{"sum":1}"#, ["missing field `total`", "sum"]),
        (
            200,
            r#"{"total":"1"}"#,
            ["invalid type: string", "another shape"],
        ),
        (200, r#"{"total":"#, ["not JSON", "HTTP 200"]),
        (200, "", ["not JSON", "HTTP 200"]),
    ] {
        let refused = total(status, body).await.unwrap_err();
        assert!(refused.contains("upstream"), "{refused}");
        for part in says {
            assert!(refused.contains(part), "{part:?} is missing: {refused}");
        }
    }
}

#[tokio::test]
async fn a_long_answer_is_shown_by_its_beginning() {
    let refused = total(502, &"long ".repeat(10_000)).await.unwrap_err();
    assert!(refused.len() < 400, "{refused}");
}

//! Requests in a session, which each server names by itself.

pub(crate) use testkit::http::Request;

/// What stands for the id of a session.
pub(crate) const SESSION: &str = "{session}";

/// A POST of `body` with the headers that every request has.
pub(crate) fn post(body: impl Into<Vec<u8>>) -> Request {
    let mut request = Request::message("/mcp", body);
    request
        .headers
        .insert(0, ("Host".into(), b"localhost".to_vec()));
    request
}

/// The bytes of `request` in the session `session`.
pub(crate) fn bytes(request: &Request, session: Option<&str>) -> Vec<u8> {
    let Some(session) = session else {
        return request.bytes();
    };
    let mut request = request.clone();
    for (_, value) in &mut request.headers {
        if value == SESSION.as_bytes() {
            *value = session.into();
        }
    }
    request.bytes()
}

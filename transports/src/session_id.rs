//! Names of sessions.

/// 128 bits from the operating system, so that a client cannot guess the session of another.
const ID_BYTES: usize = 16;

/// The longest id that a server makes: rmcp's are UUIDs.
pub(crate) const MAX_ID_BYTES: usize = 36;

/// The operating system gave no random bytes. The client may try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes for a session id")]
pub(crate) struct NoRandomness;

/// Makes a new id in lower-case hexadecimal: visible ASCII, safe in a URI and in a header.
pub(crate) fn new() -> Result<String, NoRandomness> {
    let mut bytes = [0; ID_BYTES];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the operating system gave no random bytes for a session id");
        return Err(NoRandomness);
    }
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

//! The sessions of all instances of a server, in Redis.
//!
//! The transport decides what is kept and when; here it gets a name and a time.

use std::{sync::Arc, time::Duration};

use rmcp::transport::streamable_http_server::session::SessionStore;

/// A store of sessions that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionStoreUrlError {
    /// The URL is not one of a Redis. It is not repeated here: it may hold a password.
    #[error("--session-store-url is not the URL of a Redis ({0}); give redis://HOST:PORT")]
    Url(String),
    /// This build leaves Redis out.
    #[error(
        "--session-store-url needs the feature `redis`, which this build leaves out; \
         build with `cargo build --features redis`"
    )]
    MissingFeature,
}

/// Opens the store in the Redis at `url`, which may be unreachable for a while. An entry ends some
/// time after `session_ttl`, unless it is stored again.
///
/// # Errors
/// When `url` is not one of a Redis, or this build leaves Redis out.
#[cfg(feature = "redis")]
pub async fn open(
    url: &str,
    session_ttl: Duration,
) -> Result<Arc<dyn SessionStore>, SessionStoreUrlError> {
    Ok(Arc::new(in_redis::Redis::open(url, session_ttl).await?))
}

/// Refuses: this build leaves Redis out.
///
/// # Errors
/// Always.
#[cfg(not(feature = "redis"))]
#[expect(clippy::unused_async, reason = "with the feature `redis` it connects")]
pub async fn open(_: &str, _: Duration) -> Result<Arc<dyn SessionStore>, SessionStoreUrlError> {
    Err(SessionStoreUrlError::MissingFeature)
}

#[cfg(feature = "redis")]
mod in_redis {
    use std::time::Duration;

    use async_trait::async_trait;
    use rmcp::transport::streamable_http_server::session::{
        SessionState, SessionStore, SessionStoreError,
    };

    use super::SessionStoreUrlError;
    use crate::redis_link::{RedisLink, Usage};

    /// How much longer than a session its entry lives: servers store it again a few times in a
    /// session's time, and not with each request.
    const MARGIN: f64 = 1.2;

    pub(super) struct Redis(RedisLink);

    impl Redis {
        pub(super) async fn open(
            url: &str,
            session_ttl: Duration,
        ) -> Result<Self, SessionStoreUrlError> {
            let usage = Usage {
                owner: "the sessions",
                without: "sessions can be neither opened nor found",
                prefix: b"mcp-transport-lab:session:",
                ttl: session_ttl.mul_f64(MARGIN),
            };
            let link = RedisLink::new(url, usage)
                .map_err(|error| SessionStoreUrlError::Url(error.to_string()))?;
            // Before many clients come at once: while one of them connects, the others are told that
            // Redis is away.
            link.connect().await;
            Ok(Self(link))
        }
    }

    #[async_trait]
    impl SessionStore for Redis {
        async fn load(&self, session_id: &str) -> Result<Option<SessionState>, SessionStoreError> {
            let json = self.0.get(session_id.as_bytes()).await?;
            let state = json.map(|json| serde_json::from_slice(&json));
            Ok(state.transpose()?)
        }

        async fn store(
            &self,
            session_id: &str,
            state: &SessionState,
        ) -> Result<(), SessionStoreError> {
            let json = serde_json::to_vec(state)?;
            Ok(self.0.set(session_id.as_bytes(), &json).await?)
        }

        async fn delete(&self, session_id: &str) -> Result<(), SessionStoreError> {
            Ok(self.0.remove(session_id.as_bytes()).await?)
        }
    }
}

//! Ways to make a service wait until a test lets it go on.

use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::{Connection, SqliteConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// What a client says with `marker` in it waits until what `until` makes is done.
#[derive(Clone)]
pub(crate) struct Hold {
    marker: &'static str,
    until: Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Hold {
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        marker: &'static str,
        until: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self {
            marker,
            until: Arc::new(move || Box::pin(until())),
        }
    }

    async fn pass(&self, said: &[u8]) {
        let marker = self.marker.as_bytes();
        if said.windows(marker.len()).any(|part| part == marker) {
            (self.until)().await;
        }
    }
}

/// A way to `target`, which is `HOST:PORT`, with a hold on it. Returns where it begins.
pub(crate) async fn proxy(target: &str, hold: Hold) -> String {
    let target = target.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.expect("a client");
            let server = TcpStream::connect(&target).await.expect("a server");
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(carry(from_client, to_server, Some(hold.clone())));
            tokio::spawn(carry(from_server, to_client, None));
        }
    });
    address.to_string()
}

/// Carries bytes until either end closes.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, hold: Option<Hold>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if let Some(hold) = &hold {
            hold.pass(&bytes[..length]).await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// The write lock of a `SQLite` file: every writer waits until it is released.
pub(crate) struct Lock(SqliteConnection);

impl Lock {
    pub(crate) async fn take(url: &str) -> Self {
        let mut connection = SqliteConnection::connect(url).await.expect("the file");
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await
            .expect("the lock");
        Self(connection)
    }

    pub(crate) async fn release(mut self) {
        sqlx::query("ROLLBACK")
            .execute(&mut self.0)
            .await
            .expect("the lock was held");
    }
}

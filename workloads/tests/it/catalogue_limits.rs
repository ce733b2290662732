//! The connection pool of the catalogue client, and its limit of calls at once.

use std::{num::NonZeroU32, time::Duration};

use futures::{future::join_all, poll};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use workloads::{
    catalog_client::{CallLimit, CatalogClient, CatalogClientOptions},
    pool::PoolSize,
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1";

/// An upstream that accepts when it is told to.
struct Listening(TcpListener, String);

impl Listening {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Self(listener, url)
    }

    fn client(&self, change: impl FnOnce(&mut CatalogClientOptions)) -> CatalogClient {
        let mut options = CatalogClientOptions::new(&self.1);
        change(&mut options);
        CatalogClient::new(&options).expect("a valid base URL")
    }

    /// Takes a request and holds it.
    async fn take(&self) -> TcpStream {
        let (mut stream, _) = self.0.accept().await.expect("a client");
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.expect("a request") > 0);
        stream
    }
}

async fn answer(mut stream: TcpStream) -> TcpStream {
    stream.write_all(ANSWER).await.expect("a client");
    stream
}

fn limit(calls: u32, patience: Duration) -> Option<CallLimit> {
    NonZeroU32::new(calls).map(|calls| CallLimit::new(calls, patience))
}

#[tokio::test]
async fn without_a_pool_each_call_has_a_connection_of_its_own() {
    let upstream = Listening::new().await;
    let client = upstream.client(|options| options.pool = PoolSize::Off);
    for _ in 0..3 {
        let (fetched, stream) = tokio::join!(client.get("/"), async {
            answer(upstream.take().await).await
        });
        assert!(fetched.is_ok());
        // It could be used again, but is closed.
        let mut stream = stream;
        assert_eq!(stream.read(&mut [0; 16]).await.expect("the end"), 0);
    }
}

#[tokio::test]
async fn a_call_beyond_the_limit_waits_for_its_turn_and_says_when_it_does_not_come() {
    let upstream = Listening::new().await;
    let client = upstream.client(|options| options.limit = limit(1, Duration::from_millis(200)));
    let mut first = Box::pin(client.get("/first"));
    let held = tokio::select! {
        _ = &mut first => panic!("it is held"),
        held = upstream.take() => held,
    };
    let refused = client
        .get("/second")
        .await
        .expect_err("no turn")
        .to_string();
    for part in [
        "busy",
        "at once (1)",
        "0.2 s",
        "/second",
        "--upstream-limit",
    ] {
        assert!(refused.contains(part), "{part:?} is missing: {refused}");
    }
    answer(held).await;
    assert!(first.await.is_ok());
    // The turn is free again.
    let (fetched, _) = tokio::join!(client.get("/third"), async {
        answer(upstream.take().await).await
    });
    assert!(fetched.is_ok());
}

#[tokio::test]
async fn a_call_that_is_given_up_gives_its_turn_back() {
    let upstream = Listening::new().await;
    let client = upstream.client(|options| options.limit = limit(1, Duration::from_secs(20)));
    let mut first = Box::pin(client.get("/first"));
    tokio::select! {
        _ = &mut first => panic!("it is held"),
        _ = upstream.take() => {}
    }
    let mut second = Box::pin(client.get("/second"));
    assert!(poll!(&mut second).is_pending());
    drop(first);
    let (fetched, _) = tokio::join!(second, async { answer(upstream.take().await).await });
    assert!(fetched.is_ok());
}

#[tokio::test]
async fn of_many_calls_at_once_each_gets_its_turn() {
    let upstream = Listening::new().await;
    let client = upstream.client(|options| options.limit = limit(10, Duration::from_secs(20)));
    let serving = async {
        loop {
            let stream = upstream.take().await;
            tokio::spawn(async move {
                let mut stream = answer(stream).await;
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    stream = answer(stream).await;
                }
            });
        }
    };
    let asking = join_all((0..500).map(|_| client.get("/")));
    let answers = tokio::select! {
        answers = asking => answers,
        () = serving => panic!("it serves for ever"),
    };
    assert!(answers.iter().all(Result::is_ok));
}

//! An upstream that answers when it is told to: a test holds calls in flight for exactly as long as
//! it needs, without a clock.

use std::{
    io::{BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Condvar, Mutex},
};

use super::{head, listen, response};
use crate::PATIENCE;

#[derive(Default)]
struct State {
    arrived: usize,
    /// How many clients have gone before the gate was opened.
    left: usize,
    open: bool,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// An upstream that holds every request until it is opened.
pub struct Gate {
    address: SocketAddr,
    shared: Shared,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each one is another server")]
    pub fn new() -> Self {
        let shared = Shared::default();
        let accepting = shared.clone();
        let address = listen(move |stream| hold(stream, &accepting));
        Self { address, shared }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until `count` requests in all have come.
    pub fn wait_for(&self, count: usize) {
        self.wait_until("requests came", count, |state| state.arrived);
    }

    /// Waits until `count` clients have gone without waiting for the answer.
    pub fn wait_until_left_by(&self, count: usize) {
        self.wait_until("clients left", count, |state| state.left);
    }

    /// How many requests have come in all.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.shared.0.lock().unwrap().arrived
    }

    /// How many clients have gone without waiting for the answer.
    #[must_use]
    pub fn left_by(&self) -> usize {
        self.shared.0.lock().unwrap().left
    }

    fn wait_until(&self, what: &str, count: usize, counted: impl Fn(&State) -> usize) {
        let (state, changed) = &*self.shared;
        let state = state.lock().unwrap();
        let fewer = |state: &mut State| counted(state) < count;
        let waited = changed.wait_timeout_while(state, PATIENCE, fewer);
        let (state, timeout) = waited.unwrap();
        let came = counted(&state);
        assert!(!timeout.timed_out(), "{came} of {count} {what}");
    }

    /// Answers the requests that are held and those that come later.
    pub fn open(&self) {
        self.shared.0.lock().unwrap().open = true;
        self.shared.1.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // A poisoned lock means that a thread of this module has failed; the test has failed with
        // it.
        if let Ok(mut state) = self.shared.0.lock() {
            state.open = true;
        }
        self.shared.1.notify_all();
    }
}

/// Reads a request's head, waits for the gate, answers. The client may have gone by then.
fn hold(mut stream: &TcpStream, shared: &Shared) {
    let (state, changed) = &**shared;
    if !head(&mut BufReader::new(stream)).unwrap_or(false) {
        return;
    }
    watch(stream.try_clone().unwrap(), shared.clone());
    let mut state = state.lock().unwrap();
    state.arrived += 1;
    changed.notify_all();
    drop(changed.wait_while(state, |state| !state.open).unwrap());
    let answer = response(
        "200 OK",
        "application/json\r\nconnection: close",
        "{\"held\":true}",
    );
    let _ = stream.write_all(&answer);
}

/// Waits for the client to leave, in a thread of its own.
fn watch(mut stream: TcpStream, shared: Shared) {
    std::thread::spawn(move || {
        // A client that waits sends nothing: whatever comes, or an error, means that it has gone.
        let _ = stream.read(&mut [0]);
        let mut state = shared.0.lock().unwrap();
        if !state.open {
            state.left += 1;
            shared.1.notify_all();
        }
    });
}

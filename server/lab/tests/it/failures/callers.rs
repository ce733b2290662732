//! Load: several callers repeat one call, and record each answer and its time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::common::{Client, Server, Wire, client};

/// How many calls are in flight at once: more than a pool has connections.
pub(crate) const CALLERS: usize = 8;
/// Between a caller's answer and its next question: these tests share two cores with what they
/// test.
const PAUSE: Duration = Duration::from_millis(2);
/// How long a service that is back may stay unnoticed, on a machine that is busy with other tests.
const RECOVERY: Duration = Duration::from_millis(3_500);

/// A tool and its arguments.
pub(crate) type Call = (&'static str, Value);

/// What became of a call.
pub(crate) struct Outcome {
    began: Instant,
    ended: Instant,
    /// What an in-band error said.
    error: Option<String>,
}

/// Clients of one server.
pub(crate) struct Callers {
    clients: Vec<Client>,
    /// How many calls each has in flight: on stdio there is one client for all.
    each: usize,
}

/// Callers at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<(Client, Vec<Outcome>)>>,
    each: usize,
}

impl Callers {
    pub(crate) fn of(server: &mut Server) -> Self {
        let (clients, each) = match server.subject.wire {
            Wire::Stdio => (1, CALLERS),
            _ => (CALLERS, 1),
        };
        Self {
            clients: (0..clients).map(|_| Client::ready(server)).collect(),
            each,
        }
    }

    /// They ask `call` until they are told to stop.
    pub(crate) fn begin(self, call: &Call) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let each = self.each;
        let callers = self
            .clients
            .into_iter()
            .map(|mut client| {
                let (stop, call) = (stop.clone(), call.clone());
                thread::spawn(move || {
                    let outcomes = ask(&mut client, &call, each, &stop);
                    (client, outcomes)
                })
            })
            .collect();
        Load {
            stop,
            callers,
            each,
        }
    }

    /// They ask `call` for so long.
    pub(crate) fn ask_for(self, call: &Call, time: Duration) -> (Self, Outcomes) {
        let load = self.begin(call);
        thread::sleep(time);
        load.end()
    }

    /// They ask `call` until all are answered rightly for a while, which has to begin within
    /// [`RECOVERY`].
    pub(crate) fn are_right_soon(mut self, call: &Call) -> Self {
        let back = Instant::now();
        loop {
            let began = back.elapsed();
            let outcomes;
            (self, outcomes) = self.ask_for(call, RECOVERY / 10);
            if outcomes.errors() == 0 {
                outcomes.are_right();
                return self;
            }
            assert!(began < RECOVERY, "still wrong after {began:?}");
        }
    }

    /// Whether the server still answers the first of them.
    pub(crate) fn are_served(&mut self) {
        self.clients[0].is_served();
    }
}

impl Load {
    /// Stops, once everything in flight is answered.
    pub(crate) fn end(self) -> (Callers, Outcomes) {
        self.stop.store(true, Ordering::Relaxed);
        let mut callers = Callers {
            clients: Vec::new(),
            each: self.each,
        };
        let mut all = Vec::new();
        for caller in self.callers {
            let (client, outcomes) = caller.join().expect("every call is answered");
            callers.clients.push(client);
            all.extend(outcomes);
        }
        (callers, Outcomes(all))
    }
}

/// Keeps `in_flight` calls in flight until `stop`, and waits for their answers.
fn ask(client: &mut Client, call: &Call, in_flight: usize, stop: &AtomicBool) -> Vec<Outcome> {
    let (tool, arguments) = call;
    let parameters = client::call(tool, arguments);
    let mut asked = HashMap::new();
    let mut outcomes = Vec::new();
    loop {
        while asked.len() < in_flight && !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let id = client.begin("tools/call", &parameters);
            asked.insert(id.to_string(), began);
        }
        if asked.is_empty() {
            return outcomes;
        }
        let answer = client.peer.end();
        let began = asked.remove(&answer["id"].to_string());
        let result = &answer["result"];
        assert!(result.is_object(), "{answer}");
        let error = result["isError"] == true;
        outcomes.push(Outcome {
            began: began.expect("asked once, answered once"),
            ended: Instant::now(),
            error: error.then(|| result["content"][0]["text"].to_string()),
        });
        thread::sleep(PAUSE);
    }
}

/// What became of all calls.
pub(crate) struct Outcomes(Vec<Outcome>);

impl Outcomes {
    /// All were answered rightly, and there were some.
    pub(crate) fn are_right(&self) {
        assert!(!self.0.is_empty(), "nothing was asked");
        let error = self.0.iter().find_map(|outcome| outcome.error.as_ref());
        assert_eq!(error, None);
    }

    /// All failed in band, saying `words`, and there were some.
    pub(crate) fn are_errors_that_say(&self, words: &[&str]) {
        assert!(!self.0.is_empty(), "nothing was asked");
        for outcome in &self.0 {
            let error = outcome.error.as_ref().expect("an error");
            for word in words {
                assert!(error.contains(word), "{word:?} is missing: {error}");
            }
        }
    }

    /// All were answered within `limit`, and those that failed named `service`.
    pub(crate) fn are_in_time_and_errors_name(&self, service: &str, limit: Duration) {
        for outcome in &self.0 {
            let took = outcome.ended - outcome.began;
            assert!(took < limit, "{took:?}: {:?}", outcome.error);
            if let Some(error) = &outcome.error {
                assert!(error.contains(service), "{error}");
            }
        }
    }

    /// How many failed.
    pub(crate) fn errors(&self) -> usize {
        let failed = |outcome: &&Outcome| outcome.error.is_some();
        self.0.iter().filter(failed).count()
    }

    /// All that ended later than [`RECOVERY`] after `back` were right, and there were some.
    pub(crate) fn are_right_soon_after(&self, back: Instant) {
        let mut later = 0;
        for outcome in self.0.iter().filter(|one| one.ended > back + RECOVERY) {
            later += 1;
            let after = outcome.ended - back;
            assert!(
                outcome.error.is_none(),
                "{after:?} after: {:?}",
                outcome.error
            );
        }
        assert!(later > 0, "nothing was answered any more");
    }
}

//! Requests made from a seed: first a right one, in one of the many forms that a right one can
//! have, then perhaps spoilt.
//!
//! A body is built as a tree of JSON text, because what matters here is how it is written: orders,
//! spaces, escapes, members that come twice.

mod head;
mod message;
mod node;
mod spoil;
mod text;

use rand::{RngExt, rngs::Xoshiro256PlusPlus};

use super::{corpus::REVISIONS, request::Request};

/// Where everything random comes from.
pub(crate) type Random = Xoshiro256PlusPlus;

/// The part of the requests that stays right.
const RIGHT: f64 = 0.77;

/// One request.
pub(crate) fn request(random: &mut Random) -> Request {
    let revision = if random.random_bool(0.35) {
        REVISIONS[4]
    } else {
        pick(random, &REVISIONS)
    };
    let mut message = message::right(random, revision);
    let is_right = random.random_bool(RIGHT);
    let mut spoilt = if is_right {
        0
    } else {
        random.random_range(1..4)
    };
    if spoilt > 0 && random.random_bool(0.5) {
        spoil::tree(random, &mut message.body);
        spoilt -= 1;
    }
    let mut body = Vec::new();
    let has_spaces = random.random_bool(0.2);
    message.body.write(random, has_spaces, &mut body);
    let mut request = head::right(random, revision, &message, body);
    for _ in 0..spoilt {
        if random.random_bool(0.5) {
            spoil::head(random, &mut request);
        } else {
            spoil::body(random, &mut request.body);
        }
    }
    request
}

/// One of `choices`.
fn pick<T: Copy>(random: &mut Random, choices: &[T]) -> T {
    choices[random.random_range(0..choices.len())]
}

//! The content, put where it is missing.
//!
//! Each key comes with one command, so it is there as a whole or not at all, and a seeding that was interrupted goes on
//! with the keys that are missing. Commands go out in batches: a round trip each would take most of the time.

use std::{ops::Range, time::Duration};

use redis::{FromRedisValue, Pipeline};

use super::{Redis, Request, keys};
use crate::store::{Progress, StoreError, content};

/// Commands per batch, and products per command.
const BATCH: u32 = 1_000;

/// Keys that Redis looks at for each step of a scan.
const SCANNED: u32 = 1_000;

/// How long one batch may take. Redis needs milliseconds for it, and shares this machine.
const LIMIT: Duration = Duration::from_secs(30);

/// One kind of key that users have.
struct Kind {
    what: &'static str,
    total: u32,
    key: fn(u32) -> String,
    /// Puts one there.
    put: fn(&mut Pipeline, u32),
}

const KINDS: [Kind; 3] = [
    Kind {
        what: "carts",
        total: content::CARTS,
        key: |number| keys::cart(&content::user_id(number)),
        put: put_cart,
    },
    Kind {
        what: "histories",
        total: content::HISTORIES,
        key: |number| keys::history(&content::user_id(number)),
        put: put_history,
    },
    Kind {
        what: "rate counters",
        total: content::RATE_COUNTERS,
        key: keys::rate_counter,
        put: |commands, number| {
            commands
                .cmd("SET")
                .arg(keys::rate_counter(number))
                .arg(0)
                .arg("NX");
        },
    },
];

/// Puts what is missing.
pub(super) async fn seed(
    store: &Redis,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StoreError> {
    for kind in &KINDS {
        for numbers in batches(kind.total) {
            let done = numbers.end;
            put_missing(store, kind, numbers).await?;
            progress(Progress {
                what: kind.what,
                done,
                total: kind.total,
            });
        }
    }
    for indices in batches(content::POPULAR) {
        let done = indices.end;
        rank(store, indices).await?;
        progress(Progress {
            what: "products of the ranking",
            done,
            total: content::POPULAR,
        });
    }
    Ok(())
}

/// Takes away every key of ours, and no other.
pub(super) async fn clear(store: &Redis) -> Result<(), StoreError> {
    let mut cursor = String::from("0");
    loop {
        let mut scan = Pipeline::new();
        scan.cmd("SCAN")
            .arg(&cursor)
            .arg("MATCH")
            .arg(keys::PATTERN)
            .arg("COUNT")
            .arg(SCANNED);
        let ((next, found),): ((String, Vec<String>),) = ask(store, &scan).await?;
        let ours: Vec<String> = found.into_iter().filter(|key| keys::is_ours(key)).collect();
        if !ours.is_empty() {
            let mut unlink = Pipeline::new();
            unlink.cmd("UNLINK").arg(ours).ignore();
            ask::<()>(store, &unlink).await?;
        }
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}

async fn put_missing(store: &Redis, kind: &Kind, numbers: Range<u32>) -> Result<(), StoreError> {
    let mut exist = Pipeline::new();
    for number in numbers.clone() {
        exist.cmd("EXISTS").arg((kind.key)(number));
    }
    let exist: Vec<bool> = ask(store, &exist).await?;
    let mut missing = Pipeline::new();
    for (number, exists) in numbers.zip(exist) {
        if !exists {
            (kind.put)(&mut missing, number);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    ask::<redis::Value>(store, &missing).await?;
    Ok(())
}

fn put_cart(commands: &mut Pipeline, number: u32) {
    let user_id = content::user_id(number);
    let cart = content::cart(number);
    commands
        .cmd("HSET")
        .arg(keys::cart(&user_id))
        .arg("user_id")
        .arg(&user_id)
        .arg("items")
        .arg(serde_json::json!(cart.items).to_string())
        .arg("created")
        .arg(content::CART_CREATED)
        .arg("expires")
        .arg(content::CART_EXPIRES)
        .arg("total")
        .arg(cart.total);
}

fn put_history(commands: &mut Pipeline, number: u32) {
    let append = commands
        .cmd("RPUSH")
        .arg(keys::history(&content::user_id(number)));
    for order in content::history(number) {
        append.arg(keys::order(&order));
    }
}

/// Adds those products to the ranking that are not in it.
async fn rank(store: &Redis, indices: Range<u32>) -> Result<(), StoreError> {
    let mut commands = Pipeline::new();
    let add = commands.cmd("ZADD").arg(keys::POPULAR).arg("NX");
    for popular in indices.map(content::popular) {
        add.arg(popular.score)
            .arg(keys::product(popular.product_id));
    }
    ask::<redis::Value>(store, &commands).await?;
    Ok(())
}

/// The numbers below `total` in batches.
fn batches(total: u32) -> impl Iterator<Item = Range<u32>> {
    (0..total)
        .step_by(BATCH as usize)
        .map(move |first| first..total.min(first + BATCH))
}

async fn ask<T: FromRedisValue>(store: &Redis, commands: &Pipeline) -> Result<T, StoreError> {
    store
        .ask(Request {
            commands,
            writes: false,
            limit: LIMIT,
        })
        .await
}

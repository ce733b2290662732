-- Runs at every opening, under the write lock.
-- Items are JSON, as they are in Redis: [{"product_id":42,"quantity":2}].
CREATE TABLE IF NOT EXISTS carts (
    user_id TEXT PRIMARY KEY,
    items   TEXT NOT NULL,
    total   REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- The order of `sequence` is the order in which orders were recorded.
CREATE TABLE IF NOT EXISTS orders (
    sequence INTEGER PRIMARY KEY,
    user_id  TEXT NOT NULL,
    order_id TEXT NOT NULL,
    items    TEXT NOT NULL,
    total    REAL NOT NULL,
    created  TEXT NOT NULL
) STRICT;

-- SQLite ends every index entry with the row's `sequence`, so this is each history in its order.
CREATE INDEX IF NOT EXISTS orders_by_user ON orders (user_id);

CREATE TABLE IF NOT EXISTS popularity (
    product_id INTEGER PRIMARY KEY,
    score      REAL    NOT NULL
) STRICT;

-- The order of the ranking. Redis puts members of equal score in the reverse order of their bytes.
CREATE INDEX IF NOT EXISTS popularity_by_score ON popularity (score DESC, CAST(product_id AS TEXT) DESC);

CREATE TABLE IF NOT EXISTS rate_counters (
    number INTEGER PRIMARY KEY,
    count  INTEGER NOT NULL
) STRICT;

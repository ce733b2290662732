-- Runs at every opening, under the write lock. Amounts are integers, so that comparisons and sums are
-- exact: prices in cents, ratings in tenths.
CREATE TABLE IF NOT EXISTS products (
    id            INTEGER PRIMARY KEY,
    sku           TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    category      TEXT    NOT NULL,
    brand         TEXT    NOT NULL,
    price_cents   INTEGER NOT NULL,
    stock         INTEGER NOT NULL,
    rating_tenths INTEGER NOT NULL
) STRICT;

-- Serves the filter, the order and the count of `query_products`: SQLite ends every index entry with the
-- row's id, which breaks ties of the order.
CREATE INDEX IF NOT EXISTS products_by_category_and_price ON products (category, price_cents);

-- The tables of the experiment about joins: 100 customers, 20 orders of each, five lines in each order, by
-- formula. The products are seeded after the schema, so there is no foreign key.
CREATE TABLE IF NOT EXISTS experiment_orders (
    id       INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS experiment_orders_by_customer ON experiment_orders (customer);

CREATE TABLE IF NOT EXISTS experiment_order_lines (
    order_id   INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    product_id INTEGER NOT NULL,
    quantity   INTEGER NOT NULL,
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

INSERT INTO experiment_orders (id, customer)
WITH RECURSIVE numbers (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers WHERE id < 2000)
SELECT id, (id - 1) % 100 + 1 FROM numbers
 WHERE NOT EXISTS (SELECT 1 FROM experiment_orders);

INSERT INTO experiment_order_lines (order_id, line, product_id, quantity)
WITH lines (line) AS (VALUES (1), (2), (3), (4), (5))
SELECT id, line, (id * 5 + line) * 7919 % 100000 + 1, (id + line) % 5 + 1
  FROM experiment_orders CROSS JOIN lines
 WHERE NOT EXISTS (SELECT 1 FROM experiment_order_lines);

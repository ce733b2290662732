-- The tables of database.sqlite.sql. Runs at every opening, under an advisory lock.
CREATE TABLE IF NOT EXISTS products (
    id            BIGINT PRIMARY KEY,
    sku           TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    category      TEXT   NOT NULL,
    brand         TEXT   NOT NULL,
    price_cents   BIGINT NOT NULL,
    stock         BIGINT NOT NULL,
    rating_tenths BIGINT NOT NULL
);

-- The id breaks ties of the order, as SQLite's own row ids do.
CREATE INDEX IF NOT EXISTS products_by_category_and_price ON products (category, price_cents, id);

CREATE TABLE IF NOT EXISTS experiment_orders (
    id       BIGINT PRIMARY KEY,
    customer BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS experiment_orders_by_customer ON experiment_orders (customer);

CREATE TABLE IF NOT EXISTS experiment_order_lines (
    order_id   BIGINT NOT NULL,
    line       BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    quantity   BIGINT NOT NULL,
    PRIMARY KEY (order_id, line)
);

INSERT INTO experiment_orders (id, customer)
SELECT id, (id - 1) % 100 + 1 FROM generate_series(1::BIGINT, 2000::BIGINT) AS numbers (id)
 WHERE NOT EXISTS (SELECT 1 FROM experiment_orders);

INSERT INTO experiment_order_lines (order_id, line, product_id, quantity)
SELECT id, line, (id * 5 + line) * 7919 % 100000 + 1, (id + line) % 5 + 1
  FROM experiment_orders CROSS JOIN generate_series(1::BIGINT, 5::BIGINT) AS lines (line)
 WHERE NOT EXISTS (SELECT 1 FROM experiment_order_lines);

-- The same orders as SQLite's, by the same formula.
CREATE TABLE lesson_orders (
    id       BIGINT PRIMARY KEY,
    customer BIGINT NOT NULL
);

CREATE INDEX lesson_orders_by_customer ON lesson_orders (customer);

CREATE TABLE lesson_order_lines (
    order_id   BIGINT NOT NULL,
    line       BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    quantity   BIGINT NOT NULL,
    PRIMARY KEY (order_id, line)
);

INSERT INTO lesson_orders (id, customer)
SELECT id, (id - 1) % 100 + 1 FROM generate_series(1::BIGINT, 2000::BIGINT) AS numbers (id);

INSERT INTO lesson_order_lines (order_id, line, product_id, quantity)
SELECT id, line, (id * 5 + line) * 7919 % 100000 + 1, (id + line) % 5 + 1
  FROM lesson_orders CROSS JOIN generate_series(1::BIGINT, 5::BIGINT) AS lines (line);

-- The planner knows nothing of new tables until somebody counts.
ANALYZE lesson_orders, lesson_order_lines;

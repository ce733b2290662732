-- What `lesson_orders` reads: 100 customers, 20 orders of each, five lines in each order, by formula. The
-- products are those of the catalogue, which is seeded after the schema: so there is no foreign key.
CREATE TABLE lesson_orders (
    id       INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL
) STRICT;

CREATE INDEX lesson_orders_by_customer ON lesson_orders (customer);

CREATE TABLE lesson_order_lines (
    order_id   INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    product_id INTEGER NOT NULL,
    quantity   INTEGER NOT NULL,
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

INSERT INTO lesson_orders (id, customer)
WITH RECURSIVE numbers (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers WHERE id < 2000)
SELECT id, (id - 1) % 100 + 1 FROM numbers;

INSERT INTO lesson_order_lines (order_id, line, product_id, quantity)
WITH lines (line) AS (VALUES (1), (2), (3), (4), (5))
SELECT id, line, (id * 5 + line) * 7919 % 100000 + 1, (id + line) % 5 + 1
  FROM lesson_orders CROSS JOIN lines;

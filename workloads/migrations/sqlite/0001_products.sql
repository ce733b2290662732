-- Amounts are integers so that comparisons and sums are exact: prices in cents, ratings in tenths.
CREATE TABLE products (
    id            INTEGER PRIMARY KEY,
    sku           TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    category      TEXT    NOT NULL,
    brand         TEXT    NOT NULL,
    price_cents   INTEGER NOT NULL,
    stock         INTEGER NOT NULL,
    rating_tenths INTEGER NOT NULL
) STRICT;

-- Filter, order and count of `query_products` are all answered from here: SQLite ends every index
-- entry with the row's id, which is the tie-break of the order.
CREATE INDEX products_by_category_and_price ON products (category, price_cents);

-- The same table as SQLite's. Amounts are integers so that comparisons and sums are exact: prices in
-- cents, ratings in tenths. BIGINT is what SQLite's INTEGER is.
CREATE TABLE products (
    id            BIGINT PRIMARY KEY,
    sku           TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    category      TEXT   NOT NULL,
    brand         TEXT   NOT NULL,
    price_cents   BIGINT NOT NULL,
    stock         BIGINT NOT NULL,
    rating_tenths BIGINT NOT NULL
);

-- Filter, order and count of `query_products` are all answered from here; the id is the tie-break of
-- the order, which SQLite has in every index by itself.
CREATE INDEX products_by_category_and_price ON products (category, price_cents, id);

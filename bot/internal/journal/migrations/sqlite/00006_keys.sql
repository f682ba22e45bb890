-- +goose Up

-- The keys of earlier bot tokens, for what they have signed and is still under
-- way. Each is sealed with a key that the token in use gives: whoever reads
-- this table alone can do nothing with it. The moment is milliseconds since
-- 1970 by the journal's clock.
CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY,
    sealed     TEXT NOT NULL,
    kept_until INTEGER NOT NULL
);

-- +goose Down
DROP TABLE signing_keys;

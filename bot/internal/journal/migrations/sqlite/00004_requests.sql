-- +goose Up

-- Requests that stand in a channel until a second person confirms them: where,
-- and what is still to be done about them. It is a list of things to do and no
-- authority: the signed confirmation in the button is. A row goes when its
-- request has its last text; a row that is lost costs that text and no more.
-- The moments are milliseconds since 1970 by the journal's clock.
CREATE TABLE requests (
    confirmation_id TEXT PRIMARY KEY,
    message_ts      TEXT NOT NULL,
    confirmation    TEXT NOT NULL,
    remind_at       INTEGER NOT NULL, -- 0 for never, or reminded
    ends_at         INTEGER NOT NULL,
    look_after      INTEGER NOT NULL DEFAULT 0 -- the end is somebody's until then
);

CREATE INDEX requests_ends ON requests (ends_at);

-- +goose Down
DROP TABLE requests;

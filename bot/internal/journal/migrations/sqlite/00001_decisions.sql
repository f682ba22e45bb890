-- +goose Up
CREATE TABLE decisions (
    confirmation_id TEXT PRIMARY KEY,
    task_id         INTEGER NOT NULL,
    team_id         TEXT NOT NULL,
    channel_id      TEXT NOT NULL,
    requester       TEXT NOT NULL,
    confirmer       TEXT NOT NULL,
    reason          TEXT NOT NULL,
    requested_at    TIMESTAMP NOT NULL,
    decided_at      TIMESTAMP NOT NULL,
    finished_at     TIMESTAMP,
    announced_at    TIMESTAMP,
    outcome         TEXT,
    detail          TEXT NOT NULL DEFAULT '',
    message_ts      TEXT NOT NULL DEFAULT '',
    -- What the bot needs while a decision is under way, in milliseconds since
    -- 1970. A response_url is a key to the conversation: it is wiped as soon
    -- as the outcome is told.
    response_url    TEXT NOT NULL DEFAULT '',
    announce_after  INTEGER NOT NULL DEFAULT 0,
    lease_owner     TEXT NOT NULL,
    lease_until     INTEGER NOT NULL
);

-- One task is cancelled once: while a decision about it runs, and for ever
-- after one succeeded, no other can be claimed. A failed one frees the task.
CREATE UNIQUE INDEX decisions_task ON decisions (task_id) WHERE outcome IS NULL OR outcome = 'cancelled';

CREATE INDEX decisions_unannounced ON decisions (lease_until) WHERE announced_at IS NULL;
CREATE INDEX decisions_decided ON decisions (decided_at);

-- +goose Down
DROP TABLE decisions;

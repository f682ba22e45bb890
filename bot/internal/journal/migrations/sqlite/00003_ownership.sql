-- +goose Up

-- Who works on a decision, and since when by count: the epoch grows with each
-- change of owner, and whoever holds an older one can do nothing any more. The
-- moments are milliseconds since 1970 by the journal's clock, 0 for never.
--
-- Rows of this version keep lease_owner empty and lease_until far away, so
-- that an older version beside it never takes one over; its own rows have
-- epoch 0 until this version takes them over.
ALTER TABLE decisions ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN leased_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN claimed_at INTEGER NOT NULL DEFAULT 0;

-- The cancel request that is about to be sent or was sent without a clear
-- answer, and how many there were.
ALTER TABLE decisions ADD COLUMN sent_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;

-- When a process last was about to post.
ALTER TABLE decisions ADD COLUMN telling_at INTEGER NOT NULL DEFAULT 0;

-- What makes a row genuine: the signed confirmation, and a MAC over the click.
ALTER TABLE decisions ADD COLUMN confirmation TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN mac TEXT NOT NULL DEFAULT '';

-- The task as its prompt showed it.
ALTER TABLE decisions ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN url TEXT NOT NULL DEFAULT '';

-- An unknown outcome is looked after until it is settled.
ALTER TABLE decisions ADD COLUMN follow_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN look_after INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN settled_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN settled_outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN settled_detail TEXT NOT NULL DEFAULT '';

CREATE INDEX decisions_to_settle ON decisions (look_after) WHERE follow_until > 0 AND settled_at = 0;

-- What may yet take effect about a task.
CREATE INDEX decisions_unsettled ON decisions (task_id) WHERE outcome = 'unknown' AND settled_at = 0;

ALTER TABLE audit ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- Which processes live, so that they share the key's rate limit, and one that
-- stops knows whether another serves.
CREATE TABLE replicas (
    id         TEXT PRIMARY KEY,
    seen_until INTEGER NOT NULL,
    serving    INTEGER NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE replicas;
DROP INDEX decisions_to_settle;
DROP INDEX decisions_unsettled;

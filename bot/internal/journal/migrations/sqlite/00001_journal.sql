-- +goose Up

-- Moments that only the bot reads are milliseconds since 1970 by the journal's
-- clock, 0 for never.
CREATE TABLE decisions (
    confirmation_id TEXT PRIMARY KEY,
    task_id         INTEGER NOT NULL,
    title           TEXT NOT NULL DEFAULT '', -- of the task, as its prompt showed it
    url             TEXT NOT NULL DEFAULT '',
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

    -- A response_url is a key to the conversation: it is erased as soon as
    -- there is nothing more to post.
    response_url    TEXT NOT NULL DEFAULT '',

    -- What makes a row genuine: the signed confirmation, and a MAC over the click.
    confirmation    TEXT NOT NULL DEFAULT '',
    mac             TEXT NOT NULL DEFAULT '',

    -- Who works on the decision. The epoch grows with each change of owner; an
    -- owner at an older epoch can change nothing.
    owner           TEXT NOT NULL DEFAULT '',
    epoch           INTEGER NOT NULL,
    leased_until    INTEGER NOT NULL DEFAULT 0,
    claimed_at      INTEGER NOT NULL DEFAULT 0,

    -- The cancel request that is about to be sent, or was sent without a clear
    -- answer, and how many there were.
    sent_at         INTEGER NOT NULL DEFAULT 0,
    tries           INTEGER NOT NULL DEFAULT 0,

    telling_at      INTEGER NOT NULL DEFAULT 0, -- when a process was last about to post

    -- An unknown outcome is checked until it is settled.
    follow_until    INTEGER NOT NULL DEFAULT 0,
    look_after      INTEGER NOT NULL DEFAULT 0,
    looks           INTEGER NOT NULL DEFAULT 0,
    settled_at      INTEGER NOT NULL DEFAULT 0,
    settled_outcome TEXT NOT NULL DEFAULT '',
    settled_detail  TEXT NOT NULL DEFAULT ''
);

-- A task is cancelled by at most one decision: while one is under way, and
-- after one succeeded, no other can be claimed.
CREATE UNIQUE INDEX decisions_task ON decisions (task_id) WHERE outcome IS NULL OR outcome = 'cancelled';

CREATE INDEX decisions_unannounced ON decisions (decided_at) WHERE announced_at IS NULL;
CREATE INDEX decisions_decided ON decisions (decided_at);
CREATE INDEX decisions_to_settle ON decisions (look_after) WHERE follow_until > 0 AND settled_at = 0;
CREATE INDEX decisions_unsettled ON decisions (task_id) WHERE outcome = 'unknown' AND settled_at = 0;

-- What the audit channel hears of: announcements that are to be copied, and
-- refusals by policy, which are on record also where there is no such channel.
CREATE TABLE audit (
    id              TEXT PRIMARY KEY,
    kind            TEXT NOT NULL, -- 'announcement' or 'refusal'
    noted_at        TIMESTAMP NOT NULL,
    confirmation_id TEXT NOT NULL, -- '' for a refused command
    task_id         INTEGER NOT NULL,
    team_id         TEXT NOT NULL,
    channel_id      TEXT NOT NULL,
    person          TEXT NOT NULL,
    code            TEXT NOT NULL, -- the outcome, or why somebody was refused
    sent_at         TIMESTAMP,
    lease_until     INTEGER NOT NULL DEFAULT 0,
    epoch           INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX audit_due ON audit (noted_at) WHERE sent_at IS NULL;

-- Which processes live, so that they share the key's rate limit, and one that
-- stops knows whether another serves.
CREATE TABLE replicas (
    id         TEXT PRIMARY KEY,
    seen_until INTEGER NOT NULL,
    serving    INTEGER NOT NULL DEFAULT 0
);

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

-- What was told stays as it was told: who had which task cancelled, why, when,
-- and what came of it. This keeps rows from being changed by accident, and is
-- no defence against somebody who means to, who can drop the triggers.
--
-- An unknown outcome is told, and settled later; and one that is being looked
-- after is set aside, perhaps twice, where its row turns out not to be genuine.

-- Old rows are deleted by saying first how old: docs/operate.md has the
-- statements.
CREATE TABLE retention (delete_before TIMESTAMP NOT NULL);

-- +goose StatementBegin
CREATE TRIGGER decisions_told_change BEFORE UPDATE OF
    confirmation_id, task_id, team_id, channel_id, requester, confirmer, reason, requested_at,
    decided_at, detail, message_ts, confirmation, mac, title, url, outcome, finished_at,
    announced_at, settled_at, settled_outcome, settled_detail
ON decisions WHEN OLD.announced_at IS NOT NULL AND (
    NEW.confirmation_id IS NOT OLD.confirmation_id OR NEW.task_id IS NOT OLD.task_id OR
    NEW.team_id IS NOT OLD.team_id OR NEW.channel_id IS NOT OLD.channel_id OR
    NEW.requester IS NOT OLD.requester OR NEW.confirmer IS NOT OLD.confirmer OR
    NEW.reason IS NOT OLD.reason OR NEW.requested_at IS NOT OLD.requested_at OR
    NEW.decided_at IS NOT OLD.decided_at OR NEW.detail IS NOT OLD.detail OR
    NEW.message_ts IS NOT OLD.message_ts OR NEW.confirmation IS NOT OLD.confirmation OR
    NEW.mac IS NOT OLD.mac OR NEW.title IS NOT OLD.title OR NEW.url IS NOT OLD.url
    OR (NEW.outcome IS NOT OLD.outcome OR NEW.finished_at IS NOT OLD.finished_at OR
        NEW.announced_at IS NOT OLD.announced_at)
        AND NOT (NEW.outcome = 'set_aside' AND (OLD.outcome = 'set_aside' OR OLD.follow_until > 0 AND OLD.settled_at = 0))
    OR OLD.settled_at > 0 AND OLD.outcome <> 'set_aside' AND (NEW.settled_at IS NOT OLD.settled_at OR NEW.settled_outcome IS NOT OLD.settled_outcome OR
        NEW.settled_detail IS NOT OLD.settled_detail))
BEGIN
    SELECT RAISE(ABORT, 'an outcome that was told cannot be changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER decisions_told_delete BEFORE DELETE ON decisions
WHEN OLD.announced_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM retention WHERE OLD.decided_at < delete_before)
BEGIN
    SELECT RAISE(ABORT, 'a decision whose outcome was told is not deleted, unless the table retention says so');
END;
-- +goose StatementEnd

-- The keys of earlier bot tokens, for what they have signed and is still under
-- way. Each is sealed with a key that the token in use gives: whoever reads
-- this table alone can do nothing with it. The moment is milliseconds since
-- 1970 by the journal's clock.
CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY,
    sealed     TEXT NOT NULL,
    kept_until INTEGER NOT NULL
);

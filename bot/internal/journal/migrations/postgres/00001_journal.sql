-- +goose Up

-- Moments that only the bot reads are milliseconds since 1970 by the journal's
-- clock, 0 for never.
CREATE TABLE decisions (
    confirmation_id TEXT PRIMARY KEY,
    task_id         BIGINT NOT NULL,
    title           TEXT NOT NULL DEFAULT '', -- of the task, as its prompt showed it
    url             TEXT NOT NULL DEFAULT '',
    team_id         TEXT NOT NULL,
    channel_id      TEXT NOT NULL,
    requester       TEXT NOT NULL,
    confirmer       TEXT NOT NULL,
    reason          TEXT NOT NULL,
    requested_at    TIMESTAMPTZ NOT NULL,
    decided_at      TIMESTAMPTZ NOT NULL,
    finished_at     TIMESTAMPTZ,
    announced_at    TIMESTAMPTZ,
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
    epoch           BIGINT NOT NULL,
    leased_until    BIGINT NOT NULL DEFAULT 0,
    claimed_at      BIGINT NOT NULL DEFAULT 0,

    -- The cancel request that is about to be sent, or was sent without a clear
    -- answer, and how many there were.
    sent_at         BIGINT NOT NULL DEFAULT 0,
    tries           BIGINT NOT NULL DEFAULT 0,

    telling_at      BIGINT NOT NULL DEFAULT 0, -- when a process was last about to post

    -- An unknown outcome is checked until it is settled.
    follow_until    BIGINT NOT NULL DEFAULT 0,
    look_after      BIGINT NOT NULL DEFAULT 0,
    looks           BIGINT NOT NULL DEFAULT 0,
    settled_at      BIGINT NOT NULL DEFAULT 0,
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
    noted_at        TIMESTAMPTZ NOT NULL,
    confirmation_id TEXT NOT NULL, -- '' for a refused command
    task_id         BIGINT NOT NULL,
    team_id         TEXT NOT NULL,
    channel_id      TEXT NOT NULL,
    person          TEXT NOT NULL,
    code            TEXT NOT NULL, -- the outcome, or why somebody was refused
    sent_at         TIMESTAMPTZ,
    lease_until     BIGINT NOT NULL DEFAULT 0,
    epoch           BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX audit_due ON audit (noted_at) WHERE sent_at IS NULL;

-- Which processes live, so that they share the key's rate limit, and one that
-- stops knows whether another serves.
CREATE TABLE replicas (
    id         TEXT PRIMARY KEY,
    seen_until BIGINT NOT NULL,
    serving    BIGINT NOT NULL DEFAULT 0
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
    remind_at       BIGINT NOT NULL, -- 0 for never, or reminded
    ends_at         BIGINT NOT NULL,
    look_after      BIGINT NOT NULL DEFAULT 0 -- the end is somebody's until then
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
CREATE TABLE retention (delete_before TIMESTAMPTZ NOT NULL);

-- +goose StatementBegin
CREATE FUNCTION decisions_told_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an outcome that was told cannot be changed';
END $$;
-- +goose StatementEnd

CREATE TRIGGER decisions_told_change BEFORE UPDATE OF
    confirmation_id, task_id, team_id, channel_id, requester, confirmer, reason, requested_at,
    decided_at, detail, message_ts, confirmation, mac, title, url, outcome, finished_at,
    announced_at, settled_at, settled_outcome, settled_detail
ON decisions FOR EACH ROW WHEN (OLD.announced_at IS NOT NULL AND (
    NEW.confirmation_id IS DISTINCT FROM OLD.confirmation_id OR
    NEW.task_id IS DISTINCT FROM OLD.task_id OR NEW.team_id IS DISTINCT FROM OLD.team_id OR
    NEW.channel_id IS DISTINCT FROM OLD.channel_id OR NEW.requester IS DISTINCT FROM OLD.requester OR
    NEW.confirmer IS DISTINCT FROM OLD.confirmer OR NEW.reason IS DISTINCT FROM OLD.reason OR
    NEW.requested_at IS DISTINCT FROM OLD.requested_at OR
    NEW.decided_at IS DISTINCT FROM OLD.decided_at OR NEW.detail IS DISTINCT FROM OLD.detail OR
    NEW.message_ts IS DISTINCT FROM OLD.message_ts OR
    NEW.confirmation IS DISTINCT FROM OLD.confirmation OR NEW.mac IS DISTINCT FROM OLD.mac OR
    NEW.title IS DISTINCT FROM OLD.title OR NEW.url IS DISTINCT FROM OLD.url
    OR (NEW.outcome IS DISTINCT FROM OLD.outcome OR NEW.finished_at IS DISTINCT FROM OLD.finished_at OR
        NEW.announced_at IS DISTINCT FROM OLD.announced_at)
        AND NOT (NEW.outcome = 'set_aside' AND (OLD.outcome = 'set_aside' OR OLD.follow_until > 0 AND OLD.settled_at = 0))
    OR OLD.settled_at > 0 AND OLD.outcome <> 'set_aside' AND (NEW.settled_at IS DISTINCT FROM OLD.settled_at OR
        NEW.settled_outcome IS DISTINCT FROM OLD.settled_outcome OR
        NEW.settled_detail IS DISTINCT FROM OLD.settled_detail)))
EXECUTE FUNCTION decisions_told_change();

-- +goose StatementBegin
CREATE FUNCTION decisions_told_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention WHERE OLD.decided_at < delete_before) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a decision whose outcome was told is not deleted, unless the table retention says so';
END $$;
-- +goose StatementEnd

CREATE TRIGGER decisions_told_delete BEFORE DELETE ON decisions
FOR EACH ROW WHEN (OLD.announced_at IS NOT NULL) EXECUTE FUNCTION decisions_told_delete();

-- TRUNCATE passes triggers for rows by.
-- +goose StatementBegin
CREATE FUNCTION decisions_told_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM decisions WHERE announced_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a decision whose outcome was told is not deleted, unless the table retention says so';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER decisions_told_truncate BEFORE TRUNCATE ON decisions
FOR EACH STATEMENT EXECUTE FUNCTION decisions_told_truncate();

-- The keys of earlier bot tokens, for what they have signed and is still under
-- way. Each is sealed with a key that the token in use gives: whoever reads
-- this table alone can do nothing with it. The moment is milliseconds since
-- 1970 by the journal's clock.
CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY,
    sealed     TEXT NOT NULL,
    kept_until BIGINT NOT NULL
);

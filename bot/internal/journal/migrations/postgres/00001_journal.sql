-- +goose Up

-- Moments that people query are timestamps. Moments that only the bot reads
-- are milliseconds since 1970 by the journal's clock, 0 for never.

-- A decision is an accepted click on "Cancel task". It covers one or more
-- tasks, which have a table of their own.
CREATE TABLE decisions (
    confirmation_id TEXT PRIMARY KEY,
    team_id         TEXT NOT NULL,
    channel_id      TEXT NOT NULL,
    thread_ts       TEXT NOT NULL DEFAULT '', -- of the message in whose thread it was asked for
    untitled        BOOLEAN NOT NULL DEFAULT FALSE, -- what the conversation reads has no titles
    requester       TEXT NOT NULL, -- who typed the command
    confirmer       TEXT NOT NULL, -- who clicked
    reason          TEXT NOT NULL,
    requested_at    TIMESTAMPTZ NOT NULL,
    decided_at      TIMESTAMPTZ NOT NULL, -- when the click was received
    facts_age_ms    BIGINT NOT NULL DEFAULT 0, -- how old the facts were by which the click was allowed
    announced_at    TIMESTAMPTZ,
    message_ts      TEXT NOT NULL DEFAULT '', -- the announcement's

    -- A key to the conversation, erased when there is nothing more to post.
    response_url    TEXT NOT NULL DEFAULT '',

    -- Proof that a row is genuine: the signed confirmation, a MAC over the click,
    -- and one over when it was announced, and as which message.
    confirmation    TEXT NOT NULL DEFAULT '',
    mac             TEXT NOT NULL DEFAULT '',
    announced_mac   TEXT NOT NULL DEFAULT '',

    -- The process that works on the decision. The epoch grows with every
    -- change of owner; an owner with an older epoch can change nothing.
    owner           TEXT NOT NULL DEFAULT '',
    epoch           BIGINT NOT NULL,
    leased_until    BIGINT NOT NULL DEFAULT 0,
    claimed_at      BIGINT NOT NULL DEFAULT 0,

    -- When a process was last about to post, if the result isn't known.
    announcing_at   BIGINT NOT NULL DEFAULT 0,

    -- A decision with an unknown outcome is checked until it is settled, which
    -- means that the final results are known and posted.
    follow_up       BIGINT NOT NULL DEFAULT 0, -- 1 if an outcome was announced as unknown
    check_after     BIGINT NOT NULL DEFAULT 0,
    checks          BIGINT NOT NULL DEFAULT 0,
    settled_at      BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX decisions_decided ON decisions (decided_at);
CREATE INDEX decisions_unannounced ON decisions (decided_at) WHERE announced_at IS NULL;
CREATE INDEX decisions_unsettled ON decisions (check_after) WHERE follow_up > 0 AND settled_at = 0;

-- The tasks of a decision, and the outcome of each. A row is inserted with its
-- decision, and deleted with it.
CREATE TABLE tasks (
    confirmation_id TEXT NOT NULL REFERENCES decisions ON DELETE CASCADE,
    position        BIGINT NOT NULL, -- in the prompt, from 0
    task_id         BIGINT NOT NULL,
    title           TEXT NOT NULL DEFAULT '', -- as the prompt showed it
    url             TEXT NOT NULL DEFAULT '',
    step            TEXT NOT NULL DEFAULT '',

    -- The cancel request that is about to be sent, or was sent without a clear
    -- answer, and how many there were.
    sent_at         BIGINT NOT NULL DEFAULT 0,
    tries           BIGINT NOT NULL DEFAULT 0,
    unsent_mac      TEXT NOT NULL DEFAULT '', -- a MAC over the statement that none can take effect

    outcome         TEXT, -- NULL until it is known
    detail          TEXT NOT NULL DEFAULT '', -- JSON
    finished_at     TIMESTAMPTZ,
    outcome_mac     TEXT NOT NULL DEFAULT '', -- over the outcome, its detail, and when it was saved

    -- The final result of an unknown outcome.
    settled_outcome TEXT NOT NULL DEFAULT '',
    settled_detail  TEXT NOT NULL DEFAULT '',
    settled_mac     TEXT NOT NULL DEFAULT '',

    PRIMARY KEY (confirmation_id, position)
);

-- A task is cancelled by at most one decision: while one is under way, and
-- after one succeeded, no other can claim the task.
CREATE UNIQUE INDEX tasks_claimed ON tasks (task_id) WHERE outcome IS NULL OR outcome = 'cancelled';

CREATE INDEX tasks_task ON tasks (task_id);

-- An announced decision can't be changed: who cancelled which task, why, when,
-- and the outcome. The triggers prevent accidents. They are no defence against
-- someone who can drop them.
--
-- The bot itself makes one change to a record that was announced: it settles an
-- unknown outcome. It moves a record that isn't genuine to the table set_aside.
--
-- Old rows are deleted by first saying how old: by the bot with RETENTION set,
-- or by the statements in docs/operate.md.
CREATE TABLE retention (
    delete_before TIMESTAMPTZ NOT NULL,
    granted_to    TEXT NOT NULL DEFAULT '' -- who may; only for tidying up
);

-- Rows that don't verify: someone else has written or changed them, or their
-- key isn't known here. The bot does nothing because of them, and shows them to
-- no one. A row whose key becomes known returns by itself; one with retry = 1
-- returns to be verified again.
CREATE TABLE set_aside (
    id              TEXT PRIMARY KEY,
    kind            TEXT NOT NULL, -- its table
    confirmation_id TEXT NOT NULL,
    task_ids        TEXT NOT NULL, -- separated by commas
    set_aside_at    TIMESTAMPTZ NOT NULL,
    why             TEXT NOT NULL,
    unknown_key     BIGINT NOT NULL DEFAULT 0, -- 1 if that is why
    seal            TEXT NOT NULL, -- the beginning of the seal whose key isn't known; '' if that isn't why
    content         TEXT NOT NULL, -- the row, as JSON
    tasks           TEXT NOT NULL, -- of a decision
    retry           BIGINT NOT NULL DEFAULT 0,
    tried_at        BIGINT NOT NULL DEFAULT 0 -- when a process last tried to return it
);

CREATE INDEX set_aside_confirmation ON set_aside (confirmation_id);
CREATE INDEX set_aside_at ON set_aside (set_aside_at);
CREATE INDEX set_aside_unknown ON set_aside ((substr(seal, 1, 9))) WHERE unknown_key = 1; -- by the key: see Seals.Keys
CREATE INDEX set_aside_retry ON set_aside (tried_at) WHERE retry = 1;

-- +goose StatementBegin
CREATE FUNCTION decisions_announced_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a decision that was announced cannot be changed';
END $$;
-- +goose StatementEnd

CREATE TRIGGER decisions_announced_change BEFORE UPDATE OF
    confirmation_id, team_id, channel_id, thread_ts, untitled, requester, confirmer, reason, requested_at, decided_at,
    facts_age_ms, announced_at, message_ts, confirmation, mac, announced_mac, settled_at
ON decisions FOR EACH ROW WHEN (OLD.announced_at IS NOT NULL AND (
    (NEW.confirmation_id, NEW.team_id, NEW.channel_id, NEW.thread_ts, NEW.untitled, NEW.requester, NEW.confirmer,
    NEW.reason, NEW.requested_at, NEW.decided_at, NEW.facts_age_ms, NEW.announced_at, NEW.message_ts,
    NEW.confirmation, NEW.mac, NEW.announced_mac) IS DISTINCT FROM
    (OLD.confirmation_id, OLD.team_id, OLD.channel_id, OLD.thread_ts, OLD.untitled, OLD.requester, OLD.confirmer,
    OLD.reason, OLD.requested_at, OLD.decided_at, OLD.facts_age_ms, OLD.announced_at, OLD.message_ts,
    OLD.confirmation, OLD.mac, OLD.announced_mac)
    OR OLD.settled_at > 0 AND NEW.settled_at IS DISTINCT FROM OLD.settled_at))
EXECUTE FUNCTION decisions_announced_change();

-- +goose StatementBegin
CREATE FUNCTION tasks_announced_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM decisions d
        WHERE d.confirmation_id = OLD.confirmation_id AND d.announced_at IS NOT NULL AND (
            (NEW.confirmation_id, NEW.position, NEW.task_id, NEW.title, NEW.url, NEW.step,
            NEW.detail, NEW.finished_at, NEW.outcome_mac) IS DISTINCT FROM
            (OLD.confirmation_id, OLD.position, OLD.task_id, OLD.title, OLD.url, OLD.step,
            OLD.detail, OLD.finished_at, OLD.outcome_mac)
            OR NEW.outcome IS DISTINCT FROM OLD.outcome
            OR d.settled_at > 0
                AND (NEW.settled_outcome, NEW.settled_detail, NEW.settled_mac) IS DISTINCT FROM (OLD.settled_outcome, OLD.settled_detail, OLD.settled_mac)))
    THEN
        RAISE EXCEPTION 'a decision that was announced cannot be changed';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd

-- A task without an outcome was not announced: recording an outcome runs no
-- function.
CREATE TRIGGER tasks_announced_change BEFORE UPDATE OF
    confirmation_id, position, task_id, title, url, step, detail, finished_at, outcome, outcome_mac, settled_outcome, settled_detail, settled_mac
ON tasks FOR EACH ROW WHEN (OLD.outcome IS NOT NULL) EXECUTE FUNCTION tasks_announced_change();

-- +goose StatementBegin
CREATE FUNCTION decisions_announced_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention WHERE OLD.decided_at < delete_before)
        OR EXISTS (SELECT 1 FROM set_aside WHERE confirmation_id = OLD.confirmation_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a decision that was announced cannot be deleted, unless the table retention allows it';
END $$;
-- +goose StatementEnd

CREATE TRIGGER decisions_announced_delete BEFORE DELETE ON decisions
FOR EACH ROW WHEN (OLD.announced_at IS NOT NULL) EXECUTE FUNCTION decisions_announced_delete();

-- +goose StatementBegin
CREATE FUNCTION tasks_announced_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM decisions d WHERE d.confirmation_id = OLD.confirmation_id AND d.announced_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a task is deleted with its decision';
    END IF;
    RETURN OLD;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tasks_announced_delete BEFORE DELETE ON tasks
FOR EACH ROW EXECUTE FUNCTION tasks_announced_delete();

-- TRUNCATE runs no triggers for rows.
-- +goose StatementBegin
CREATE FUNCTION announced_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM decisions WHERE announced_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a decision that was announced cannot be deleted, unless the table retention allows it';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER decisions_announced_truncate BEFORE TRUNCATE ON decisions
FOR EACH STATEMENT EXECUTE FUNCTION announced_truncate();
CREATE TRIGGER tasks_announced_truncate BEFORE TRUNCATE ON tasks
FOR EACH STATEMENT EXECUTE FUNCTION announced_truncate();

-- The audit channel's outbox: copies of announcements, policy refusals and
-- changes of a credential. Refusals are recorded also without an audit channel.
CREATE TABLE audit (
    id              TEXT PRIMARY KEY,
    kind            TEXT NOT NULL,
    noted_at        TIMESTAMPTZ NOT NULL,
    confirmation_id TEXT NOT NULL, -- '' for a refused command
    task_ids        TEXT NOT NULL, -- separated by commas; '' of a credential
    team_id         TEXT NOT NULL,
    channel_id      TEXT NOT NULL,
    person          TEXT NOT NULL,
    code            TEXT NOT NULL, -- the outcome, or why someone was refused
    since           TIMESTAMPTZ, -- of a credential that is accepted again: when it was refused
    sent_at         TIMESTAMPTZ, -- NULL while it is due
    mac             TEXT NOT NULL DEFAULT '', -- over the rest
    leased_until    BIGINT NOT NULL DEFAULT 0,
    epoch           BIGINT NOT NULL DEFAULT 0,
    doubts          BIGINT NOT NULL DEFAULT 0 -- posts to which Slack gave no clear answer
);

CREATE INDEX audit_due ON audit ((kind = 'refusal'), noted_at) WHERE sent_at IS NULL;
CREATE INDEX audit_unsent_at ON audit (noted_at) WHERE sent_at IS NULL;
CREATE INDEX audit_unsent ON audit (confirmation_id) WHERE sent_at IS NULL;
CREATE INDEX audit_sent ON audit (noted_at) WHERE sent_at IS NOT NULL;
CREATE INDEX audit_refusals ON audit (noted_at) WHERE kind = 'refusal';

-- Requests in a channel that a second person has to approve, and what is due
-- about each. It is a list of things to do and gives no authority: the signed
-- confirmation in the button does. A row is deleted with its request's final
-- update; losing a row loses that update and nothing else. A row remembers that
-- its request has a row in decisions, so that losing that one doesn't open the
-- request again.
CREATE TABLE requests (
    confirmation_id TEXT PRIMARY KEY,
    message_ts      TEXT NOT NULL,
    confirmation    TEXT NOT NULL,
    mac             TEXT NOT NULL DEFAULT '', -- over the rest
    decided_mac     TEXT NOT NULL DEFAULT '', -- a MAC over the statement that decisions has had its row
    remind_at       BIGINT NOT NULL, -- 0 for never; negative if someone has begun to remind
    ends_at         BIGINT NOT NULL,
    taken_until     BIGINT NOT NULL DEFAULT 0 -- a process works on its end until then
);

CREATE INDEX requests_ends ON requests (taken_until, ends_at);
CREATE INDEX requests_reminders ON requests (remind_at) WHERE remind_at > 0;

-- The commands and submitted modals for which a request was about to be posted, for
-- a day: Slack may deliver one to several replicas, and the first posts it. Losing
-- a row can only lead to a second request.
CREATE TABLE asked (
    event      TEXT PRIMARY KEY, -- a hash of what identifies it
    asked_by   TEXT NOT NULL, -- the delivery that came first
    kept_until BIGINT NOT NULL
);

CREATE INDEX asked_kept ON asked (kept_until);

-- The credentials that were ever refused, so that each change is noted once,
-- whichever process sees it first.
CREATE TABLE credentials (
    name       TEXT PRIMARY KEY,
    refused    BIGINT NOT NULL, -- 1 for refused, 0 for accepted again
    refused_at TIMESTAMPTZ NOT NULL,
    mac        TEXT NOT NULL DEFAULT '' -- over the rest, while it is refused
);

-- The processes that are alive. They share the key's rate limit, and one that
-- stops knows whether another serves.
CREATE TABLE replicas (
    id         TEXT PRIMARY KEY,
    seen_until BIGINT NOT NULL,
    serving    BIGINT NOT NULL DEFAULT 0
);

-- The keys of earlier bot tokens, for what they signed and is still under way.
-- Each is sealed with a key derived from the current token: this table alone is
-- of no use.
CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY,
    sealed     TEXT NOT NULL,
    kept_until BIGINT NOT NULL
);

-- The switch of "cancelbot pause": with a row, no click cancels anything.
CREATE TABLE pause (
    one       BIGINT PRIMARY KEY CHECK (one = 1),
    paused_at TIMESTAMPTZ NOT NULL,
    note      TEXT NOT NULL
);

-- The organisation of Chamelio whose tasks this journal is about, and the key
-- that it used last: keys of other organisations aren't used.
CREATE TABLE organisation (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    name   TEXT NOT NULL,
    key_id BIGINT NOT NULL
);

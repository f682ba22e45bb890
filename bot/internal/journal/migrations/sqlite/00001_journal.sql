-- +goose Up

-- Moments that people query are timestamps. Moments that only the bot reads
-- are milliseconds since 1970 by the journal's clock, 0 for never.

-- A decision is an accepted click on "Cancel task". It covers one or more
-- tasks, which have a table of their own.
CREATE TABLE decisions (
    confirmation_id TEXT NOT NULL PRIMARY KEY,
    team_id         TEXT NOT NULL,
    channel_id      TEXT NOT NULL,
    thread_ts       TEXT NOT NULL DEFAULT '', -- of the message in whose thread it was asked for
    untitled        BOOLEAN NOT NULL DEFAULT FALSE, -- what the conversation reads has no titles
    requester       TEXT NOT NULL, -- who typed the command
    confirmer       TEXT NOT NULL, -- who clicked
    reason          TEXT NOT NULL,
    requested_at    TIMESTAMP NOT NULL,
    decided_at      TIMESTAMP NOT NULL, -- when the click was received
    facts_age_ms    INTEGER NOT NULL DEFAULT 0, -- how old the facts were by which the click was allowed
    announced_at    TIMESTAMP,
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
    epoch           INTEGER NOT NULL,
    leased_until    INTEGER NOT NULL DEFAULT 0,
    claimed_at      INTEGER NOT NULL DEFAULT 0,

    -- When a process was last about to post, if the result isn't known.
    announcing_at   INTEGER NOT NULL DEFAULT 0,

    -- A decision with an unknown outcome is checked until it is settled, which
    -- means that the final results are known and posted.
    follow_up       INTEGER NOT NULL DEFAULT 0, -- 1 if an outcome was announced as unknown
    check_after     INTEGER NOT NULL DEFAULT 0,
    checks          INTEGER NOT NULL DEFAULT 0,
    settled_at      INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX decisions_decided ON decisions (decided_at);
CREATE INDEX decisions_unannounced ON decisions (decided_at) WHERE announced_at IS NULL;
CREATE INDEX decisions_unsettled ON decisions (check_after) WHERE follow_up > 0 AND settled_at = 0;

-- The tasks of a decision, and the outcome of each. A row is inserted with its
-- decision, and deleted with it.
CREATE TABLE tasks (
    confirmation_id TEXT NOT NULL,
    position        INTEGER NOT NULL, -- in the prompt, from 0
    task_id         INTEGER NOT NULL,
    title           TEXT NOT NULL DEFAULT '', -- as the prompt showed it
    url             TEXT NOT NULL DEFAULT '',
    step            TEXT NOT NULL DEFAULT '',

    -- The cancel request that is about to be sent, or was sent without a clear
    -- answer, and how many there were.
    sent_at         INTEGER NOT NULL DEFAULT 0,
    tries           INTEGER NOT NULL DEFAULT 0,
    unsent_mac      TEXT NOT NULL DEFAULT '', -- a MAC over the statement that none can take effect

    outcome         TEXT, -- NULL until it is known
    detail          TEXT NOT NULL DEFAULT '', -- JSON
    finished_at     TIMESTAMP,
    outcome_mac     TEXT NOT NULL DEFAULT '', -- over the outcome, its detail, and when it was saved

    -- The final result of an unknown outcome.
    settled_outcome TEXT NOT NULL DEFAULT '',
    settled_detail  TEXT NOT NULL DEFAULT '',
    settled_mac     TEXT NOT NULL DEFAULT '',

    PRIMARY KEY (confirmation_id, position)
) WITHOUT ROWID;

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
    delete_before TIMESTAMP NOT NULL,
    granted_to    TEXT NOT NULL DEFAULT '' -- who may; only for tidying up
);

-- Rows that don't verify: someone else has written or changed them, or their
-- key isn't known here. The bot does nothing because of them, and shows them to
-- no one. A row whose key becomes known returns by itself; one with retry = 1
-- returns to be verified again.
CREATE TABLE set_aside (
    id              TEXT NOT NULL PRIMARY KEY,
    kind            TEXT NOT NULL, -- its table
    confirmation_id TEXT NOT NULL,
    task_ids        TEXT NOT NULL, -- separated by commas
    set_aside_at    TIMESTAMP NOT NULL,
    why             TEXT NOT NULL,
    unknown_key     INTEGER NOT NULL DEFAULT 0, -- 1 if that is why
    seal            TEXT NOT NULL, -- the beginning of the seal whose key isn't known; '' if that isn't why
    content         TEXT NOT NULL, -- the row, as JSON
    tasks           TEXT NOT NULL, -- of a decision
    retry           INTEGER NOT NULL DEFAULT 0,
    tried_at        INTEGER NOT NULL DEFAULT 0 -- when a process last tried to return it
);

CREATE INDEX set_aside_confirmation ON set_aside (confirmation_id);
CREATE INDEX set_aside_at ON set_aside (set_aside_at);
CREATE INDEX set_aside_unknown ON set_aside ((substr(seal, 1, 9))) WHERE unknown_key = 1; -- by the key: see Seals.Keys
CREATE INDEX set_aside_retry ON set_aside (tried_at) WHERE retry = 1;

-- +goose StatementBegin
CREATE TRIGGER decisions_announced_change BEFORE UPDATE OF
    confirmation_id, team_id, channel_id, thread_ts, untitled, requester, confirmer, reason, requested_at, decided_at,
    facts_age_ms, announced_at, message_ts, confirmation, mac, announced_mac, settled_at
ON decisions WHEN OLD.announced_at IS NOT NULL AND (
    (NEW.confirmation_id, NEW.team_id, NEW.channel_id, NEW.thread_ts, NEW.untitled, NEW.requester, NEW.confirmer,
    NEW.reason, NEW.requested_at, NEW.decided_at, NEW.facts_age_ms, NEW.announced_at, NEW.message_ts,
    NEW.confirmation, NEW.mac, NEW.announced_mac) IS NOT
    (OLD.confirmation_id, OLD.team_id, OLD.channel_id, OLD.thread_ts, OLD.untitled, OLD.requester, OLD.confirmer,
    OLD.reason, OLD.requested_at, OLD.decided_at, OLD.facts_age_ms, OLD.announced_at, OLD.message_ts,
    OLD.confirmation, OLD.mac, OLD.announced_mac)
    OR OLD.settled_at > 0 AND NEW.settled_at IS NOT OLD.settled_at)
BEGIN
    SELECT RAISE(ABORT, 'a decision that was announced cannot be changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER tasks_announced_change BEFORE UPDATE OF
    confirmation_id, position, task_id, title, url, step, detail, finished_at, outcome, outcome_mac, settled_outcome, settled_detail, settled_mac
ON tasks WHEN OLD.outcome IS NOT NULL AND EXISTS (SELECT 1 FROM decisions d
    WHERE d.confirmation_id = OLD.confirmation_id AND d.announced_at IS NOT NULL AND (
        (NEW.confirmation_id, NEW.position, NEW.task_id, NEW.title, NEW.url, NEW.step, NEW.detail,
        NEW.finished_at, NEW.outcome_mac) IS NOT
        (OLD.confirmation_id, OLD.position, OLD.task_id, OLD.title, OLD.url, OLD.step, OLD.detail,
        OLD.finished_at, OLD.outcome_mac)
        OR NEW.outcome IS NOT OLD.outcome
        OR d.settled_at > 0
            AND (NEW.settled_outcome, NEW.settled_detail, NEW.settled_mac) IS NOT (OLD.settled_outcome, OLD.settled_detail, OLD.settled_mac)))
BEGIN
    SELECT RAISE(ABORT, 'a decision that was announced cannot be changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER decisions_announced_delete BEFORE DELETE ON decisions
WHEN OLD.announced_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM retention WHERE OLD.decided_at < delete_before)
    AND NOT EXISTS (SELECT 1 FROM set_aside WHERE confirmation_id = OLD.confirmation_id)
BEGIN
    SELECT RAISE(ABORT, 'a decision that was announced cannot be deleted, unless the table retention allows it');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER tasks_announced_delete BEFORE DELETE ON tasks
WHEN EXISTS (SELECT 1 FROM decisions d WHERE d.confirmation_id = OLD.confirmation_id AND d.announced_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'a task is deleted with its decision');
END;
-- +goose StatementEnd

-- A trigger, since SQLite ignores foreign keys unless each connection asks for
-- them.
-- +goose StatementBegin
CREATE TRIGGER decisions_delete AFTER DELETE ON decisions
BEGIN
    DELETE FROM tasks WHERE confirmation_id = OLD.confirmation_id;
END;
-- +goose StatementEnd

-- The audit channel's outbox: copies of announcements, policy refusals and
-- changes of a credential. Refusals are recorded also without an audit channel.
CREATE TABLE audit (
    id              TEXT NOT NULL PRIMARY KEY,
    kind            TEXT NOT NULL,
    noted_at        TIMESTAMP NOT NULL,
    confirmation_id TEXT NOT NULL, -- '' for a refused command
    task_ids        TEXT NOT NULL, -- separated by commas; '' of a credential
    team_id         TEXT NOT NULL,
    channel_id      TEXT NOT NULL,
    person          TEXT NOT NULL,
    code            TEXT NOT NULL, -- the outcome, or why someone was refused
    since           TIMESTAMP, -- of a credential that is accepted again: when it was refused
    sent_at         TIMESTAMP, -- NULL while it is due
    mac             TEXT NOT NULL DEFAULT '', -- over the rest
    leased_until    INTEGER NOT NULL DEFAULT 0,
    epoch           INTEGER NOT NULL DEFAULT 0,
    doubts          INTEGER NOT NULL DEFAULT 0 -- posts to which Slack gave no clear answer
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
    confirmation_id TEXT NOT NULL PRIMARY KEY,
    message_ts      TEXT NOT NULL,
    confirmation    TEXT NOT NULL,
    mac             TEXT NOT NULL DEFAULT '', -- over the rest
    decided_mac     TEXT NOT NULL DEFAULT '', -- a MAC over the statement that decisions has had its row
    remind_at       INTEGER NOT NULL, -- 0 for never; negative if someone has begun to remind
    ends_at         INTEGER NOT NULL,
    taken_until     INTEGER NOT NULL DEFAULT 0 -- a process works on its end until then
);

CREATE INDEX requests_ends ON requests (taken_until, ends_at);
CREATE INDEX requests_reminders ON requests (remind_at) WHERE remind_at > 0;

-- The commands and submitted modals for which a request was about to be posted, for
-- a day: Slack may deliver one to several replicas, and the first posts it. Losing
-- a row can only lead to a second request.
CREATE TABLE asked (
    event      TEXT NOT NULL PRIMARY KEY, -- a hash of what identifies it
    asked_by   TEXT NOT NULL, -- the delivery that came first
    kept_until INTEGER NOT NULL
);

CREATE INDEX asked_kept ON asked (kept_until);

-- The credentials that were ever refused, so that each change is noted once,
-- whichever process sees it first.
CREATE TABLE credentials (
    name       TEXT NOT NULL PRIMARY KEY,
    refused    INTEGER NOT NULL, -- 1 for refused, 0 for accepted again
    refused_at TIMESTAMP NOT NULL,
    mac        TEXT NOT NULL DEFAULT '' -- over the rest, while it is refused
);

-- When this machine was booted, by the wall clock of the first process since:
-- leases go by the time since boot, which no one can set.
CREATE TABLE clock (
    boot      TEXT NOT NULL PRIMARY KEY,
    booted_at INTEGER NOT NULL
);

-- The processes that are alive. They share the key's rate limit, and one that
-- stops knows whether another serves.
CREATE TABLE replicas (
    id         TEXT NOT NULL PRIMARY KEY,
    seen_until INTEGER NOT NULL,
    serving    INTEGER NOT NULL DEFAULT 0
);

-- The keys of earlier bot tokens, for what they signed and is still under way.
-- Each is sealed with a key derived from the current token: this table alone is
-- of no use.
CREATE TABLE signing_keys (
    id         TEXT NOT NULL PRIMARY KEY,
    sealed     TEXT NOT NULL,
    kept_until INTEGER NOT NULL
);

-- The switch of "cancelbot pause": with a row, no click cancels anything.
CREATE TABLE pause (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    paused_at TIMESTAMP NOT NULL,
    note      TEXT NOT NULL
);

-- The organisation of Chamelio whose tasks this journal is about, and the key
-- that it used last: keys of other organisations aren't used.
CREATE TABLE organisation (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    name   TEXT NOT NULL,
    key_id INTEGER NOT NULL
);

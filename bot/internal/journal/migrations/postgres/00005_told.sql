-- +goose Up

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

-- +goose Down
DROP TRIGGER decisions_told_change ON decisions;
DROP TRIGGER decisions_told_delete ON decisions;
DROP TRIGGER decisions_told_truncate ON decisions;
DROP FUNCTION decisions_told_change, decisions_told_delete, decisions_told_truncate;
DROP TABLE retention;

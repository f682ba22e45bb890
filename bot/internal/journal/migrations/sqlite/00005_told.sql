-- +goose Up

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

-- +goose Down
DROP TRIGGER decisions_told_change;
DROP TRIGGER decisions_told_delete;
DROP TABLE retention;

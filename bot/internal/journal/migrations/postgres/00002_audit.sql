-- +goose Up

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
    lease_until     BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX audit_due ON audit (noted_at) WHERE sent_at IS NULL;

-- +goose Down
DROP TABLE audit;

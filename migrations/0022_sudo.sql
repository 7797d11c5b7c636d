-- Whose name an administrator used (sudo). Read from the event itself, so that there is nothing to keep in step and nothing to verify; an event that was
-- damaged by hand names nobody, and `audit verify` says so.
ALTER TABLE audit_event ADD COLUMN on_behalf_id INTEGER GENERATED ALWAYS AS (
    CASE WHEN json_valid(CAST(event AS TEXT)) THEN json_extract(CAST(event AS TEXT), '$.on_behalf.id') END
) VIRTUAL;
CREATE INDEX audit_event_by_behalf ON audit_event (on_behalf_id, seq) WHERE on_behalf_id IS NOT NULL;

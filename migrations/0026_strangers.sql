-- Where a stranger who asked for an account came from, as an authentication code of their neighbourhood (IPv4 /24, IPv6 /48) under the installation's secret:
-- when too many wait, a newcomer takes the place of one of the neighbourhood that has most. No address stands here.
ALTER TABLE registration ADD COLUMN neighbourhood TEXT NOT NULL DEFAULT '';
CREATE INDEX registration_by_neighbourhood ON registration (neighbourhood, id);

-- By whom a mail would be read, so that somebody's go with their account.
ALTER TABLE outgoing_mail ADD COLUMN recipient_key TEXT NOT NULL DEFAULT '';
UPDATE outgoing_mail SET recipient_key = lower(recipient);
CREATE INDEX outgoing_mail_by_recipient ON outgoing_mail (recipient_key);
-- Mails that were given up before this version are looked at once; from then on the job is asked for with each.
INSERT INTO job (kind, key, run_after_ms, created_ms) SELECT 'registration.forget', 'all', MIN(failed_ms), MIN(failed_ms) FROM outgoing_mail
WHERE failed_ms IS NOT NULL HAVING COUNT(*) > 0
ON CONFLICT (kind, key) WHERE claimed_ms IS NULL AND failed_ms IS NULL DO NOTHING;

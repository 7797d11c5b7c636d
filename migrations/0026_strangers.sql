-- Where a stranger who asked for an account came from, as an authentication code of their neighbourhood (IPv4 /24, IPv6 /48) under the installation's secret:
-- when too many wait, a newcomer takes the place of one of the neighbourhood that has most. No address stands here.
ALTER TABLE registration ADD COLUMN neighbourhood TEXT NOT NULL DEFAULT '';
CREATE INDEX registration_by_neighbourhood ON registration (neighbourhood, id);

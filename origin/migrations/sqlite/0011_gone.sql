-- When a snapshot was emptied that nothing may ask for any more. The row stays for the releases that showed it; the same
-- snapshot made again is filled again.
ALTER TABLE snapshots ADD COLUMN gone_ms INTEGER;

-- Labels for the runs of a filled store: each 40th is the best of something, few are final, three are drafts.
BEGIN;
INSERT INTO key (kind, name) SELECT 'tag', 'label' WHERE NOT EXISTS (SELECT 1 FROM key WHERE kind = 'tag' AND name = 'label');
INSERT INTO tag (run_id, key_id, value)
SELECT r.id, k.id, CASE WHEN r.id <= 3 THEN 'draft' WHEN r.id % 4000 = 0 THEN 'final' ELSE 'best' END
FROM run r JOIN key k ON k.kind = 'tag' AND k.name = 'label'
WHERE r.id <= 3 OR r.id % 40 = 0;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);

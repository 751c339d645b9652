-- The record of the incident: written once, never changed. Times are RFC 3339
-- in UTC with nine decimals, so that their text sorts as they do.
PRAGMA application_id = 0x6e63616c; -- "ncal"

CREATE TABLE entry (
    id       TEXT PRIMARY KEY,
    incident TEXT NOT NULL,
    host     TEXT NOT NULL,
    at       TEXT NOT NULL,
    seen     TEXT NOT NULL,
    actor    TEXT NOT NULL,
    cause    TEXT NOT NULL, -- the trigger, which SQL has other plans with
    kind     TEXT NOT NULL,
    v        INTEGER NOT NULL,
    data     BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_order ON entry (seen, id);
CREATE INDEX entry_kind ON entry (kind, seen, id);

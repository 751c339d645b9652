-- The seals of the record: each entry's hash covers the one before it in its
-- journal, so that what was changed or taken out later shows.
ALTER TABLE entry ADD COLUMN journal TEXT NOT NULL DEFAULT ''; -- empty: in no chain
ALTER TABLE entry ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN prev BLOB;
ALTER TABLE entry ADD COLUMN hash BLOB;

-- Each copy of the incident that wrote has a journal; one of them is ours.
CREATE TABLE journal (
    id     TEXT PRIMARY KEY,
    ours   INTEGER NOT NULL,
    number INTEGER NOT NULL, -- of the last entry, 0 for none
    hash   BLOB              -- of the last entry
) STRICT, WITHOUT ROWID;

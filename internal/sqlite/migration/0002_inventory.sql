-- The inventory: how each host was reached, how the last visit ended, and what
-- was read there. Everything but the timeline is overwritten or pruned.
CREATE TABLE scan (
    number   INTEGER PRIMARY KEY, -- in the order they were started
    id       TEXT NOT NULL UNIQUE,
    targets  TEXT NOT NULL,       -- JSON: names in order
    started  TEXT NOT NULL,
    finished TEXT
) STRICT;

CREATE TABLE host (
    name    TEXT PRIMARY KEY,
    access  TEXT NOT NULL, -- JSON
    class   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    scan    TEXT NOT NULL,
    visited TEXT,
    seen    TEXT, -- NULL until it was reached
    took    INTEGER NOT NULL, -- nanoseconds
    root    INTEGER NOT NULL,
    no_root TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX host_scan ON host (scan);

-- A value as it was read, without its date, kept once however many hosts and
-- visits have it.
CREATE TABLE blob (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE, -- SHA-256 of the JSON
    size INTEGER NOT NULL,     -- of the JSON, in bytes
    zip  INTEGER NOT NULL,     -- whether data is compressed (DEFLATE)
    data BLOB NOT NULL
) STRICT;

-- What is known of a host now: each fact from the last visit that could read it.
CREATE TABLE current (
    host  TEXT NOT NULL REFERENCES host (name) ON DELETE CASCADE,
    fact  TEXT NOT NULL,
    state TEXT NOT NULL,
    at    TEXT,
    blob  INTEGER NOT NULL REFERENCES blob (id),
    PRIMARY KEY (host, fact)
) STRICT, WITHOUT ROWID;

CREATE INDEX current_blob ON current (blob);

-- The visits that reached the host, the last few of them.
CREATE TABLE visit (
    number INTEGER PRIMARY KEY, -- in the order they were stored
    host   TEXT NOT NULL REFERENCES host (name) ON DELETE CASCADE,
    scan   TEXT NOT NULL,
    UNIQUE (host, scan)
) STRICT;

CREATE TABLE reading (
    visit INTEGER NOT NULL REFERENCES visit (number) ON DELETE CASCADE,
    fact  TEXT NOT NULL,
    at    TEXT,
    blob  INTEGER NOT NULL REFERENCES blob (id),
    PRIMARY KEY (visit, fact)
) STRICT, WITHOUT ROWID;

CREATE INDEX reading_blob ON reading (blob);

-- A value that nothing refers to any more goes with its last reference.
CREATE TRIGGER reading_deleted AFTER DELETE ON reading BEGIN
    DELETE FROM blob WHERE id = OLD.blob
        AND NOT EXISTS (SELECT 1 FROM reading WHERE blob = OLD.blob)
        AND NOT EXISTS (SELECT 1 FROM current WHERE blob = OLD.blob);
END;

CREATE TRIGGER current_updated AFTER UPDATE OF blob ON current WHEN OLD.blob <> NEW.blob BEGIN
    DELETE FROM blob WHERE id = OLD.blob
        AND NOT EXISTS (SELECT 1 FROM reading WHERE blob = OLD.blob)
        AND NOT EXISTS (SELECT 1 FROM current WHERE blob = OLD.blob);
END;

CREATE TRIGGER current_deleted AFTER DELETE ON current BEGIN
    DELETE FROM blob WHERE id = OLD.blob
        AND NOT EXISTS (SELECT 1 FROM reading WHERE blob = OLD.blob)
        AND NOT EXISTS (SELECT 1 FROM current WHERE blob = OLD.blob);
END;

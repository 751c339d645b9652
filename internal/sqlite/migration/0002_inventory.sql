-- The inventory: how each host was reached, how the last visit ended, and what
-- was read there. Everything but the timeline is overwritten or pruned.
CREATE TABLE scan (
    number   INTEGER PRIMARY KEY, -- in the order they were started
    id       TEXT NOT NULL UNIQUE,
    targets  TEXT NOT NULL,       -- JSON: names in order
    started  TEXT NOT NULL,
    finished TEXT
) STRICT;

-- Facts are kept as one document: DEFLATE of a JSON object whose members are the
-- facts by name, each as it was observed.
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
    no_root TEXT NOT NULL,
    members TEXT, -- names of the facts, with spaces between them
    facts   BLOB  -- what is known now: each fact from the last visit that could read it
) STRICT;

CREATE INDEX host_scan ON host (scan, name);

-- The visits that reached the host, the last few of them.
CREATE TABLE visit (
    number INTEGER PRIMARY KEY, -- in the order they were stored
    host   TEXT NOT NULL REFERENCES host (name) ON DELETE CASCADE,
    scan   TEXT NOT NULL,
    facts  BLOB NOT NULL, -- what it read
    UNIQUE (host, scan)
) STRICT;

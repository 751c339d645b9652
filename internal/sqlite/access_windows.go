package sqlite

// access knows nothing here: SQLite's own word has to do.
func access(string) error { return nil }

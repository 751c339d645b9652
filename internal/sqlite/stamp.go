package sqlite

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// stampLayout is as long for every time, so that texts sort as times do.
const stampLayout = "2006-01-02T15:04:05.000000000Z"

// A stamp is a time in a column: text in UTC, NULL for the zero time.
type stamp struct{ time.Time }

// Value writes the time for the database.
func (s stamp) Value() (driver.Value, error) {
	if s.IsZero() {
		return nil, nil
	}
	utc := s.UTC()
	if utc.Year() < 0 || utc.Year() > 9999 {
		return nil, fmt.Errorf("the year %d cannot be stored", utc.Year())
	}
	return utc.Format(stampLayout), nil
}

// Scan reads the time from the database.
func (s *stamp) Scan(value any) error {
	if value == nil {
		s.Time = time.Time{}
		return nil
	}
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%w: a time is stored as %T", ErrCorrupt, value)
	}
	t, err := time.Parse(stampLayout, text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	s.Time = t
	return nil
}

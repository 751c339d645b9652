package shell

import (
	"context"
	"sync"
	"time"
)

// Sessions are those open on one connection. How many a server allows at once
// (MaxSessions: 10 by default, 1 on careful bastions) it tells only by refusing
// one.
type Sessions struct {
	mu     sync.Mutex
	open   int
	worked bool // it has opened one
}

// Start calls start. Where its error is a server's that has no room for one more
// session, it waits for one of ours to end and calls it again.
func (s *Sessions) Start(ctx context.Context, start func() (Process, error), noRoom func(error) bool) (Process, error) {
	refusals := 0
	for {
		p, err := start()
		if err == nil {
			return p, nil
		}
		if !noRoom(err) || !s.wait(ctx, &refusals) {
			return nil, err
		}
	}
}

// Opened notes that the server opened one.
func (s *Sessions) Opened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	s.worked = true
}

// Ended notes that one has ended here; the server may be a moment behind.
func (s *Sessions) Ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// roomPause is how long to wait before a server that has no room is asked again.
const roomPause = 50 * time.Millisecond

// How often a server may have no room while none of ours is open: it may be
// behind with one that has ended here, and one that never opened any will not.
const (
	maxBehind = 100
	maxNever  = 10
)

// wait is for after a refusal; refusals counts those that came while none of ours
// was open. It reports whether to ask again.
func (s *Sessions) wait(ctx context.Context, refusals *int) bool {
	s.mu.Lock()
	open, worked := s.open, s.worked
	s.mu.Unlock()
	if open == 0 {
		*refusals++
	}
	if *refusals > maxBehind || !worked && *refusals > maxNever {
		return false
	}
	select {
	case <-time.After(roomPause):
		return true
	case <-ctx.Done():
		return false
	}
}

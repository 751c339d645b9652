package cli

import (
	"io"
	"sync"
)

// An answer is standard output. It keeps the first error of writing there, so that
// a command whose words got lost does not end as if it were done.
type answer struct {
	out io.Writer
	mu  sync.Mutex
	err error
}

func (a *answer) Write(p []byte) (int, error) {
	n, err := a.out.Write(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
	}
	return n, err
}

// lost is the error of the first write that failed.
func (a *answer) lost() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

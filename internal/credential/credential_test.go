package credential_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/credential"
)

// A book writes down what a ledger is told.
type book struct {
	mu    sync.Mutex
	lines []string
	full  error
}

func (b *book) Begin(_ context.Context, host string) error {
	b.write("begin " + host)
	return b.full
}

func (b *book) End(_ context.Context, host string, accepted bool) {
	b.write(fmt.Sprint("end ", host, " ", accepted))
}

func (b *book) write(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
}

func always(password string, asked *int) credential.Ask {
	return func(context.Context, string) (string, error) {
		*asked++
		return password, nil
	}
}

// Only the first use is counted: a password that is proved cannot lock anybody
// out.
func TestAProvedPasswordIsNotCounted(t *testing.T) {
	t.Parallel()
	var asked int
	ledger := &book{}
	c := credential.New("Password", always("right", &asked), ledger)
	for _, host := range []string{"web1", "web2", "web3"} {
		trial, err := c.Try(t.Context(), host)
		if err != nil || trial.Value != "right" {
			t.Fatalf("%s: %q, %v", host, trial.Value, err)
		}
		trial.Accepted()
	}
	if want := []string{"begin web1", "end web1 true"}; asked != 1 || !slices.Equal(ledger.lines, want) {
		t.Errorf("asked %d times, ledger %q, want %q", asked, ledger.lines, want)
	}
}

func TestARefusedPasswordGoesNoFurther(t *testing.T) {
	t.Parallel()
	var asked int
	ledger := &book{}
	c := credential.New("Password", always("wrong", &asked), ledger)
	trial, err := c.Try(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	others := make(chan error)
	for range 5 { // they wait for web1
		go func() {
			_, err := c.Try(t.Context(), "other")
			others <- err
		}()
	}
	trial.Refused()
	for range 5 {
		if err := <-others; !errors.Is(err, credential.ErrRefused) {
			t.Errorf("err = %v, want ErrRefused", err)
		}
	}
	if want := []string{"begin web1", "end web1 false"}; !slices.Equal(ledger.lines, want) {
		t.Errorf("ledger %q, want %q", ledger.lines, want)
	}
}

// A host that went silent after it was sent the password leaves the attempt
// open in the ledger, and the next host gets its turn.
func TestAnUntoldTrialPassesTheTurn(t *testing.T) {
	t.Parallel()
	var asked int
	ledger := &book{}
	c := credential.New("Password", always("right", &asked), ledger)
	first, err := c.Try(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	first.Untold()
	second, err := c.Try(t.Context(), "web2")
	if err != nil || second.Value != "right" || asked != 1 {
		t.Fatalf("%q, asked %d times, %v", second.Value, asked, err)
	}
	second.Accepted()
	if want := []string{"begin web1", "begin web2", "end web2 true"}; !slices.Equal(ledger.lines, want) {
		t.Errorf("ledger %q, want %q", ledger.lines, want)
	}
}

func TestASpentAccountIsNotTried(t *testing.T) {
	t.Parallel()
	var asked int
	spent := errors.New("spent")
	c := credential.New("Password", always("right", &asked), &book{full: spent})
	for range 2 { // the turn comes back
		if trial, err := c.Try(t.Context(), "web1"); !errors.Is(err, spent) || trial.Value != "" {
			t.Errorf("%q, err = %v, want %v", trial.Value, err, spent)
		}
	}
}

func TestNoPasswordGiven(t *testing.T) {
	t.Parallel()
	var asked int
	ledger := &book{}
	c := credential.New("Password", always("", &asked), ledger)
	for range 2 {
		if trial, err := c.Try(t.Context(), "web1"); err != nil || trial.Value != "" {
			t.Errorf("%q, %v", trial.Value, err)
		}
	}
	if asked != 1 || len(ledger.lines) != 0 {
		t.Errorf("asked %d times, ledger %q", asked, ledger.lines)
	}
}

// What was asked for ahead is not asked for again, and is as unproved as before.
func TestReadyAsksOnceAndAhead(t *testing.T) {
	t.Parallel()
	var asked int
	ledger := &book{}
	c := credential.New("Password", always("right", &asked), ledger)
	for range 2 {
		if err := c.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 || len(ledger.lines) > 0 {
		t.Errorf("asked %d times, ledger %q", asked, ledger.lines)
	}
	trial, err := c.Try(t.Context(), "web1")
	if err != nil || trial.Value != "right" {
		t.Fatalf("%q, %v", trial.Value, err)
	}
	trial.Accepted()
	if want := []string{"begin web1", "end web1 true"}; asked != 1 || !slices.Equal(ledger.lines, want) {
		t.Errorf("asked %d times, ledger %q, want %q", asked, ledger.lines, want)
	}
}

package ssh

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// Answers replies to what a server asks for beside keys, in one login by either
// wire: the password, once, and what a person says to the rest.
type Answers struct {
	Hop    Hop
	Secret *credential.Credential // nil when there is no password
	Ask    credential.Ask         // for what is no password; nil when nobody is there to answer
	Busy   func(bool)             // hears while a person may be typing

	trial   *credential.Trial
	stopped error // why a password was not even sent
}

// Password hands out the password, once a login: sshd's password and
// keyboard-interactive are two doors to the same lock.
func (a *Answers) Password(ctx context.Context) (string, error) {
	if a.Secret == nil {
		return "", fmt.Errorf("%w: it also wants a password; -k asks for one", host.ErrAuth)
	}
	if a.trial != nil {
		return "", fmt.Errorf("%w: the password was refused", host.ErrAuth)
	}
	a.Busy(true)
	defer a.Busy(false)
	t, err := a.Secret.Try(ctx, a.Hop.Alias)
	if err != nil {
		a.stopped = fmt.Errorf("%w: %w", host.ErrAuth, err)
		return "", a.stopped
	}
	if t.Value == "" {
		return "", fmt.Errorf("%w: no password was given; -k asks for it again", host.ErrAuth)
	}
	a.trial = &t
	return t.Value, nil
}

// oneTime matches questions for what is typed in once and worth nothing after.
var oneTime = regexp.MustCompile(`(?i)code|token|\botp\b|one[- ]time|verif|challenge|\bpin\b|2fa|factor|yubi|duo`)

// Question replies to one question of keyboard-interactive. The password answers
// those that hide their answer and ask for nothing that is good only once:
// languages differ in their word for it, and no other question hides its answer.
func (a *Answers) Question(ctx context.Context, text string, echo bool) (string, error) {
	if !echo && !oneTime.MatchString(text) {
		return a.Password(ctx)
	}
	return a.person(ctx, text)
}

// maxQuestion bounds what a host may ask, in runes.
const maxQuestion = 80

// person passes a question on. It comes from the host: it is named as such and
// bounded.
func (a *Answers) person(ctx context.Context, question string) (string, error) {
	question = plain.Clip(question, maxQuestion)
	if a.Ask == nil {
		return "", fmt.Errorf("%w: it asks %q, and nobody is there to answer", host.ErrAuth, question)
	}
	a.Busy(true)
	defer a.Busy(false)
	answer, err := a.Ask(ctx, a.Hop.Alias+" asks: "+strings.TrimRight(question, ": "))
	if errors.Is(err, credential.ErrNone) {
		return "", fmt.Errorf("%w: it asks %q, and %w; the same command asks again", host.ErrAuth, question, credential.ErrNone)
	}
	if err != nil {
		return "", fmt.Errorf("%w: it asks %q: %w", host.ErrAuth, question, err)
	}
	return answer, nil
}

// Settle tells the credential how the login went.
func (a *Answers) Settle(err error) {
	if a.trial == nil {
		return
	}
	switch {
	case err == nil:
		a.trial.Accepted()
	case isAuthFailure(err):
		a.trial.Refused()
	default:
		a.trial.Untold()
	}
}

// isAuthFailure also recognises the library's error for "every method was tried".
func isAuthFailure(err error) bool {
	return errors.Is(err, host.ErrAuth) || strings.Contains(err.Error(), "unable to authenticate")
}

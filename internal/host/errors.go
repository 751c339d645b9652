package host

import (
	"context"
	"errors"
	"strings"
)

// Why a host could not be asked. Wires wrap exactly one of these, so that a
// caller branches with errors.Is and a person still reads the cause.
var (
	// ErrUnreachable: no TCP connection, or the name does not resolve.
	ErrUnreachable = errors.New("unreachable")
	// ErrAuth: every way to log in that we have was refused.
	ErrAuth = errors.New("authentication failed")
	// ErrHostKey: the host's key is unknown and was not accepted, or it changed.
	ErrHostKey = errors.New("host key not trusted")
	// ErrSudo: root was required and could not be had.
	ErrSudo = errors.New("no root")
	// ErrTimeout: a deadline of ours passed.
	ErrTimeout = errors.New("timed out")
	// ErrRefused: the host answered and would not serve us (no shell, no common
	// algorithm, connection refused by policy, not an SSH server).
	ErrRefused = errors.New("refused")
	// ErrLost: the link broke in the middle.
	ErrLost = errors.New("connection lost")
	// ErrReadOnly: a change was asked of a Host that [ReadOnly] made.
	ErrReadOnly = errors.New("this host is open for looking only")
)

// A Class is how a visit to a host ended, in one word.
type Class string

// The classes, from best to worst for the responder.
const (
	ClassOK          Class = "ok"          // everything asked was answered
	ClassPartial     Class = "partial"     // something asked was not
	ClassSudo        Class = "sudo"        // root was required and refused
	ClassTimeout     Class = "timeout"     // a deadline passed
	ClassRefused     Class = "refused"     // reached, but it would not serve us
	ClassAuth        Class = "auth"        // no way to log in
	ClassHostKey     Class = "hostkey"     // key unknown and not accepted, or changed
	ClassUnreachable Class = "unreachable" // no connection
)

// Classes lists every class, in the order reports show them.
var Classes = []Class{
	ClassOK, ClassPartial, ClassSudo, ClassTimeout, ClassRefused,
	ClassAuth, ClassHostKey, ClassUnreachable,
}

// Reached reports whether the host let us look at it at all.
func (c Class) Reached() bool { return c == ClassOK || c == ClassPartial }

// Reason is the text of err without the sentinel in front, which the class says
// already. err must not be nil.
func Reason(err error) string {
	text := err.Error()
	for _, sentinel := range []error{ErrUnreachable, ErrAuth, ErrHostKey, ErrSudo, ErrTimeout, ErrRefused, ErrLost} {
		if rest, ok := strings.CutPrefix(text, sentinel.Error()); ok && rest != "" {
			return strings.TrimLeft(rest, ": ")
		}
	}
	return text
}

// Classify returns the class of a visit that ended with err: ok for nil, timeout also
// for a context's deadline, and unreachable for an error that wraps none of the
// sentinels.
func Classify(err error) Class {
	switch {
	case err == nil:
		return ClassOK
	case errors.Is(err, ErrHostKey):
		return ClassHostKey
	case errors.Is(err, ErrAuth):
		return ClassAuth
	case errors.Is(err, ErrSudo):
		return ClassSudo
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return ClassTimeout
	case errors.Is(err, ErrRefused):
		return ClassRefused
	case errors.Is(err, ErrLost):
		return ClassPartial
	default:
		return ClassUnreachable
	}
}

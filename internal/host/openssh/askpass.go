//go:build unix

package openssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// askpassProgram passes a question of ssh's on and prints the answer. What wants
// none is only news of a key in hardware; other kinds of question have no answer.
const askpassProgram = `#!/bin/sh
cd %s || exit
case $SSH_ASKPASS_PROMPT in
"") ;;
none) exit 0 ;;
*) exit 1 ;;
esac
printf '%%s\0' "$1" >` + questionFile + `
exec head -n 1 ` + answerFile + `
`

// An askpass answers what ssh asks while it logs in. ssh runs a program of ours,
// which reads a named pipe; an answer is never an argument, a variable or a file.
type askpass struct {
	questions, answers *os.File
	given              ssh.Answers
	pin                *credential.Trial // of a token, once it was given
	done               chan struct{}
	err                error // why an answer was not given
}

// noAnswers is for a login in which nothing is asked.
var noAnswers *askpass

// newAskpass makes the program and the pipes.
func newAskpass(dir string) (*askpass, error) {
	program := fmt.Sprintf(askpassProgram, host.Quote(dir))
	a := &askpass{done: make(chan struct{})}
	err := os.WriteFile(filepath.Join(dir, askpassFile), []byte(program), 0o700)
	if err == nil {
		a.questions, err = newPipe(filepath.Join(dir, questionFile))
	}
	if err == nil {
		a.answers, err = newPipe(filepath.Join(dir, answerFile))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: the way for answers: %w", host.ErrRefused, err), a.close())
	}
	return a, nil
}

// newPipe makes a named pipe and holds both its ends: so it opens without another
// and stays open between questions.
func newPipe(path string) (*os.File, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}

// askpassEnv is the environment in which ssh asks the program, old versions too.
func askpassEnv(dir string) []string {
	return append(os.Environ(), "SSH_ASKPASS="+filepath.Join(dir, askpassFile), "SSH_ASKPASS_REQUIRE=force", "DISPLAY=none:0")
}

// The most a server may ask in one login, and the longest question, in bytes.
const (
	maxQuestions = 10
	maxQuestion  = 4 << 10
)

// serve answers questions until the login is over.
func (a *askpass) serve(ctx context.Context, r *run) {
	if a == nil {
		return
	}
	l := r.login
	a.given = ssh.Answers{Hop: l.hop, Secret: l.secret, Ask: l.dialer.Ask, Busy: r.pause}
	go func() {
		defer close(a.done)
		questions := bufio.NewReaderSize(a.questions, maxQuestion)
		for n := 0; a.err == nil; n++ {
			question, err := questions.ReadSlice(0)
			switch {
			case errors.Is(err, os.ErrClosed):
				return // the login is over
			case err != nil:
				a.err = fmt.Errorf("%w: it asks what is too long: %w", host.ErrAuth, err)
			case n == maxQuestions:
				a.err = fmt.Errorf("%w: it asks without end", host.ErrAuth)
			default:
				a.err = a.answer(ctx, l, string(question[:len(question)-1]))
			}
		}
		_ = r.line.Close() // an answer that only ends would be tried as an empty password
		<-r.gone
	}()
}

// answer gives one answer. ssh does not tell whether it would be shown.
func (a *askpass) answer(ctx context.Context, l *login, question string) (err error) {
	var text string
	switch l.trial {
	case "": // only keys are tried: it is ssh that asks, and no server
		text, err = a.unlock(ctx, l, question)
	case "password": // asked for in ssh's own words
		text, err = a.given.Password(ctx)
	default:
		text, err = a.given.Question(ctx, strings.TrimPrefix(question, "("+l.hop.User+"@"+l.keyName()+") "), false)
	}
	if err != nil {
		return err
	}
	_, err = a.answers.WriteString(text + "\n")
	return err
}

// unlock gives the PIN of a token. A few wrong ones lock it for good, so it is asked
// for once, and tried for one host before the others.
func (a *askpass) unlock(ctx context.Context, l *login, question string) (string, error) {
	if !strings.HasPrefix(question, "Enter PIN for ") {
		return "", fmt.Errorf("%w: ssh asks %q; ssh-add answers that for every host", host.ErrAuth, word.OneLine(question))
	}
	if a.pin != nil {
		return "", fmt.Errorf("%w: %w", host.ErrAuth, errPIN)
	}
	a.given.Busy(true)
	defer a.given.Busy(false)
	trial, err := l.dialer.pin(question).Try(ctx, l.hop.Alias)
	if errors.Is(err, credential.ErrRefused) {
		return "", fmt.Errorf("%w: %w for another host, so it is not tried again", host.ErrAuth, errPIN)
	}
	if err != nil {
		return "", fmt.Errorf("%w: PIN of the token: %w", host.ErrAuth, err)
	}
	if trial.Value == "" {
		return "", fmt.Errorf("%w: no PIN was given for the token; the same command asks again", host.ErrAuth)
	}
	a.pin = &trial
	return trial.Value, nil
}

// settle ends the answering and tells the credential how the login went.
func (a *askpass) settle(err error) error {
	if a == nil {
		return err
	}
	_ = a.questions.Close()
	<-a.done
	_ = a.answers.Close()
	a.given.Settle(err)
	a.settlePIN(err)
	if a.err != nil {
		return a.err
	}
	return err
}

func (a *askpass) settlePIN(err error) {
	switch {
	case a.pin == nil:
	case errors.Is(err, errPIN):
		a.pin.Refused()
	case err == nil:
		a.pin.Accepted()
	default: // it may have been right, and the key not
		a.pin.Untold()
	}
}

// close ends what was never served.
func (a *askpass) close() error {
	if a == nil {
		return nil
	}
	var errs []error
	for _, pipe := range []*os.File{a.questions, a.answers} {
		if pipe != nil {
			errs = append(errs, pipe.Close())
		}
	}
	return errors.Join(errs...)
}

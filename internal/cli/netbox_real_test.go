//go:build netbox

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// theNetBox is the one real NetBox of the scripts. A script has it for itself from
// its first `netbox up` to its end.
var theNetBox struct {
	mine    sync.Mutex
	started atomic.Bool
	url     string
	token   string       // of the administrator
	pid     atomic.Int64 // also read by proxies
	log     string
}

// netboxCommand runs scripts/netbox for the instance that NIGHTCALL_NETBOX_ID names.
func netboxCommand(verb string) (string, error) {
	cmd := exec.Command("../../scripts/netbox", verb)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/netbox %s: %w\n%s", verb, err, said.String())
	}
	return string(out), nil
}

// A realNetBox is theNetBox while a script has it.
type realNetBox struct{}

func emptyNetBox() (testNetBox, error) {
	theNetBox.mine.Lock()
	if _, _, err := (realNetBox{}).start(); err != nil {
		theNetBox.mine.Unlock()
		return nil, err
	}
	_, err := netboxCommand("reset")
	return realNetBox{}, err
}

func (realNetBox) leave() { theNetBox.mine.Unlock() }

// start starts the server, or what of it has died.
func (realNetBox) start() (url, adminToken string, err error) {
	theNetBox.started.Store(true)
	out, err := netboxCommand("up")
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "url":
			theNetBox.url = value
		case "token":
			theNetBox.token = value
		case "log":
			theNetBox.log = value
		case "pid":
			pid, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return "", "", fmt.Errorf("scripts/netbox up: pid: %w", err)
			}
			theNetBox.pid.Store(pid)
		}
	}
	return theNetBox.url, theNetBox.token, nil
}

func (realNetBox) requests() (string, error) {
	text, err := os.ReadFile(theNetBox.log)
	return string(text), errors.Join(err, os.Truncate(theNetBox.log, 0))
}

func stopNetBox() {
	if theNetBox.started.Load() {
		_, _ = netboxCommand("down")
	}
}

// kill ends the web server and its workers as a crash would.
func (realNetBox) kill() {
	group, err := syscall.Getpgid(int(theNetBox.pid.Load()))
	if err != nil || group == syscall.Getpgrp() {
		return
	}
	if err := syscall.Kill(-group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		panic(err)
	}
}

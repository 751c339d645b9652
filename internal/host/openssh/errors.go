package openssh

import "errors"

// ErrNoClient is wrapped where this machine has no ssh that this wire can use.
var ErrNoClient = errors.New("there is no OpenSSH client on this machine to reach it with")

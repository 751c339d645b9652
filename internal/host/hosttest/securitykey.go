package hosttest

import (
	"bytes"
	_ "embed" // the source of the security key
	"fmt"
	"os"
	"os/exec"
)

//go:embed testdata/securitykey.c
var securityKey []byte

// BuildSecurityKey compiles a security key in software as a library, which
// ssh-keygen, ssh and ssh-agent load as the provider of keys in hardware.
func BuildSecurityKey(library string) error {
	source := library + ".c"
	if err := os.WriteFile(source, securityKey, 0o600); err != nil {
		return err
	}
	if out, err := exec.Command("gcc", "-Wall", "-shared", "-fPIC", "-o", library, source, "-lcrypto").CombinedOutput(); err != nil {
		return fmt.Errorf("security key: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

//go:build linux

package openssh_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// TestRootOnATerminal gets root where the way to it takes a terminal, or learns
// that the server gives none.
func TestRootOnATerminal(t *testing.T) {
	t.Parallel()
	const password, rootPassword = "correct horse! it's $HOME", "battery staple"
	for name, tt := range map[string]struct {
		sshd     []string
		become   shell.Become
		password string
		how      string
		noRoot   string
	}{
		"requiretty":              {password: password, how: "sudo with a password, on a terminal"},
		"requiretty, one session": {sshd: []string{"MaxSessions 1"}, password: password, how: "sudo with a password, on a terminal"},
		"requiretty, no terminal": {sshd: []string{"PermitTTY no"}, password: password, noRoot: "it gives no terminal"},
		"su":                      {become: shell.BecomeSu, password: rootPassword, how: "su with a password, on a terminal"},
		"doas":                    {become: shell.BecomeDoas, password: password, how: "doas with a password, on a terminal"},
		"su, on an old server":    {sshd: []string{"Ciphers aes256-cbc"}, become: shell.BecomeSu, password: rootPassword, how: "su with a password, on a terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.StartMachine(t, hosttest.Setup{
				Accounts: []hosttest.Account{{Name: "kim", Password: password}, {Name: "root", Password: rootPassword}},
				Files: map[string]string{
					"/etc/sudoers":   "Defaults requiretty\nkim ALL=(ALL:ALL) ALL\n",
					"/etc/doas.conf": "permit kim\n",
				},
				SSHD: tt.sshd,
			})
			hop := hopTo(&m.SSHD)
			hop.User = "kim"
			var bytes strings.Builder
			for i := range 256 {
				bytes.WriteByte(byte(i))
			}
			v, err := shell.Run(t.Context(), dial(t, newDialer(t), hop), []shell.Section{
				{Name: "who", Body: "id -un"},
				{Name: "fed", Body: "cat", Stdin: []byte(bytes.String())},
			}, shell.Options{
				Root: shell.RootTry, Become: tt.become, Now: time.Now,
				Password: func(context.Context) (shell.Attempt, error) { return shell.Attempt{Password: tt.password}, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			if v.How != tt.how || !strings.Contains(v.NoRoot, tt.noRoot) || tt.noRoot == "" && v.NoRoot != "" {
				t.Errorf("how = %q, no root = %q; want %q, %q", v.How, v.NoRoot, tt.how, tt.noRoot)
			}
			who := "kim"
			if tt.how != "" {
				who = "root"
			}
			if len(v.Answers) != 2 || strings.TrimSpace(string(v.Answers[0].Stdout)) != who || string(v.Answers[1].Stdout) != bytes.String() {
				t.Errorf("answers = %+v", v.Answers)
			}
		})
	}
}

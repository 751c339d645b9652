package ssh

import (
	"fmt"
	"regexp"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// appliances are servers without a POSIX shell, by what they greet with. What
// speaks OpenSSH or Dropbear may have one and is asked.
var appliances = []struct {
	what    string
	version *regexp.Regexp
}{
	{"Windows", regexp.MustCompile(`OpenSSH_for_Windows|WinSSHD|WeOnlyDo|^SSH-[0-9.]+-(?:xlightftpd|CerberusFTPServer|FreSSH)`)},
	{"Cisco", regexp.MustCompile(`^SSH-[0-9.]+-(?:Cisco|CISCO_WLC)`)},
	{"MikroTik RouterOS", regexp.MustCompile(`^SSH-[0-9.]+-ROSSSH`)},
	{"Huawei", regexp.MustCompile(`^SSH-[0-9.]+-(?:HUAWEI|VRP)-`)},
	{"H3C or HP Comware", regexp.MustCompile(`^SSH-[0-9.]+-(?:Comware|H3C)`)},
	{"HP or Aruba switch, or another with Allegro's or Mocana's server", regexp.MustCompile(`^SSH-[0-9.]+-(?:RomSShell|Mocana)`)},
	{"HP iLO", regexp.MustCompile(`^SSH-[0-9.]+-mpSSH`)},
	{"Juniper ScreenOS", regexp.MustCompile(`^SSH-[0-9.]+-NetScreen`)},
	{"Fortinet", regexp.MustCompile(`^SSH-[0-9.]+-Forti`)},
	{"Zyxel", regexp.MustCompile(`^SSH-[0-9.]+-Zyxel`)},
	{"LANCOM", regexp.MustCompile(`^SSH-[0-9.]+-lancom`)},
	{"APC or another device with cryptlib", regexp.MustCompile(`^SSH-[0-9.]+-cryptlib`)},
	{"a Java program with its own SSH server", regexp.MustCompile(`^SSH-[0-9.]+-(?:SSHD-CORE|APACHE-SSHD|GerritCodeReview)`)},
	{"a Git server", regexp.MustCompile(`^SSH-[0-9.]+-(?:GitLab-SSHD|babeld)`)},
	{"a file transfer service", regexp.MustCompile(`^SSH-[0-9.]+-(?:AWS_SFTP|mod_sftp|ProFTPD|GlobalScape|JSCAPE|CompleteFTP)`)},
}

// Appliance names what greets with this version line, or is empty.
func Appliance(version string) string {
	for _, a := range appliances {
		if a.version.MatchString(version) {
			return a.what
		}
	}
	return ""
}

// An ApplianceError says that a host has no shell to ask. Nobody logs in there:
// it is listed as what it is.
type ApplianceError struct {
	What   string
	Server string // the version line it greets with
	Key    inventory.HostKey
	Wire   string // the wire that met it
}

func (e *ApplianceError) Error() string {
	return fmt.Sprintf("it is %s (%s): it has no POSIX shell and was left alone", e.What, plain.Clip(e.Server, 120))
}

func (e *ApplianceError) Unwrap() error { return host.ErrRefused }

// Describe completes what is known of the way to the host.
func (e *ApplianceError) Describe(a inventory.Access) inventory.Access {
	a.Wire, a.Server, a.HostKeys = e.Wire, e.Server, []inventory.HostKey{e.Key}
	return a
}

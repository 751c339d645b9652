package ssh

import "testing"

func TestAppliance(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"SSH-2.0-OpenSSH_for_Windows_8.1":                            "Windows",
		"SSH-2.0-8.49 FlowSsh: Bitvise SSH Server (WinSSHD) 8.49: x": "Windows",
		"SSH-2.0-Cisco-1.25":                                         "Cisco",
		"SSH-1.99-Cisco-1.25":                                        "Cisco",
		"SSH-2.0-ROSSSH":                                             "MikroTik RouterOS",
		"SSH-2.0-HUAWEI-1.5":                                         "Huawei",
		"SSH-2.0-mpSSH_0.2.1":                                        "HP iLO",
		"SSH-2.0-Mocana SSH 6.3":                                     "HP or Aruba switch, or another with Allegro's or Mocana's server",
		"SSH-2.0-SSHD-CORE-1.6.0":                                    "a Java program with its own SSH server",
		"SSH-2.0-OpenSSH_3.9p1":                                      "",
		"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7":                     "",
		"SSH-2.0-dropbear_2022.83":                                   "",
		"SSH-2.0-Go":                                                 "",
		"":                                                           "",
	} {
		if got := Appliance(version); got != want {
			t.Errorf("%q is %q, want %q", version, got, want)
		}
	}
}

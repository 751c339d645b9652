package fact

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

func certsFact() Fact {
	return define("certs", "certificates of services", Probe{Script: certsScript, Timeout: 10 * time.Second},
		func(s *Set) *Observed[[]Cert] { return &s.Certs }, parseCerts)
}

// certsScript prints whole certificates, and only those, of the files where
// services keep them: a key behind a certificate that was cut off stays where it
// is. Files with more than eight are bundles of authorities, and left out.
// Reading stops after 20000 lines.
const certsScript = `set --
for f in /etc/letsencrypt/live/*/cert.pem /etc/nginx/*.crt /etc/nginx/*.pem /etc/nginx/*/*.crt /etc/nginx/*/*.pem /etc/nginx/*/*.cer \
/etc/haproxy/*.pem /etc/haproxy/*/*.pem /etc/haproxy/*/*.crt /etc/apache2/*.crt /etc/apache2/*/*.crt /etc/apache2/*/*.pem \
/etc/httpd/*/*.crt /etc/httpd/*/*.pem /etc/httpd/conf/ssl.crt/* /etc/pki/tls/certs/*.crt /etc/pki/tls/certs/*.pem /etc/pki/nginx/*.crt \
/etc/pki/dovecot/certs/*.pem /etc/ssl/*.pem /etc/ssl/*.crt /etc/ssl/certs/ssl-cert-*.pem /etc/ssl/localcerts/* /etc/ssl/private/*.pem \
/etc/ssl/private/*.crt /etc/postfix/*.pem /etc/postfix/*.crt /etc/postfix/*/*.pem /etc/postfix/*/*.crt /etc/exim4/exim.crt \
/etc/dovecot/*.pem /etc/dovecot/*/*.pem /etc/mysql/*.pem /etc/mysql/*/*.pem /var/lib/mysql/*.pem /etc/postgresql/*/*/*.crt \
/var/lib/postgresql/*/*/server.crt /var/lib/pgsql/data/server.crt /var/lib/pgsql/*/data/server.crt /etc/redis/*.crt /etc/redis/*/*.crt \
/etc/kubernetes/pki/*.crt /etc/kubernetes/pki/*/*.crt /var/lib/kubelet/pki/*.crt /etc/etcd/*.crt /etc/elasticsearch/*/*.crt \
/etc/gitlab/ssl/*.crt /etc/docker/*.pem /etc/tomcat*/*.crt /etc/stunnel/*.pem /etc/openvpn/*.crt /etc/ldap/*.crt /etc/openldap/certs/*.crt \
/usr/local/etc/nginx/*.crt /usr/local/etc/nginx/*/*.crt /usr/local/etc/haproxy/*.pem /usr/local/etc/ssl/*.crt; do
[ -f "$f" ] && [ -r "$f" ] || continue
case $f in *ca-bundle*|*ca-certificates*|*privkey*|/etc/ssl/cert.pem) continue ;; esac
set -- "$@" "$f"; [ $# -ge 200 ] && break
done
[ $# -lt 200 ] || echo "more files"
[ $# -eq 0 ] || awk 'function tell() {if (inside) all=all block; if (n <= 8) printf "%s", all; n=0; all=""; inside=0}
FNR==1 {tell()} 20000 < NR {cut=1; exit} /-----BEGIN/ {if (inside) all=all block; inside=0}
/^-----BEGIN CERTIFICATE-----/ {inside=1; lines=0; block="file " FILENAME "\n-----BEGIN CERTIFICATE-----\n"}
inside && /^[A-Za-z0-9+\/=]+\r?$/ && ++lines <= 400 {block=block $0 "\n"}
/-----END/ {if (inside && ++n <= 8) all=all block "-----END CERTIFICATE-----\n"; inside=0}
END {tell(); if (cut) print "more lines"}' "$@"`

// parseCerts reads what the script printed; a block that does not parse is
// counted, not hidden.
func parseCerts(r Raw) Observed[[]Cert] {
	certs, broken := []Cert{}, 0
	for _, part := range strings.Split("\n"+r.Out, "\nfile ")[1:] {
		path, block, _ := strings.Cut(part, "\n")
		cert, err := parseCert(clean(path), []byte(block))
		switch {
		case err != nil:
			broken++
		case len(certs) < maxItems:
			certs = append(certs, cert)
		}
	}
	if reason := certsMissing(r, broken); reason != "" {
		return partly(certs, "files", reason)
	}
	return found(certs, "files")
}

// certsMissing says what could not be read, or nothing.
func certsMissing(r Raw, broken int) string {
	var missing []string
	if r.Exit != 0 {
		missing = append(missing, fmt.Sprintf("awk ended with status %d", r.Exit))
	}
	if broken > 0 {
		missing = append(missing, fmt.Sprintf("certificates that could not be read: %d", broken))
	}
	if strings.Contains("\n"+r.Out, "\nmore ") {
		missing = append(missing, "there are more files than are read")
	}
	if !r.Root {
		missing = append(missing, "without root, only files that everybody may read")
	}
	return strings.Join(missing, "; ")
}

func parseCert(path string, text []byte) (Cert, error) {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil {
		return Cert{}, fmt.Errorf("%s: no PEM block", path)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return Cert{}, fmt.Errorf("%s: %w", path, err)
	}
	out := Cert{
		Path: path, Subject: clean(c.Subject.String()), Issuer: clean(c.Issuer.String()),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), CA: c.IsCA,
		SelfMade: bytes.Equal(c.RawSubject, c.RawIssuer),
	}
	for _, name := range c.DNSNames[:min(len(c.DNSNames), 100)] {
		out.Names = append(out.Names, clean(name))
	}
	return out, nil
}

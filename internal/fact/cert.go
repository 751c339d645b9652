package fact

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// A Cert is an X.509 certificate found in a service's configuration directory.
type Cert struct {
	Path      string    `json:"path"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	CA        bool      `json:"ca"`
	SelfMade  bool      `json:"self_made"` // issuer and subject are the same
}

// Key names the item in its list.
func (c Cert) Key() string { return c.Path + " " + c.Subject }

func certsFact() Fact {
	return define("certs", "certificates of services", Probe{Script: certsScript, Timeout: 10 * time.Second},
		func(s *Set) *Observed[[]Cert] { return &s.Certs }, parseCerts)
}

// certsScript prints whole certificates, and only those, of the files where
// services keep them, which end in crt, cer or pem: a key behind a certificate that was cut off stays where it
// is. Files with more than eight are bundles of authorities, and left out.
// Reading stops after 20000 lines.
const certsScript = `set --; e='*.[cp][er][mrt]'
for f in /etc/letsencrypt/live/*/cert.pem /etc/nginx/$e /etc/nginx/*/$e /etc/haproxy/$e /etc/haproxy/*/$e /etc/apache2/$e /etc/apache2/*/$e \
/etc/httpd/*/$e /etc/httpd/conf/ssl.crt/* /etc/pki/tls/certs/$e /etc/pki/nginx/$e /etc/pki/dovecot/certs/$e /etc/ssl/$e /etc/ssl/certs/ssl-cert-*.pem \
/etc/ssl/localcerts/* /etc/ssl/private/$e /etc/postfix/$e /etc/postfix/*/$e /etc/exim4/$e /etc/dovecot/$e /etc/dovecot/*/$e /etc/mysql/$e \
/etc/mysql/*/$e /var/lib/mysql/$e /etc/postgresql/*/*/$e /var/lib/postgresql/*/*/$e /var/lib/pgsql/data/$e /var/lib/pgsql/*/data/$e \
/etc/redis/$e /etc/redis/*/$e /etc/kubernetes/pki/$e /etc/kubernetes/pki/*/$e /var/lib/kubelet/pki/$e /etc/etcd/$e /etc/elasticsearch/*/$e \
/etc/gitlab/ssl/$e /etc/docker/$e /etc/tomcat*/$e /etc/stunnel/$e /etc/openvpn/$e /etc/ldap/$e /etc/openldap/certs/$e \
/usr/local/etc/nginx/$e /usr/local/etc/nginx/*/$e /usr/local/etc/haproxy/$e /usr/local/etc/ssl/$e; do
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

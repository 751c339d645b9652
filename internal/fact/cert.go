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

// certsScript prints the certificate blocks, and only those, of the files where
// services keep them: a key behind a certificate that was cut off stays where it
// is. Of a bundle the first four are enough.
const certsScript = `set --
for f in /etc/letsencrypt/live/*/cert.pem /etc/nginx/*.crt /etc/nginx/*.pem /etc/nginx/ssl/* /etc/nginx/certs/* /etc/haproxy/*.pem \
/etc/haproxy/certs/* /etc/haproxy/ssl/* /etc/apache2/ssl/* /etc/apache2/*.crt /etc/httpd/conf/ssl.crt/* /etc/httpd/ssl/* /etc/pki/tls/certs/*.crt \
/etc/pki/tls/certs/*.pem /etc/ssl/*.pem /etc/ssl/*.crt /etc/ssl/localcerts/* /etc/ssl/private/*.pem /etc/postfix/*.pem /etc/postfix/ssl/* \
/etc/dovecot/*.pem /etc/dovecot/private/*.pem /etc/mysql/*.pem /var/lib/mysql/*.pem /etc/postgresql/*/*/*.crt /etc/redis/*.crt /etc/redis/tls/* \
/etc/kubernetes/pki/*.crt /etc/tomcat*/*.crt /etc/stunnel/*.pem /etc/openvpn/*.crt /usr/local/etc/nginx/*.crt /usr/local/etc/ssl/*.crt; do
[ -f "$f" ] && [ -r "$f" ] || continue
case $f in *ca-bundle*|*ca-certificates*|*privkey*) continue ;; esac
set -- "$@" "$f"; [ $# -ge 200 ] && break
done
[ $# -eq 0 ] || awk 'FNR==1 {n=0; inside=0} /-----BEGIN/ {inside=0}
/^-----BEGIN CERTIFICATE-----/ && ++n<=4 {inside=1; print "file " FILENAME; print "-----BEGIN CERTIFICATE-----"}
inside && /^[A-Za-z0-9+\/=]+\r?$/
/-----END/ {if (inside) print "-----END CERTIFICATE-----"; inside=0}' "$@"`

// parseCerts reads what the script printed; a block that does not parse is
// counted, not hidden.
func parseCerts(r Raw) Observed[[]Cert] {
	certs, broken := []Cert{}, 0
	for _, part := range strings.Split("\n"+r.Out, "\nfile ")[1:] {
		path, block, _ := strings.Cut(part, "\n")
		cert, err := parseCert(clean(path), []byte(block))
		if err != nil {
			broken++
			continue
		}
		if len(certs) < maxItems {
			certs = append(certs, cert)
		}
	}
	if broken > 0 {
		return partly(certs, "files", fmt.Sprintf("certificates that could not be read: %d", broken))
	}
	if !r.Root {
		return partly(certs, "files", "without root, only files that everybody may read")
	}
	return found(certs, "files")
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

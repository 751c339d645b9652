package board

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// pageShape takes the style, the glance, the forms, whose view it is, the page and the
// script.
const pageShape = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>nightcall</title>
<style>%s</style>
</head>
<body>
<div id="lost" hidden>The connection is lost: what stands here is old.</div>
<header id="glance">
%s</header>
%s<main id="page" class="%s">
%s</main>
<script>%s</script>
</body>
</html>
`

const style = `
header { position: sticky; top: 0; background: #fff; border-bottom: 3px solid #1a1a1a; display: flex; flex-wrap: wrap; gap: 0 1.5rem; align-items: baseline; padding: .3rem 0; z-index: 1; }
header h1 { flex-basis: 100%; font-size: 1.5rem; margin: 0; }
header p { margin: .1rem 0; }
.lost { font-size: 1.6rem; font-weight: bold; color: #b00020; font-variant-numeric: tabular-nums; }
.stop, #lost { background: #b00020; color: #fff; font-weight: bold; padding: .3rem .6rem; }
details { margin: .5rem 0; } summary { cursor: pointer; font-weight: bold; }
form { display: flex; flex-wrap: wrap; gap: .4rem; margin: .5rem 0; } input, textarea, select, button { font: inherit; } textarea { flex: 1 1 20rem; } select { max-width: 100%; }
nav { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: .4rem 0 -1rem; } .pay nav { display: none; } nav a { color: inherit; } section { scroll-margin-top: 7rem; }
@media screen and (max-width: 40rem) { header { position: static; line-height: 1.3; } .lost { font-size: 1.3rem; } section { scroll-margin-top: 0; } nav a { padding: .25rem 0; } }
@media screen and (min-width: 100rem) {
body { font-size: 20px; max-width: 92rem; } section { scroll-margin-top: 11rem; } header h1 { font-size: 2rem; } .lost { font-size: 2.6rem; } figcaption, table { font-size: 1rem; }
.pay { columns: 2; column-gap: 3rem; margin-top: .8rem; } .pay h2 { margin-top: 0; break-before: avoid; } .pay section { margin-top: 1rem; } .pay figure, .pay table { break-inside: avoid; } }
@media print {
header { position: static; } #lost, details, nav { display: none; } section:nth-of-type(2), section:last-of-type { break-before: auto; }
.pay svg { max-height: 4.5rem; } .pay h2 { margin-top: .6rem; } .pay section:last-of-type ul { columns: 3; }
.stop { background: none; color: #b00020; border: 2px solid #b00020; } }
`

// script puts news where it belongs. What it puts there was escaped already, and
// the page's policy runs no other script.
const script = `
"use strict";
const news = new EventSource("events");
for (const name of ["glance", "page"]) {
  news.addEventListener(name, (e) => { document.getElementById(name).innerHTML = e.data; });
}
news.onopen = () => { document.getElementById("lost").hidden = true; };
news.onerror = () => { document.getElementById("lost").hidden = false; };
`

// scriptHash is the only script that the page's policy allows.
var scriptHash = func() string {
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}()

// certificateLife is how long a certificate is good for: a long night.
const certificateLife = 14 * 24 * time.Hour

// SelfSigned makes a certificate for the addresses, and its fingerprint as
// browsers show it. It is kept in memory only.
func SelfSigned(now time.Time, addresses ...net.IP) (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make a certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make a certificate: %w", err)
	}
	shape := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "nightcall board"}, IPAddresses: addresses,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, shape, shape, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, fingerprint(raw), nil
}

func fingerprint(raw []byte) string {
	sum := sha256.Sum256(raw)
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	var pairs []string
	for ; digits != ""; digits = digits[2:] {
		pairs = append(pairs, digits[:2])
	}
	return strings.Join(pairs, ":")
}

// Package redact takes secrets out of text before anything stores or shows it.
//
// # Secret
//
// A secret is the value of what is named like one (password=…, API_TOKEN: …),
// what a known program takes as one (mysql -p…, curl -u user:…), what has the
// shape of one (private keys, cloud keys, tokens), and every literal that the
// caller knows to be one. Its place is taken by [Mask].
//
// # What stays
//
// Everything else stays byte for byte. Redacting twice gives the same as once,
// and the work grows linearly with the text, whoever wrote it.
package redact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Mask stands where a secret was.
const Mask = "[secret]"

// Text masks the secrets in a text of any kind.
func Text(text string) string { return (&Redactor{}).Text(text) }

// Args masks the secrets in a command line: those that Text finds, and those
// that only the program's way of taking them tells.
func Args(line string) string { return (&Redactor{}).Args(line) }

// A Redactor also knows secrets literally. The zero value knows none. It is
// safe for concurrent use.
type Redactor struct {
	literals *strings.Replacer
}

// New returns a Redactor that masks these literals before anything else. Empty
// ones are ignored.
func New(literals ...string) *Redactor {
	known := slices.DeleteFunc(slices.Clone(literals), func(s string) bool { return s == "" })
	if len(known) == 0 {
		return &Redactor{}
	}
	// The longest first, so that no secret is left with the tail of another; the
	// mask itself is passed over, so that nothing is masked twice.
	slices.SortFunc(known, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	pairs := []string{Mask, Mask}
	for _, s := range known {
		pairs = append(pairs, s, Mask)
	}
	return &Redactor{literals: strings.NewReplacer(pairs...)}
}

// Text is as the function Text, and masks the literals.
func (r *Redactor) Text(text string) string {
	text = keys(r.replace(text))
	var b strings.Builder
	for text != "" {
		n := statement(text)
		b.WriteString(settle(text[:n], func(s string) string { return once(lines(s)) }))
		text = text[n:]
	}
	return b.String()
}

// Args is as the function Args, and masks the literals.
func (r *Redactor) Args(line string) string {
	return settle(keys(r.replace(line)), func(s string) string { return once(words(s)) })
}

// keys masks private keys, which alone are longer than a statement.
func keys(text string) string {
	if !strings.Contains(text, "PRIVATE KEY") {
		return text
	}
	return privateKey.ReplaceAllString(text, "${1}"+Mask+"${2}")
}

// statement is the length of the first line with those that it goes on with:
// after a backslash, or as a block of YAML. What a line holds has nothing to do
// with the next otherwise, and harmless lines cost little on their own.
func statement(text string) int {
	n := lineLength(text)
	for n < len(text) && strings.HasSuffix(strings.TrimRight(text[:n], "\r\n"), `\`) {
		n += lineLength(text[n:])
	}
	if blockFollows(strings.TrimRight(text[:n], " \t\r\n")) {
		for n < len(text) && text[n] == ' ' {
			n += lineLength(text[n:])
		}
	}
	return n
}

func blockFollows(line string) bool {
	line = strings.TrimRight(line, "+-")
	return strings.HasSuffix(line, "|") || strings.HasSuffix(line, ">")
}

func (r *Redactor) replace(text string) string {
	if r.literals == nil {
		return text
	}
	return r.literals.Replace(text)
}

// settle masks until nothing changes: a mask may close what a garbled text left
// open. Honest text is through after the first round. The bound keeps the work
// linear; what a round leaves, the last resort covers.
func settle(text string, mask func(string) string) string {
	for range maxRounds {
		masked := mask(text)
		if masked == text {
			return text
		}
		text = masked
	}
	return Mask
}

// maxRounds is more than any text needs that is not made to need more.
const maxRounds = 8

// once goes over a text one time.
func once(text string) string {
	if !suspicious(text) {
		return text
	}
	text = authorization.ReplaceAllString(text, "${1}"+Mask)
	text = userinfo.ReplaceAllString(text, "${1}"+Mask+"@")
	text = assignments(text)
	return token.ReplaceAllString(text, Mask)
}

// hints are what a text with a secret has at least one of, in lower case. They
// spare harmless text the patterns, which are slow.
var hints = []string{
	"pass", "pwd", "secret", "token", "key", "auth", "bearer", "identified", "cookie", "akia", "asia",
	"gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox", "eyj", "sk_live_", "hvs.",
	"$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$apr1$",
}

func suspicious(text string) bool {
	lower := strings.ToLower(text)
	return slices.ContainsFunc(hints, func(hint string) bool { return strings.Contains(lower, hint) }) ||
		strings.Contains(text, "://") && strings.Contains(text, "@")
}

var (
	// privateKey runs to its end, or to the text's when that was cut off.
	privateKey = regexp.MustCompile(`(?s)(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----).+?(-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)`)

	// authorization is the header, in HTTP, in options and in JSON.
	authorization = regexp.MustCompile(`(?i)(authorization["']?[ \t]*[:=][ \t]*["']?(?:(?:basic|bearer|token|digest|negotiate|apikey)[ \t]+)?|\bbearer[ \t]+)[^\s"']+`)

	// userinfo is the password in front of a URL's host; the last @ before the
	// path ends it, because passwords hold @ where people forgot to encode it.
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"']*:)[^\s/"']+@`)

	// token is what has the shape of a secret, whatever its name.
	token = regexp.MustCompile(`\bA[KS]IA[0-9A-Z]{16}\b|\bgh[opsur]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bsk_live_[A-Za-z0-9]{16,}|\bhvs\.[A-Za-z0-9_-]{20,}|\$(?:1|2[aby]|5|6|y|apr1)\$[./A-Za-z0-9$=,]{20,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)
)

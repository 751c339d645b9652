package shell

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// A Reply is what a simulated host says to one section.
type Reply struct {
	Stdout, Stderr string
	Exit           int
}

var (
	openingLine = regexp.MustCompile(`^#nightcall (greeting|script) ([0-9a-z]+)$`)
	bodyLine    = regexp.MustCompile(`^nc_body_(\w+)\(\) \{$`)
	callLine    = regexp.MustCompile(`\bnc_section (\w+)( stderr)?\b`)
	sharedLine  = regexp.MustCompile(`\bnc_shared ([\w ]+)$`)
)

// Serve is the other side of [Run] for simulated hosts: it reads the
// conversation from in, and has answer reply to each section instead of running
// it. It returns when the script is answered, or with the error of a stream.
func Serve(in io.Reader, out, errOut io.Writer, answer func(Section) Reply) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	word := ""
	for lines.Scan() {
		opening := openingLine.FindStringSubmatch(lines.Text())
		if opening == nil {
			continue
		}
		word = opening[2]
		if opening[1] == "script" {
			break
		}
		if _, err := fmt.Fprintf(out, "\n%s%s hello root\n", mark, word); err != nil {
			return err
		}
	}
	sections, err := readScript(lines)
	if err != nil {
		return err
	}
	for n, s := range sections {
		if _, err := fmt.Fprintf(out, "\n%s%s begin %s %d\n", mark, word, s.Name, n+1); err != nil {
			return err
		}
		r := answer(s)
		if s.Stderr {
			if _, err := fmt.Fprintf(errOut, "%s\n%s%s stderr-end %s\n", r.Stderr, mark, word, s.Name); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(out, "%s\n%s%s end %s %d\n", r.Stdout, mark, word, s.Name, r.Exit)
		if err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "\n%s%s done\n", mark, word)
	return err
}

// readScript reads the sections of a script, in the order in which it runs them.
func readScript(lines *bufio.Scanner) ([]Section, error) {
	bodies := map[string]string{}
	var sections []Section
	for lines.Scan() {
		line := lines.Text()
		if line == "nc_main" {
			return sections, nil
		}
		if body := bodyLine.FindStringSubmatch(line); body != nil {
			bodies[body[1]] = readBody(lines)
			continue
		}
		if shared := sharedLine.FindStringSubmatch(line); shared != nil {
			for _, name := range strings.Fields(shared[1]) {
				sections = append(sections, Section{Name: name, Body: bodies[name]})
			}
		}
		if call := callLine.FindStringSubmatch(line); call != nil {
			sections = append(sections, Section{Name: call[1], Body: bodies[call[1]], Stderr: call[2] != ""})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return nil, io.ErrUnexpectedEOF
}

func readBody(lines *bufio.Scanner) string {
	var b strings.Builder
	for lines.Scan() && lines.Text() != bodyEnd {
		b.WriteString(lines.Text())
		b.WriteByte('\n')
	}
	return b.String()
}

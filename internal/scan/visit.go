package scan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// Sections of a visit that several facts are read from.
const (
	sectionFiles = "files" // what brief scripts print and every fact's files
	sectionAgain = "again" // the second reading of those that are read twice
	sectionClock = "clock" // the clock fact, whose time dates what others tell
)

// uptimeFile dates the two readings by the host's own clock.
const uptimeFile = "/proc/uptime"

// Sections are the parts of the script that a visit sends for the facts: first the
// brief scripts and all files, in one process; then each other script; last the
// second reading of the counters.
func Sections(facts []fact.Fact) []shell.Section {
	facts = withSources(facts)
	files, again := []string{uptimeFile}, []string(nil)
	brief, elsewhere := "", ""
	for _, f := range facts {
		if f.Probe.Brief {
			mark := "say '" + toldMark + f.Name + "'\n"
			brief += mark + f.Probe.Script + "\n"
			elsewhere += mark + "said\n" + cmp.Or(f.Probe.Elsewhere, f.Probe.Script) + "\n"
		}
		files = append(files, f.Probe.Files...)
		files = append(files, f.Probe.Again...)
		again = append(again, f.Probe.Again...)
	}
	reading := "say '" + filesMark + "'\n" + readAll(files)
	sections := []shell.Section{{Name: sectionFiles, Body: brief + reading, Elsewhere: elsewhere + reading, Shared: true}}
	for _, f := range facts {
		if p := f.Probe; p.Script+p.Elsewhere != "" && !p.Brief {
			sections = append(sections, shell.Section{
				Name: f.Name, Body: p.Script, Elsewhere: p.Elsewhere, Dpkg: p.Dpkg, Time: p.Timeout, Heavy: p.Heavy, Shared: true,
			})
		}
	}
	if len(again) > 0 {
		sections = append(sections, shell.Section{
			Name: sectionAgain, Body: waitForInterval + readAll(append(again, uptimeFile)), Shared: true,
		})
	}
	return sections
}

// withSources adds the facts whose scripts tell others.
func withSources(facts []fact.Fact) []fact.Fact {
	for _, f := range facts {
		if f.Probe.From == "" {
			continue
		}
		asked := slices.ContainsFunc(facts, func(g fact.Fact) bool { return g.Name == f.Probe.From })
		if source, ok := fact.Lookup(f.Probe.From); ok && !asked {
			facts = append(slices.Clip(facts), source)
		}
	}
	return facts
}

// readAll names the files that are there and may not be read, and prints every
// line of the others behind their names, in one process. Most of those that are
// asked for are not there, so grep keeps silent: each of its complaints would be
// packets of their own. /dev/null makes it name the file even when there is only
// one.
func readAll(files []string) string {
	files = slices.Clone(files)
	slices.Sort(files)
	return "set -- " + strings.Join(slices.Compact(files), " ") + `
for f in "$@"; do [ -r "$f" ] || [ ! -e "$f" ] || say "` + deniedMark + `$f"; done
said; grep -s '' /dev/null "$@"`
}

// What stands in the answer of sectionFiles before what is no line of a file.
const (
	toldMark   = "#fact "   // the name of a fact that a brief script tells from here on
	filesMark  = "#files"   // ends that
	deniedMark = "#denied " // the name of a file that may not be read
)

// waitForInterval sleeps until the interval since the script's beginning has
// passed, by the host's uptime, whatever of it the scripts have used up.
var waitForInterval = fmt.Sprintf(`nc_hundredths() { nc_c=${1#*.}; nc_c=${nc_c#0}; nc_h=$(( ${1%%.*} * 100 + ${nc_c:-0} )); }
if [ -n "$nc_began" ]; then
nc_hundredths "$nc_began"; nc_due=$((nc_h + %d))
read -r nc_now nc_x <%s; nc_hundredths "$nc_now"
if [ "$nc_h" -lt "$nc_due" ]; then nc_c=$((100 + nc_due - nc_h)); sleep "0.${nc_c#1}" || sleep 1; fi
fi
`, fact.SampleInterval.Milliseconds()/10, uptimeFile)

// read turns a visit's answers into facts.
func read(facts []fact.Fact, visit shell.Visit, visitErr error, at time.Time) fact.Set {
	answers := map[string]shell.Answer{}
	for _, a := range visit.Answers {
		answers[a.Section] = a
	}
	lost := "not asked"
	if visitErr != nil {
		lost = visitErr.Error()
	}
	answer := func(section string) shell.Answer {
		if a, ok := answers[section]; ok {
			return a
		}
		return shell.Answer{Section: section, Missing: lost}
	}
	first, second := answer(sectionFiles), answer(sectionAgain)
	told, lines := cutTold(string(first.Stdout))
	files, again := parseFiles(lines), parseFiles(string(second.Stdout))
	interval := uptime(again) - uptime(files)
	_, linux := files[uptimeFile]

	return fact.Read(facts, func(f fact.Fact) fact.Raw {
		raw := fact.Raw{
			Files: pick(files, f.Probe.Files, f.Probe.Again), Again: pick(again, f.Probe.Again),
			Root: visit.Root, Interval: interval, Missing: first.Missing,
			Began: first.Began, Ended: first.Ended, Now: string(answers[sectionClock].Stdout),
		}
		section := cmp.Or(f.Probe.From, f.Name)
		_, asked := answers[section]
		due := f.Probe.Script+f.Probe.From != "" || f.Probe.Elsewhere != "" && !linux && visitErr != nil
		if f.Probe.Brief {
			raw.Out = told[f.Name]
		} else if asked || due {
			a := answer(section)
			raw.Out, raw.Exit, raw.Dropped, raw.Missing = string(a.Stdout), a.Exit, a.StdoutDropped, a.Missing
			raw.Began, raw.Ended = a.Began, a.Ended
		}
		return raw
	}, at)
}

// cutTold takes what brief scripts printed, by fact, from what readAll did.
func cutTold(out string) (told map[string]string, files string) {
	told = map[string]string{}
	brief, files, ok := strings.Cut(out, filesMark+"\n")
	if !ok {
		return told, out
	}
	for part := range strings.SplitSeq(brief, toldMark) {
		name, text, _ := strings.Cut(part, "\n")
		told[name] = text
	}
	return told, files
}

// parseFiles reads what readAll printed: lines "path:content", and the names of
// those that were denied.
func parseFiles(out string) map[string]fact.File {
	content := map[string]*strings.Builder{}
	files := map[string]fact.File{}
	for line := range strings.Lines(out) {
		if name, denied := strings.CutPrefix(line, deniedMark); denied {
			files[strings.TrimSpace(name)] = fact.File{Denied: true}
			continue
		}
		name, text, ok := strings.Cut(line, ":")
		if !ok || !strings.HasPrefix(name, "/") {
			continue
		}
		b := content[name]
		if b == nil {
			b = &strings.Builder{}
			content[name] = b
		}
		b.WriteString(text)
	}
	for name, b := range content {
		files[name] = fact.File{Content: b.String()}
	}
	return files
}

// pick selects the files that any of the patterns name.
func pick(files map[string]fact.File, lists ...[]string) map[string]fact.File {
	out := map[string]fact.File{}
	for _, patterns := range lists {
		for _, pattern := range patterns {
			if !strings.ContainsAny(pattern, "*?[") {
				if f, ok := files[pattern]; ok {
					out[pattern] = f
				}
				continue
			}
			head, tail := pattern[:strings.IndexAny(pattern, "*?[")], pattern[strings.LastIndexAny(pattern, "*?]")+1:]
			for name, f := range files {
				if !strings.HasPrefix(name, head) || !strings.HasSuffix(name, tail) { // most are elsewhere, and Match is dear
					continue
				}
				if ok, err := path.Match(pattern, name); ok && err == nil {
					out[name] = f
				}
			}
		}
	}
	return out
}

// uptime is the host's uptime when the files were read; zero when not told.
func uptime(files map[string]fact.File) time.Duration {
	text, _, _ := strings.Cut(files[uptimeFile].Content, " ")
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds < 0 || seconds > 1e10 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

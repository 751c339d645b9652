package fact

import (
	"regexp"
	"strconv"
	"strings"
)

// A Setting is one line of a configuration.
type Setting struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Name string `json:"name"`
	Text string `json:"text"` // the line, with its indentation
}

// Key names the item in its list.
func (s Setting) Key() string { return s.File + ":" + strconv.Itoa(s.Line) }

func redisSettingsFact() Fact {
	return define("redis_settings", "where Redis is told to listen", Probe{From: "dependencies"},
		func(s *Set) *Observed[[]Setting] { return &s.RedisSettings }, parseRedisSettings)
}

// redisWords are the settings that are kept: none of them is a secret.
var redisWords = map[string]bool{"bind": true, "protected-mode": true, "port": true, "include": true}

// redisFile is the host's own configuration where that usually is.
var redisFile = regexp.MustCompile(`^/etc/(redis|valkey)[/.]`)

// ownRedisFile reports whether a file is the host's own configuration, as its place or
// what was started with it tells; what a container has in its own root is not for the
// host's administrator to edit.
func (d *configurationReader) ownRedisFile(file string) bool {
	of := d.programs[file]
	return redisFile.MatchString(file) || (strings.HasPrefix(of, "redis-") || strings.HasPrefix(of, "valkey-")) && !throughProcess.MatchString(file)
}

func parseRedisSettings(r Raw) Observed[[]Setting] {
	d := r.configurations()
	switch {
	case !d.whole && r.Missing == "":
		return unknown[[]Setting]("its configuration could not be looked for")
	case !r.Root:
		return partly(d.redis, "redis.conf", "without root, its configuration may not be read")
	}
	return found(d.redis, "redis.conf")
}

// redisSettings keeps those lines of Redis's own configuration.
func (d *configurationReader) redisSettings(file string, lines []numbered) {
	for _, l := range lines {
		f := strings.Fields(strings.ToLower(l.text))
		if len(f) > 1 && redisWords[f[0]] && len(d.redis) < maxItems {
			d.redis = append(d.redis, Setting{File: clean(file), Line: l.number, Name: f[0], Text: plainLine(l.text)})
		}
	}
}

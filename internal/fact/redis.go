package fact

import (
	"regexp"
	"strings"
)

func redisSettingsFact() Fact {
	return define("redis_settings", "where Redis is told to listen", Probe{From: "dependencies"},
		func(s *Set) *Observed[[]Setting] { return &s.RedisSettings }, parseRedisSettings)
}

// redisWords are the settings that are kept: none of them is a secret.
var redisWords = map[string]bool{"bind": true, "protected-mode": true, "port": true, "include": true}

// redisFile is the host's own configuration; what a container has in its own root
// is not for the host's administrator to edit.
var redisFile = regexp.MustCompile(`^/etc/(redis|valkey)[/.]`)

func parseRedisSettings(r Raw) Observed[[]Setting] {
	text, _, whole := strings.Cut(r.Out, "#end\n")
	if !whole && r.Missing == "" {
		return unknown[[]Setting]("its configuration could not be looked for")
	}
	list := []Setting{}
	for line := range strings.Lines(text) {
		file, number, content, ok := grepLine(strings.TrimRight(line, "\r\n"))
		f := strings.Fields(strings.ToLower(content))
		if !ok || len(f) < 2 || !redisFile.MatchString(file) || !redisWords[f[0]] || len(list) >= maxItems {
			continue
		}
		list = append(list, Setting{File: clean(file), Line: number, Name: f[0], Text: plainLine(content)})
	}
	if !r.Root {
		return partly(list, "redis.conf", "without root, its configuration may not be read")
	}
	return found(list, "redis.conf")
}

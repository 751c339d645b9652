package fact

import "strings"

func redisSettingsFact() Fact {
	return define("redis_settings", "where Redis is told to listen", Probe{
		Script: `set --
for f in /etc/redis/*.conf /etc/redis.conf /etc/valkey/*.conf /etc/valkey.conf; do [ -f "$f" ] && set -- "$@" "$f"; done
[ $# = 0 ] || grep -isnE -e '^[[:space:]]*(bind|protected-mode|port|include)[[:space:]]' /dev/null "$@"
echo "#end"`,
	}, func(s *Set) *Observed[[]Setting] { return &s.RedisSettings }, parseRedisSettings)
}

// redisWords are the settings that are kept: none of them is a secret.
var redisWords = map[string]bool{"bind": true, "protected-mode": true, "port": true, "include": true}

func parseRedisSettings(r Raw) Observed[[]Setting] {
	text, _, whole := strings.Cut(r.Out, "#end\n")
	if !whole && r.Missing == "" {
		return unknown[[]Setting]("its configuration could not be looked for")
	}
	list := []Setting{}
	for line := range strings.Lines(text) {
		file, number, content, ok := grepLine(strings.TrimRight(line, "\r\n"))
		f := strings.Fields(strings.ToLower(content))
		if !ok || len(f) < 2 || !redisWords[f[0]] || len(list) >= maxItems {
			continue
		}
		list = append(list, Setting{File: clean(file), Line: number, Name: f[0], Text: plainLine(content)})
	}
	if !r.Root {
		return partly(list, "redis.conf", "without root, its configuration may not be read")
	}
	return found(list, "redis.conf")
}

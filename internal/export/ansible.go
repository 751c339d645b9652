package export

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// The shape of an Ansible inventory in YAML.
type (
	ansibleGroup struct {
		Hosts    map[string]ansibleHost  `yaml:"hosts,omitempty"`
		Children map[string]ansibleGroup `yaml:"children,omitempty"`
	}
	ansibleHost struct {
		Host       yamlText `yaml:"ansible_host,omitempty"`
		Port       int      `yaml:"ansible_port,omitempty"`
		User       yamlText `yaml:"ansible_user,omitempty"`
		Key        yamlText `yaml:"ansible_ssh_private_key_file,omitempty"`
		CommonArgs yamlText `yaml:"ansible_ssh_common_args,omitempty"`
		Connection yamlText `yaml:"ansible_connection,omitempty"`
		Python     yamlText `yaml:"ansible_python_interpreter,omitempty"`
	}
	yamlText string
)

// MarshalYAML writes the text between quotes: Ansible's reader takes a bare
// 1:2:3 for a number to base 60. Only checked values come here, which hold no
// quote themselves.
func (t yamlText) MarshalYAML() ([]byte, error) { return []byte(`"` + t + `"`), nil }

// Ansible renders the hosts as an Ansible inventory in YAML, with groups by
// operating system (os_debian) and by how the last visit ended (class_ok).
// Ansible expands patterns in host names and templates in values, so only what
// passes its rule is written. client is whom the legacy options are spelled for.
func Ansible(hosts []inventory.Host, incident string, client Client) ([]byte, []Warning, error) {
	hosts = byName(hosts)
	if err := collision(hosts); err != nil {
		return nil, nil, err
	}
	all := ansibleGroup{Hosts: map[string]ansibleHost{}, Children: map[string]ansibleGroup{}}
	var warnings []Warning
	for _, h := range hosts {
		vars, missing, err := ansibleVars(h, client)
		if err != nil {
			warnings = append(warnings, Warning{Host: word.OneLine(h.Name), Text: err.Error(), Left: true})
			continue
		}
		if len(missing) > 0 {
			text := fmt.Sprintf("needs %s, which %s lacks", strings.Join(missing, ", "), client.name())
			warnings = append(warnings, Warning{Host: h.Name, Text: text})
		}
		name := ansibleName(h.Name)
		if _, taken := all.Hosts[name]; taken {
			warnings = append(warnings, Warning{Host: h.Name, Text: "another host is called " + name + " already", Left: true})
			continue
		}
		all.add(name, vars, ansibleGroups(h))
	}
	body, err := yaml.Marshal(map[string]ansibleGroup{"all": all})
	if err != nil {
		return nil, nil, fmt.Errorf("ansible inventory: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Hosts of the incident: %s\n", word.OneLine(incident))
	for _, w := range warnings {
		fmt.Fprintf(&b, "# %s\n", word.OneLine(w.String()))
	}
	b.Write(body)
	return []byte(b.String()), warnings, nil
}

// add puts a host with its variables into the group and its name into the
// children.
func (g ansibleGroup) add(name string, vars ansibleHost, children []string) {
	g.Hosts[name] = vars
	for _, child := range children {
		if _, ok := g.Children[child]; !ok {
			g.Children[child] = ansibleGroup{Hosts: map[string]ansibleHost{}}
		}
		g.Children[child].Hosts[name] = ansibleHost{}
	}
}

// ansibleName is the host's name in Ansible, which would split a port off after
// a colon.
func ansibleName(name string) string { return strings.ReplaceAll(name, ":", "_") }

// ansibleVars says how Ansible reaches the host, and which algorithms it would
// need and the client lacks.
func ansibleVars(h inventory.Host, client Client) (vars ansibleHost, missing []string, err error) {
	if err := word.CheckName(h.Name); err != nil {
		return vars, nil, err
	}
	if looksLikeGroup(h.Name) {
		return vars, nil, errors.New("its name is a group's in Ansible")
	}
	if h.Access.Wire == "local" {
		return ansibleHost{Connection: "local", Python: python(h.Facts)}, nil, nil
	}
	if err := checkHost(h); err != nil {
		return vars, nil, err
	}
	for _, hop := range h.Access.Jump {
		if strings.ContainsAny(hop.User+hop.Address, `\%`) {
			return vars, nil, fmt.Errorf("bastion %s cannot be spelled in ProxyJump", word.OneLine(hopText(hop)))
		}
	}
	vars = ansibleHost{
		Host: yamlText(h.Access.Address), Port: h.Access.Port,
		User: yamlText(strings.ReplaceAll(h.Access.User, `\`, `\\`)),
		Key:  ansibleKey(h.Access.Identities), Python: python(h.Facts),
	}
	args, missing := ansibleArgs(h, client)
	vars.CommonArgs = yamlText(args)
	return vars, missing, nil
}

// looksLikeGroup reports whether Ansible, or this inventory, has a group for
// the name. A host called like a group is taken for the group.
func looksLikeGroup(name string) bool {
	return name == "all" || name == "ungrouped" || strings.HasPrefix(name, "os_") || strings.HasPrefix(name, "class_")
}

// ansibleArgs are ssh's options for the host, as one line that Ansible splits
// like a shell does. No value in it holds a blank or a quote.
func ansibleArgs(h inventory.Host, client Client) (args string, missing []string) {
	var words []string
	if hops := h.Access.Jump; len(hops) > 0 {
		words = append(words, "-o ProxyJump="+strings.ReplaceAll(jumpText(hops), " ", ","))
	}
	options, missing := client.legacy(h.Access.Legacy)
	for _, o := range options {
		words = append(words, "-o "+o.key+"="+o.value)
	}
	return strings.Join(words, " "), missing
}

// ansibleKey is the first key file that means the same to Ansible as to ssh: no
// tokens, and nothing that a template is made of.
func ansibleKey(paths []string) yamlText {
	for _, path := range paths {
		if word.CheckPath(path) == nil && !strings.ContainsAny(path, "%{}#$") {
			return yamlText(path)
		}
	}
	return ""
}

// ansibleGroups are the groups of a host. A group's name is letters, digits and
// underscores.
func ansibleGroups(h inventory.Host) []string {
	var groups []string
	if id := groupWord(h.Facts.OS.Value.ID); id != "" {
		groups = append(groups, "os_"+id)
	}
	if class := groupWord(string(h.Class)); class != "" {
		groups = append(groups, "class_"+class)
	}
	return groups
}

func groupWord(s string) string {
	if len(s) > 40 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 && word.Alphanumeric(byte(r)) {
			return r
		}
		return '_'
	}, strings.ToLower(s))
}

// python is the interpreter when a package that brings it was seen.
func python(facts fact.Set) yamlText {
	for _, p := range facts.Packages.Value {
		switch {
		case p.Manager == "pkg":
		case p.Name == "python3", p.Name == "python3-minimal":
			return "/usr/bin/python3"
		}
	}
	return ""
}

package netbox

import (
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// findings makes of what was found wrong with a host its tags, by which NetBox
// lists all that have the same trouble, and a journal entry for each, once an
// incident.
func (m *mapper) findings(h inventory.Host, of Wanted) {
	if m.notes.Findings == nil {
		return // nobody judged: what is known stays
	}
	var slugs []string
	for _, f := range m.notes.Findings[h.Name] {
		slug := findingPrefix + slug(f.Check)
		m.add(Wanted{Kind: Tag, Key: slug, Fields: map[string]any{
			"name": slug, "slug": slug, "color": "f44336", "description": "Found by nightcall's check " + clip(f.Check, 100),
		}})
		slugs = append(slugs, slug)
		m.journal(h, of, f)
	}
	slices.Sort(slugs)
	of.Fields[findings] = strings.Join(slices.Compact(slugs), " ")
}

func (m *mapper) journal(h inventory.Host, of Wanted, f Finding) {
	kind := "warning"
	if f.Critical {
		kind = "danger"
	}
	about := "incident " + m.notes.Incident
	if m.notes.Link != "" {
		about = "[" + about + "](" + clip(m.notes.Link, 200) + ")"
	}
	text := "**" + markdown(f.Check) + "** " + markdown(f.Summary) + "\n\n" + markdown(f.Business) + "\n\n" + about + ", " + m.mark(f)
	m.add(Wanted{Kind: Journal, Key: h.Name + " " + m.mark(f), Host: h.Name, Fields: map[string]any{
		"assigned_object_type": kinds[of.Kind].model, "assigned_object_id": of.ref(), "kind": kind, "comments": text,
	}})
}

// mark tells one finding of one incident from all others.
func (m *mapper) mark(f Finding) string {
	return "nightcall:" + slug(m.notes.Incident) + ":" + slug(f.ID)
}

// markOf is the mark in a journal entry's key.
func markOf(key string) string {
	_, mark, _ := strings.Cut(key, " nightcall:")
	return "nightcall:" + mark
}

// markdown is a text of strangers that stands as it is in a journal entry.
func markdown(text string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "|", "\\|", "!", "\\!").Replace(clip(text, 2000))
}

// pictureName is what an incident's diagram is called at its site.
func pictureName(incident string) string { return clip("nightcall "+incident, 50) }

// diagram is the incident's picture at its site, which is replaced when what it
// shows has changed.
func (m *mapper) diagram() {
	if len(m.notes.Diagram) == 0 {
		return
	}
	m.add(Wanted{Kind: Picture, Key: pictureName(m.notes.Incident), content: m.notes.Diagram, Fields: map[string]any{
		"object_type": kinds[Site].model, "object_id": m.named(Site, m.place.Site, nil),
		"name": pictureName(m.notes.Incident), "description": "shows " + m.notes.Drawn,
	}})
}

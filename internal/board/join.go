package board

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/nightcall-sh/nightcall/internal/incident"
)

// A Writer takes what people in the room add, under the name they give. Nothing
// of it reaches a host. An error is shown to whoever wrote.
type Writer interface {
	Note(ctx context.Context, name, text string) error
	Tick(ctx context.Context, name, item string) error
}

// Bounds of what people may send, in bytes and runes.
const (
	maxForm = 64 << 10
	maxName = 60
	maxText = 10_000
)

// write takes a form.
func (b *Board) write(w http.ResponseWriter, r *http.Request, what string) {
	if !sameOrigin(r) {
		http.Error(w, "this comes from another page", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "this is too long, or no form", http.StatusBadRequest)
		return
	}
	name, err := field(r, "name", maxName)
	if err == nil {
		err = b.hand(r, what, name)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	http.Redirect(w, r, "./?name="+url.QueryEscape(name), http.StatusSeeOther)
}

// hand gives the form to the writer.
func (b *Board) hand(r *http.Request, what, name string) error {
	if what == "tick" {
		item, err := field(r, "item", maxName)
		if err != nil {
			return err
		}
		return b.writer.Tick(r.Context(), name, item)
	}
	text, err := field(r, "text", maxText)
	if err != nil {
		return err
	}
	return b.writer.Note(r.Context(), name, text)
}

// field is what a field of the form holds.
func field(r *http.Request, name string, limit int) (string, error) {
	value := strings.TrimSpace(strings.ToValidUTF8(r.PostForm.Get(name), "\uFFFD"))
	switch n := utf8.RuneCountInString(value); {
	case n == 0:
		return "", errors.New("the " + name + " is missing")
	case n > limit:
		return "", fmt.Errorf("the %s has %d characters; %d are enough", name, n, limit)
	}
	return value, nil
}

// sameOrigin holds for a form of our own page. The link's word is a secret, but a
// link is easily pasted where it does not belong.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// openItems are the questions that are open, as options of a form.
func openItems(i incident.Incident) string {
	var items strings.Builder
	for _, s := range i.Steps {
		for _, item := range s.Items {
			if item.State == incident.ItemOpen {
				fmt.Fprintf(&items, "<option value=\"%s\">%s</option>\n", html.EscapeString(item.ID), html.EscapeString(item.Question))
			}
		}
	}
	return items.String()
}

// forms are where people of the room add something. They stand beside what the
// news replace, so that nobody loses what they type.
func (b *Board) forms(name string) string {
	return fmt.Sprintf(formsShape, html.EscapeString(name), html.EscapeString(name), b.open)
}

const formsShape = `<details>
<summary>Add something</summary>
<form method="post" action="note">
<input name="name" placeholder="your name" value="%s" maxlength="60" required>
<textarea name="text" rows="3" maxlength="10000" placeholder="what you see, are told or decide" required></textarea>
<button>Write it down</button>
</form>
<form method="post" action="tick">
<input name="name" placeholder="your name" value="%s" maxlength="60" required>
<select name="item">
%s</select>
<button>Tick it</button>
</form>
</details>
`

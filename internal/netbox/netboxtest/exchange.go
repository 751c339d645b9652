// Package netboxtest answers as NetBox does, for tests that must run where no
// NetBox can be had.
//
// # Recorded
//
// recorded.json holds requests and the replies that a real NetBox gave to them;
// scripts/netbox record makes it anew. A [Server] keeps objects in memory and
// shapes its replies after the recorded ones: which fields an object has, what
// they hold when nobody set them, how a related object is told. The rules it
// applies (rights, what must be unique, what an address may be) are written by
// hand, and no more of them than our client meets.
//
// It is not NetBox. A test holds it to the recordings, request by request; the
// same test with the build tag netbox holds the recordings to a real one.
package netboxtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
)

// An Exchange is one request and its reply.
type Exchange struct {
	Name   string          `json:"name"` // what it shows; others name its objects by it
	As     string          `json:"as"`   // admin, user, expired or nobody
	Method string          `json:"method"`
	Path   string          `json:"path"` // below /api/, with ${NAME} for the first object of an exchange
	Body   json.RawMessage `json:"body,omitempty"`
	Image  bool            `json:"image,omitempty"` // Body is sent as a form, with a picture
	Status int             `json:"status"`
	Reply  json.RawMessage `json:"reply,omitempty"`
}

// Picture is the smallest PNG there is.
var Picture, _ = base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")

// A Player plays exchanges against a server.
type Player struct {
	URL    string
	Admin  string // the administrator's token
	tokens map[string]string
	ids    map[string][]string
}

// Play sends one request and returns the status and the reply.
func (p *Player) Play(e Exchange) (int, []byte, error) {
	request, err := p.request(e)
	if err != nil {
		return 0, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	p.learn(e, reply)
	return response.StatusCode, reply, nil
}

// learn keeps the tokens and the ids that a reply tells.
func (p *Player) learn(e Exchange, reply []byte) {
	if p.tokens == nil {
		p.tokens, p.ids = map[string]string{"admin": p.Admin}, map[string][]string{}
	}
	type object struct {
		ID         int64
		Key, Token string
		Results    []struct{ ID int64 }
	}
	var one object
	var many []object
	if json.Unmarshal(reply, &many) != nil && json.Unmarshal(reply, &one) == nil {
		many = []object{one}
	}
	for _, o := range many {
		p.ids[e.Name] = append(p.ids[e.Name], fmt.Sprint(o.ID))
		if o.Token != "" {
			p.tokens["user"], p.tokens["expired"] = "nbt_"+o.Key+"."+o.Token, "nbt_"+o.Key+"."+o.Token
		}
	}
}

var placeholder = regexp.MustCompile(`\$\{([^}.]+)(\.\d)?\}`)

// fill puts in the ids of what was made before.
func (p *Player) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		parts := placeholder.FindStringSubmatch(name)
		n := 0
		if parts[2] != "" {
			n = int(parts[2][1] - '0')
		}
		if ids := p.ids[parts[1]]; n < len(ids) {
			return ids[n]
		}
		return "0"
	})
}

func (p *Player) request(e Exchange) (*http.Request, error) {
	var body io.Reader = http.NoBody
	kind := "application/json"
	if len(e.Body) > 0 {
		// An id stands as a text, so that the recording is JSON.
		text := regexp.MustCompile(`"(\$\{[^}]+\})"`).ReplaceAllString(string(e.Body), "$1")
		body = strings.NewReader(p.fill(text))
	}
	if e.Image {
		form, boundary, err := picture(body)
		if err != nil {
			return nil, err
		}
		body, kind = form, boundary
	}
	request, err := http.NewRequest(e.Method, p.URL+"/api/"+p.fill(e.Path), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Accept", "application/json")
	if token := p.token(e.As); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

func (p *Player) token(as string) string {
	if as == "admin" {
		return p.Admin
	}
	return p.tokens[as]
}

// picture makes a form of JSON fields and a picture.
func picture(fields io.Reader) (io.Reader, string, error) {
	var values map[string]any
	if err := json.NewDecoder(fields).Decode(&values); err != nil {
		return nil, "", err
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range values {
		if err := w.WriteField(name, fmt.Sprint(value)); err != nil {
			return nil, "", err
		}
	}
	file, err := w.CreateFormFile("image", "picture.png")
	if err == nil {
		_, err = file.Write(Picture)
	}
	if err == nil {
		err = w.Close()
	}
	return &form, w.FormDataContentType(), err
}

// Package netbox fills a NetBox from what was observed, and reads it back.
//
// # Plan and Apply
//
// [Map] turns observed hosts into the objects that NetBox should hold, without
// any network. [Client.Read] fetches the part of NetBox they concern. [Compare]
// makes a [Plan] of both: a [Step] for each object, with every field's value
// before and after. [Client.Apply] carries a plan out in bulk; [Client.Undo]
// takes back what the record says was written.
//
// # Ownership
//
// An object is ours when it carries the tag [TagSlug]. Nothing else is ever
// changed. On our objects each field has a rule: written once, filled when
// empty, or kept up to date while its value is still the one we wrote. A value
// that somebody else wrote stays, and is told as drift.
package netbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	api "github.com/netbox-community/go-netbox/v4"
)

// What callers branch on.
var (
	ErrToken    = errors.New("NetBox refuses the token")
	ErrDenied   = errors.New("NetBox does not permit it")
	ErrBudget   = errors.New("the budget of requests is spent")
	ErrRedirect = errors.New("NetBox redirects")
	ErrTooOld   = errors.New("NetBox is too old")
	ErrUnheard  = errors.New("NetBox does not answer") // a write may have been done all the same
)

// Options say how NetBox is reached.
type Options struct {
	URL      string // https://netbox.example.com, with a path when it lives below one
	Token    string // of either kind: "nbt_…" or forty characters
	CA       []byte // PEM certificates to trust beside the system's
	Insecure bool   // do not verify the server's certificate
	Timeout  time.Duration
	Budget   int // requests at most; zero is DefaultBudget
	Agent    string
}

// What Options mean when they say nothing.
const (
	DefaultTimeout = 2 * time.Minute // longer than proxies wait, so that their word is heard
	DefaultBudget  = 5000
)

// A Client speaks to one NetBox. It is go-netbox's configuration (address, header,
// transport) with replies of our own: the library refuses a whole page for one
// value it does not know, and it can neither create lists nor patch them in part.
type Client struct {
	config *api.Configuration
	base   string
	budget int64
	spent  atomic.Int64
	pauses []time.Duration // between the tries of a request
}

// New makes a client; it does not connect.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(o.URL, "/"), "/api"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.User != nil || base.RawQuery != "" {
		return nil, fmt.Errorf("netbox: %q is not an address like https://netbox.example.com", o.URL)
	}
	if strings.TrimSpace(o.Token) == "" || strings.ContainsAny(o.Token, " \t\r\n") {
		return nil, fmt.Errorf("netbox: the token is empty or has spaces in it: %w", ErrToken)
	}
	transport, err := transport(o)
	if err != nil {
		return nil, err
	}
	config := api.NewConfiguration()
	config.UserAgent = o.Agent
	config.Servers = api.ServerConfigurations{{URL: base.String()}}
	config.AddDefaultHeader("Authorization", authorization(o.Token))
	config.AddDefaultHeader("Accept", "application/json")
	config.AddDefaultHeader("Accept-Language", "en-US")
	config.HTTPClient = &http.Client{Transport: transport, Timeout: or(o.Timeout, DefaultTimeout), CheckRedirect: refuseRedirect}
	return &Client{
		config: config, base: base.String(), budget: int64(or(o.Budget, DefaultBudget)),
		pauses: []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second},
	}, nil
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func transport(o Options) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12} // only when asked for
	if len(o.CA) == 0 {
		return t, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(o.CA) {
		return nil, errors.New("netbox: there is no PEM certificate in the file of authorities")
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

// authorization is the header for either kind of token.
func authorization(token string) string {
	if strings.HasPrefix(token, "nbt_") {
		return "Bearer " + token
	}
	return "Token " + token
}

// refuseRedirect stops at a redirect: a POST that follows one becomes a GET, and
// a write that did nothing would look like one that succeeded.
func refuseRedirect(next *http.Request, _ []*http.Request) error {
	return fmt.Errorf("%w to %s://%s: give that address", ErrRedirect, next.URL.Scheme, next.URL.Host)
}

// URL is the server's address.
func (c *Client) URL() string { return c.base }

// Requests is how many requests were sent.
func (c *Client) Requests() int { return int(c.spent.Load()) }

// A StatusError is a reply that is not a success.
type StatusError struct {
	Method, Path string
	Status       int
	Body         []byte
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("netbox: %s %s: status %d: %s", e.Method, e.Path, e.Status, e.detail())
}

// detail is what the server says about it, cut short.
func (e *StatusError) detail() string {
	var reply struct {
		Detail string `json:"detail"`
	}
	text := string(bytes.TrimSpace(e.Body))
	if json.Unmarshal(e.Body, &reply) == nil && reply.Detail != "" {
		text = reply.Detail
	}
	if strings.HasPrefix(text, "<") {
		text = "a page for people"
	}
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// Unwrap tells what callers branch on.
func (e *StatusError) Unwrap() error {
	token := strings.Contains(strings.ToLower(e.detail()), "token") || strings.Contains(e.detail(), "credentials")
	switch {
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden && token:
		return ErrToken
	case e.Status == http.StatusForbidden:
		return ErrDenied
	case e.Status == http.StatusTooManyRequests, e.Status >= 502 && e.Status <= 504:
		return ErrUnheard
	}
	return nil
}

// get reads one address into reply, and tries again when nobody answers.
func (c *Client) get(ctx context.Context, path string, query url.Values, reply any) error {
	for try := 0; ; try++ {
		err := c.do(ctx, http.MethodGet, path, query, nil, reply)
		if !errors.Is(err, ErrUnheard) || try == len(c.pauses) || !wait(ctx, c.pauses[try]) {
			return err
		}
	}
}

// do sends one request and decodes what a success replies.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body, reply any) error {
	if c.spent.Add(1) > c.budget {
		return fmt.Errorf("netbox: %w: %d", ErrBudget, c.budget)
	}
	request, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	response, err := c.config.HTTPClient.Do(request)
	switch {
	case errors.Is(err, ErrRedirect), ctx.Err() != nil:
		return fmt.Errorf("netbox: %s %s: %w", method, path, err)
	case err != nil:
		return fmt.Errorf("netbox: %s %s: %w: %w", method, path, ErrUnheard, cause(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return fmt.Errorf("netbox: %s %s: %w: %w", method, path, ErrUnheard, err)
	}
	if response.StatusCode/100 != 2 {
		return &StatusError{Method: method, Path: path, Status: response.StatusCode, Body: text}
	}
	if reply == nil {
		return nil
	}
	if err := decode(text, reply); err != nil {
		return fmt.Errorf("netbox: %s %s: the reply is not NetBox's: %w", method, path, err)
	}
	return nil
}

// maxReply bounds one reply: a page of a thousand objects is some megabytes.
const maxReply = 256 << 20

// cause takes the address, which may be long, out of an error of net/http.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values, body any) (*http.Request, error) {
	server, err := c.config.ServerURLWithContext(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("netbox: %w", err)
	}
	target := server + "/api/" + path + "/"
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	var reader io.Reader
	kind := "application/json"
	if f, ok := body.(form); ok {
		reader, kind = bytes.NewReader(f.text), f.kind
	} else if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("netbox: %s %s: %w", method, path, err)
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, target, reader)
	if err != nil {
		return nil, fmt.Errorf("netbox: %w", err)
	}
	for name, value := range c.config.DefaultHeader {
		request.Header.Set(name, value)
	}
	request.Header.Set("User-Agent", or(c.config.UserAgent, "nightcall"))
	if body != nil {
		request.Header.Set("Content-Type", kind)
	}
	// A list takes seconds. On a connection of its own it goes to a process of NetBox's
	// that is free; kept connections may both belong to one, which does one thing at once.
	_, request.Close = body.([]map[string]any)
	return request, nil
}

// A form is a body that holds a picture.
type form struct {
	text []byte
	kind string
}

func newForm(fields map[string]any, picture []byte) (form, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := w.WriteField(name, fmt.Sprint(fields[name])); err != nil {
			return form{}, fmt.Errorf("netbox: %w", err)
		}
	}
	part, err := w.CreateFormFile("image", "nightcall.png")
	if err == nil {
		_, err = part.Write(picture)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return form{}, fmt.Errorf("netbox: %w", err)
	}
	return form{b.Bytes(), w.FormDataContentType()}, nil
}

// wait lets some time pass; it reports false when ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// A page is one part of a list.
type page struct {
	Next    *string           `json:"next"`
	Results []json.RawMessage `json:"results"`
}

// pageSize is NetBox's own upper limit.
const pageSize = 1000

// list reads every object that the query names.
func (c *Client) list(ctx context.Context, kind Kind, query url.Values, each func(map[string]any)) error {
	var broken error
	err := c.listRaw(ctx, kinds[kind].path, strings.Join(kinds[kind].reads(), ","), query, func(raw json.RawMessage) {
		var object map[string]any
		if err := decode(raw, &object); err != nil {
			broken = fmt.Errorf("netbox: %s: the reply is not NetBox's: %w", kinds[kind].path, err)
			return
		}
		each(object)
	})
	return errors.Join(err, broken)
}

// listRaw reads a list page by page. The next page is reckoned here: behind
// proxies the server's own link may point elsewhere.
func (c *Client) listRaw(ctx context.Context, path, fields string, query url.Values, each func(json.RawMessage)) error {
	query = clone(query)
	query.Set("limit", strconv.Itoa(pageSize))
	query.Set("fields", fields)
	for offset := 0; ; {
		query.Set("offset", strconv.Itoa(offset))
		var p page
		if err := c.get(ctx, path, query, &p); err != nil {
			return err
		}
		for _, object := range p.Results {
			each(object)
		}
		if p.Next == nil || len(p.Results) == 0 {
			return nil
		}
		offset += len(p.Results)
	}
}

// decode keeps numbers as they are written.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

func clone(query url.Values) url.Values {
	copied := url.Values{}
	for k, v := range query {
		copied[k] = v
	}
	return copied
}

// maxQuery keeps a request's first line below what gunicorn takes (4094 bytes).
const maxQuery = 3000

// listBy reads the objects whose filter is one of the values, in as few requests
// as the length of an address allows. A filter that NetBox does not know matches
// everything, so what comes back must be checked by the caller.
func (c *Client) listBy(ctx context.Context, kind Kind, fixed url.Values, filter string, values []string, each func(map[string]any)) error {
	for len(values) > 0 {
		n, size := 0, 0
		for n < len(values) && (n == 0 || size < maxQuery) {
			size += len(url.QueryEscape(filter)) + len(url.QueryEscape(values[n])) + 2
			n++
		}
		query := clone(fixed)
		query[filter] = values[:n]
		if err := c.list(ctx, kind, query, each); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

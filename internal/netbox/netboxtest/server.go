package netboxtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png" // the pictures that are uploaded
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// AdminToken is the administrator's.
const AdminToken = "nbt_AdminAdminAd.0000000000000000000000000000000000000000"

// An endpoint is a kind of object. What it looks like is recorded; what must hold
// for it is written here.
type endpoint struct {
	model    string
	name     string // as NetBox calls one
	required []string
	unique   []string   // each alone
	together [][]string // both; names without regard to case
	clash    string     // what is said then
	protects []string   // "path field" of objects that keep one from being deleted
	takes    []string   // "path field" of objects that go with it
}

var endpoints = map[string]endpoint{
	"extras/tags":              {model: "extras.tag", name: "tag", required: []string{"name", "slug"}, unique: []string{"name", "slug"}},
	"extras/custom-fields":     {model: "extras.customfield", name: "custom field", required: []string{"name", "type", "object_types"}, unique: []string{"name"}},
	"extras/journal-entries":   {model: "extras.journalentry", name: "journal entry", required: []string{"assigned_object_type", "assigned_object_id", "comments"}},
	"extras/image-attachments": {model: "extras.imageattachment", name: "image attachment", required: []string{"object_type", "object_id"}},
	"dcim/sites":               {model: "dcim.site", name: "site", required: []string{"name", "slug"}, unique: []string{"name", "slug"}, protects: []string{"dcim/devices site", "virtualization/virtual-machines site"}},
	"dcim/manufacturers":       {model: "dcim.manufacturer", name: "manufacturer", required: []string{"name", "slug"}, unique: []string{"name", "slug"}, protects: []string{"dcim/device-types manufacturer"}},
	"dcim/device-types":        {model: "dcim.devicetype", name: "device type", required: []string{"manufacturer", "model", "slug"}, together: [][]string{{"manufacturer", "model"}}, protects: []string{"dcim/devices device_type"}},
	"dcim/device-roles":        {model: "dcim.devicerole", name: "device role", required: []string{"name", "slug"}, unique: []string{"name", "slug"}, protects: []string{"dcim/devices role", "virtualization/virtual-machines role"}},
	"dcim/platforms":           {model: "dcim.platform", name: "platform", required: []string{"name", "slug"}, unique: []string{"name", "slug"}},
	"dcim/devices":             {model: "dcim.device", name: "device", required: []string{"device_type", "role", "site"}, together: [][]string{{"name", "site"}}, clash: "Device name must be unique per site and tenant.", takes: []string{"dcim/interfaces device", "ipam/services parent_object_id", "extras/journal-entries assigned_object_id"}},
	"dcim/interfaces":          {model: "dcim.interface", name: "interface", required: []string{"device", "name", "type"}, together: [][]string{{"device", "name"}}, clash: "Interface with this Device and Name already exists.", takes: []string{"ipam/ip-addresses assigned_object_id"}},
	"dcim/mac-addresses":       {model: "dcim.macaddress", name: "MAC address"},

	"virtualization/cluster-types":    {model: "virtualization.clustertype", name: "cluster type", required: []string{"name", "slug"}, unique: []string{"name", "slug"}, protects: []string{"virtualization/clusters type"}},
	"virtualization/clusters":         {model: "virtualization.cluster", name: "cluster", required: []string{"name", "type"}, protects: []string{"virtualization/virtual-machines cluster"}},
	"virtualization/virtual-machines": {model: "virtualization.virtualmachine", name: "virtual machine", required: []string{"name"}, together: [][]string{{"name", "cluster"}}, clash: "Virtual machine name must be unique per cluster and tenant.", takes: []string{"virtualization/interfaces virtual_machine", "virtualization/virtual-disks virtual_machine", "ipam/services parent_object_id", "extras/journal-entries assigned_object_id"}},
	"virtualization/interfaces":       {model: "virtualization.vminterface", name: "interface", required: []string{"virtual_machine", "name"}, together: [][]string{{"virtual_machine", "name"}}, clash: "Interface with this Virtual machine and Name already exists.", takes: []string{"ipam/ip-addresses assigned_object_id"}},
	"virtualization/virtual-disks":    {model: "virtualization.virtualdisk", name: "virtual disk", required: []string{"virtual_machine", "name", "size"}, together: [][]string{{"virtual_machine", "name"}}, clash: "Virtual disk with this Virtual machine and Name already exists."},
	"ipam/prefixes":                   {model: "ipam.prefix", name: "prefix", required: []string{"prefix"}},
	"ipam/ip-addresses":               {model: "ipam.ipaddress", name: "IP address", required: []string{"address"}},
	"ipam/services":                   {model: "ipam.service", name: "application service", required: []string{"name", "parent_object_type", "parent_object_id"}},
}

func pathOf(model string) string {
	for path, e := range endpoints {
		if e.model == model {
			return path
		}
	}
	return ""
}

// An object is what was sent: related ones as their id, choices as their value,
// tags as their slugs.
type object map[string]any

func (o object) tags() []string {
	slugs, _ := o["tags"].([]string)
	return slugs
}

func (o object) custom() map[string]any {
	fields, _ := o["custom_fields"].(map[string]any)
	return fields
}

type table struct {
	rows map[int64]object
	last int64
}

// all are the objects by age.
func (t *table) all() []object {
	var list []object
	for _, o := range t.rows {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b object) int { return cmp.Compare(integer(a["id"]), integer(b["id"])) })
	return list
}

// A permission is one object permission.
type permission struct {
	Name        string     `json:"name"`
	Enabled     bool       `json:"enabled"`
	ObjectTypes []string   `json:"object_types"`
	Actions     []string   `json:"actions"`
	Users       []int64    `json:"users"`
	Constraints constraint `json:"constraints"`
}

// A Server is a small NetBox in memory.
type Server struct {
	mu          sync.Mutex
	shapes      *shapes
	tables      map[string]*table
	users       []string
	permissions []permission
	tokens      []string // of user 2 and on; an expired one is empty
	log         strings.Builder
}

// New makes an empty one.
func New() *Server {
	s := &Server{shapes: learn(Recorded())}
	s.Reset()
	return s
}

// Reset empties it.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables = map[string]*table{}
	for path := range endpoints {
		s.tables[path] = &table{rows: map[int64]object{}}
	}
	s.users, s.permissions, s.tokens = []string{"admin"}, nil, nil
	s.log.Reset()
}

// Log returns the requests since the last call, one a line.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.log.Reset()
	return s.log.String()
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, reply := s.answer(r)
	fmt.Fprintf(&s.log, "%s %s %d\n", r.Method, r.URL.RequestURI(), status)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if reply != nil {
		_ = json.NewEncoder(w).Encode(reply)
	}
}

func detail(words string) map[string]any { return map[string]any{"detail": words} }

const denied = "You do not have permission to perform this action."

func (s *Server) answer(r *http.Request) (int, any) {
	path, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok || !strings.HasSuffix(path, "/") {
		return http.StatusNotFound, nil
	}
	path = strings.TrimSuffix(path, "/")
	if path == "users/tokens/provision" {
		return s.provision()
	}
	user, refused := s.user(r.Header.Get("Authorization"))
	if refused != "" {
		return http.StatusForbidden, detail(refused)
	}
	switch {
	case path == "status":
		return http.StatusOK, s.shapes.whole["status"]
	case path == "authentication-check":
		return http.StatusOK, s.rights(user)
	case strings.HasPrefix(path, "users/") && user == 1:
		return s.account(path, r)
	}
	if at, id, ok := cutID(path); ok && r.Method == http.MethodPatch {
		return s.one(user, at, id, r)
	}
	if _, known := endpoints[path]; !known {
		return http.StatusNotFound, nil
	}
	return s.objects(user, path, r)
}

// user finds who a token belongs to: 1 is the administrator.
func (s *Server) user(header string) (int64, string) {
	_, token, ok := strings.Cut(header, " ")
	switch n := slices.Index(s.tokens, token); {
	case !ok:
		return 0, "Authentication credentials were not provided."
	case token == AdminToken:
		return 1, ""
	case n >= 0:
		return int64(n + 2), ""
	case strings.HasPrefix(token, "nbt_User"):
		return 0, "Token expired"
	}
	return 0, "Invalid v2 token"
}

func (s *Server) provision() (int, any) {
	key := fmt.Sprintf("UserUser%04d", len(s.tokens))
	plain := strings.Repeat("0", 36) + fmt.Sprintf("%04d", len(s.tokens))
	s.tokens = append(s.tokens, "nbt_"+key+"."+plain)
	return http.StatusCreated, map[string]any{"id": len(s.tokens) + 1, "key": key, "token": plain, "version": 2}
}

// account is what an administrator does to let somebody in.
func (s *Server) account(path string, r *http.Request) (int, any) {
	switch {
	case path == "users/users" && r.Method == http.MethodPost:
		var sent struct{ Username string }
		if json.NewDecoder(r.Body).Decode(&sent) != nil {
			return http.StatusBadRequest, nil
		}
		s.users = append(s.users, sent.Username)
		return http.StatusCreated, map[string]any{"id": len(s.users)}
	case path == "users/permissions" && r.Method == http.MethodPost:
		var p permission
		if json.NewDecoder(r.Body).Decode(&p) != nil {
			return http.StatusBadRequest, nil
		}
		s.permissions = append(s.permissions, p)
		return http.StatusCreated, map[string]any{"id": len(s.permissions)}
	case strings.HasPrefix(path, "users/tokens/") && r.Method == http.MethodPatch:
		id, _ := strconv.Atoi(path[len("users/tokens/"):])
		if id < 2 || id > len(s.tokens)+1 {
			return http.StatusNotFound, nil
		}
		s.tokens[id-2] = ""
		return http.StatusOK, map[string]any{"id": id}
	}
	return http.StatusNotFound, nil
}

func (s *Server) rights(user int64) any {
	given := []any{}
	for n, p := range s.permissions {
		if slices.Contains(p.Users, user) {
			given = append(given, map[string]any{
				"id": n + 1, "url": "http://netbox", "display": p.Name, "name": p.Name, "description": "", "enabled": p.Enabled, "object_types": p.ObjectTypes, "actions": p.Actions,
			})
		}
	}
	var reply map[string]any
	_ = json.Unmarshal(s.shapes.whole["rights of an administrator"], &reply)
	reply["permissions"], reply["display"], reply["username"] = given, s.users[user-1], s.users[user-1]
	return reply
}

// A constraint says which objects a permission is for: those with a tag, those
// whose name begins so, or all.
type constraint map[string]any

func (c constraint) fits(o object) bool {
	slug := text(c["tags__slug"])
	return (slug == "" || slices.Contains(o.tags(), slug)) && strings.HasPrefix(text(o["name"]), text(c["name__startswith"]))
}

// may reports whether a user may do something to a kind of object, and to which of
// them.
func (s *Server) may(user int64, action, path string) (constraint, bool) {
	if user == 1 {
		return nil, true
	}
	for _, p := range s.permissions {
		if slices.Contains(p.Users, user) && p.Enabled && slices.Contains(p.ObjectTypes, endpoints[path].model) && slices.Contains(p.Actions, action) {
			return p.Constraints, true
		}
	}
	return nil, false
}

func (s *Server) objects(user int64, path string, r *http.Request) (int, any) {
	action := map[string]string{"GET": "view", "POST": "add", "PATCH": "change", "DELETE": "delete", "OPTIONS": ""}[r.Method]
	only, ok := s.may(user, action, path)
	if action != "" && !ok {
		return http.StatusForbidden, detail(denied)
	}
	switch r.Method {
	case http.MethodGet:
		return http.StatusOK, s.list(path, r.URL.Query())
	case http.MethodOptions:
		return http.StatusOK, s.options(user, path)
	}
	sent, several, err := decodeBody(r)
	if err != nil {
		return http.StatusBadRequest, detail("JSON parse error")
	}
	switch r.Method {
	case http.MethodPost:
		return s.create(path, sent, several, r.URL.Query())
	case http.MethodPatch:
		return s.change(path, sent, only, r.URL.Query())
	}
	return s.remove(path, sent)
}

// cutID tells an object's own address.
func cutID(path string) (string, int64, bool) {
	at, id, _ := strings.Cut(path[strings.Index(path, "/")+1:], "/")
	at = path[:strings.Index(path, "/")+1] + at
	_, known := endpoints[at]
	return at, integer(id), known && integer(id) > 0
}

// one changes the object of an address.
func (s *Server) one(user int64, path string, id int64, r *http.Request) (int, any) {
	only, ok := s.may(user, "change", path)
	if !ok {
		return http.StatusForbidden, detail(denied)
	}
	sent, _, err := decodeBody(r)
	if err != nil {
		return http.StatusBadRequest, detail("JSON parse error")
	}
	sent[0]["id"] = id
	status, reply := s.change(path, sent, only, r.URL.Query())
	if list, ok := reply.([]any); ok {
		return status, list[0]
	}
	return status, reply
}

func (s *Server) options(user int64, path string) any {
	var title []string
	for _, word := range append(strings.Fields(endpoints[path].name), "list") {
		title = append(title, strings.ToUpper(word[:1])+word[1:])
	}
	name := strings.Join(title, " ")
	reply := map[string]any{
		"name": name, "description": "", "renders": []string{"application/json", "text/html"}, "parses": []string{"application/json", "multipart/form-data"},
	}
	actions := map[string]any{}
	for method, action := range map[string]string{"POST": "add", "PUT": "change"} {
		if _, ok := s.may(user, action, path); ok {
			actions[method] = map[string]any{}
		}
	}
	if len(actions) > 0 {
		reply["actions"] = actions
	}
	return reply
}

// decodeBody reads one object, a list of them, or a form with a picture.
func decodeBody(r *http.Request) ([]object, bool, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		o, err := decodeForm(r)
		return []object{o}, false, err
	}
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber()
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return nil, false, err
	}
	if strings.HasPrefix(string(raw), "[") {
		var list []object
		err := unmarshal(raw, &list)
		return list, true, err
	}
	var one object
	err := unmarshal(raw, &one)
	return []object{one}, false, err
}

func unmarshal(raw []byte, into any) error {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	return decoder.Decode(into)
}

func decodeForm(r *http.Request) (object, error) {
	if err := r.ParseMultipartForm(32 << 20); err != nil {
		return nil, err
	}
	o := object{}
	for name, values := range r.MultipartForm.Value {
		o[name] = values[0]
		if name == "object_id" {
			o[name] = json.Number(values[0])
		}
	}
	file, header, err := r.FormFile("image")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	config, _, err := image.DecodeConfig(file)
	if err != nil {
		return object{"image": nil}, nil // which is said about the object
	}
	o["image"] = "http://netbox/media/image-attachments/" + url.PathEscape(header.Filename)
	o["image_width"], o["image_height"], o["image_size"] = config.Width, config.Height, header.Size
	return o, nil
}

// text is a value as a word.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(value)
}

func integer(value any) int64 {
	n, _ := strconv.ParseInt(text(value), 10, 64)
	return n
}

// words are a list of texts.
func words(value any) []string {
	var list []string
	items, _ := value.([]any)
	for _, item := range items {
		list = append(list, text(item))
	}
	return list
}

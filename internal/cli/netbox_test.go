package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nightcall-sh/nightcall/internal/netbox"
)

// A testNetBox is a NetBox that a script has for itself, empty at first: a real one
// with the build tag netbox, or else one in memory that answers as recorded.
type testNetBox interface {
	// start makes it answer, what it held still in it.
	start() (url, adminToken string, err error)
	// kill ends it as a crash would.
	kill()
	// requests are those since the last call, one a line.
	requests() (string, error)
	// leave lets the next script have it.
	leave()
}

// TestNetBoxScripts runs the scripts about NetBox.
func TestNetBoxScripts(t *testing.T) {
	t.Parallel()
	t.Cleanup(stopNetBox)
	words := maps.Clone(commands)
	words["netbox"] = scriptNetBox
	testscript.Run(t, testscript.Params{
		Dir: "testdata/netbox", Cmds: words,
		Setup: func(env *testscript.Env) error {
			env.Values[netboxKey{}] = &scriptedNetBox{}
			return scriptSetup(env)
		},
		RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
	})
}

type netboxKey struct{}

// A scriptedNetBox is the one of a script, once it has one.
type scriptedNetBox struct {
	testNetBox
	url   string
	token string // of the administrator
}

func netboxOf(ts *testscript.TestScript) *scriptedNetBox {
	return ts.Value(netboxKey{}).(*scriptedNetBox)
}

// scriptNetBox is
//
//	netbox up [RIGHT...]              an empty NetBox with a user who may do what apply needs, but for the RIGHTs
//	netbox api METHOD PATH FILE [BODY] what the administrator does, with a body or @FILE of it; the reply is FILE
//	netbox expire                     the user's token has expired
//	netbox lose N                     a proxy that answers 502 to the Nth write, which was done
//	netbox die N                      the server is killed at the Nth write
//	netbox start                      and started again
//	netbox stop                       the server is killed now
//	netbox requests FILE              the requests that it has logged, one a line; the log begins anew
func scriptNetBox(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: netbox up|api|expire|lose|die|start|stop|requests")
	}
	switch verb, args := args[0], args[1:]; verb {
	case "up":
		netboxUp(ts, args)
	case "api":
		body := ""
		if len(args) > 3 {
			body = args[3]
		}
		if name, ok := strings.CutPrefix(body, "@"); ok {
			body = ts.ReadFile(name)
		}
		reply := netboxAPI(ts, args[0], args[1], body)
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), reply, 0o600))
	case "expire":
		netboxAPI(ts, http.MethodPatch, "users/tokens/"+ts.Getenv("token_id")+"/", `{"expires": "2020-01-01T00:00:00Z"}`)
	case "lose", "die":
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		netboxProxy(ts, int64(n), verb == "die")
	case "start":
		_, _, err := netboxOf(ts).start()
		ts.Check(err)
	case "stop":
		netboxOf(ts).kill()
	case "requests":
		text, err := netboxOf(ts).requests()
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
	default:
		ts.Fatalf("netbox %s: no such verb", verb)
	}
}

func netboxUp(ts *testscript.TestScript, without []string) {
	n := netboxOf(ts)
	var err error
	n.testNetBox, err = emptyNetBox()
	ts.Check(err)
	ts.Defer(n.leave)
	n.url, n.token, err = n.start()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("admin"), []byte(n.token+"\n"), 0o600))
	netboxUser(ts, without)
	ts.Setenv("NIGHTCALL_NETBOX_URL", n.url)
	ts.Setenv("NIGHTCALL_NETBOX_TOKEN_FILE", ts.MkAbs("token"))
}

// netboxUser makes a user who may do what apply needs and nothing else; what it
// changes must be ours.
func netboxUser(ts *testscript.TestScript, without []string) {
	const password = "night-Call-0430"
	var user struct{ ID int }
	decodeReply(ts, netboxAPI(ts, http.MethodPost, "users/users/", `{"username": "nightcall", "password": "`+password+`"}`), &user)
	objects := map[string][]string{}
	for _, right := range netbox.Rights() {
		if !strings.Contains(strings.Join(without, " "), right.Object+":"+right.Action) {
			objects[right.Action] = append(objects[right.Action], right.Object)
		}
	}
	if i := slices.Index(objects["change"], "extras.imageattachment"); i >= 0 { // which has no tags
		objects["change"] = slices.Delete(objects["change"], i, i+1)
		netboxAPI(ts, http.MethodPost, "users/permissions/", fmt.Sprintf(
			`{"name": "pictures", "enabled": true, "object_types": ["extras.imageattachment"], "actions": ["change"], "users": [%d], "constraints": {"name__startswith": "nightcall "}}`, user.ID,
		))
	}
	for action, types := range objects {
		permission := map[string]any{"name": action, "object_types": types, "actions": []string{action}, "users": []int{user.ID}, "enabled": true}
		if action == "change" {
			permission["constraints"] = map[string]string{"tags__slug": netbox.TagSlug}
		}
		body, err := json.Marshal(permission)
		ts.Check(err)
		netboxAPI(ts, http.MethodPost, "users/permissions/", string(body))
	}
	var token struct {
		ID         int
		Key, Token string
	}
	decodeReply(ts, netboxAPI(ts, http.MethodPost, "users/tokens/provision/", `{"username": "nightcall", "password": "`+password+`"}`), &token)
	ts.Setenv("token_id", strconv.Itoa(token.ID))
	ts.Check(os.WriteFile(ts.MkAbs("token"), []byte("nbt_"+token.Key+"."+token.Token+"\n"), 0o600))
}

func decodeReply(ts *testscript.TestScript, reply []byte, into any) {
	ts.Check(json.Unmarshal(reply, into))
}

// netboxAPI sends one request as the administrator.
func netboxAPI(ts *testscript.TestScript, method, path, body string) []byte {
	request, err := http.NewRequestWithContext(context.Background(), method, netboxOf(ts).url+"/api/"+path, strings.NewReader(body))
	ts.Check(err)
	if !strings.HasSuffix(path, "provision/") {
		request.Header.Set("Authorization", "Bearer "+netboxOf(ts).token)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode/100 != 2 {
		ts.Fatalf("%s %s: %s: %s", method, path, response.Status, reply)
	}
	return reply
}

// netboxProxy stands between nightcall and NetBox and breaks the nth write.
func netboxProxy(ts *testscript.TestScript, n int64, die bool) {
	target, err := url.Parse(netboxOf(ts).url)
	ts.Check(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	var writes atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		broken := r.Method == http.MethodPost && writes.Add(1) == n
		switch {
		case broken && die:
			netboxOf(ts).kill()
			w.WriteHeader(http.StatusBadGateway)
		case broken:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv("NIGHTCALL_NETBOX_URL", server.URL)
}

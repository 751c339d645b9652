//go:build netbox

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nightcall-sh/nightcall/internal/netbox"
)

// TestNetBoxScripts runs the scripts that need a real NetBox.
func TestNetBoxScripts(t *testing.T) {
	t.Parallel()
	t.Cleanup(stopNetBox)
	words := maps.Clone(commands)
	words["netbox"] = scriptNetBox
	testscript.Run(t, testscript.Params{
		Dir: "testdata/netbox", Setup: scriptSetup, Cmds: words,
		RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
	})
}

// theNetBox is the one real NetBox of the scripts. A script has it for itself,
// empty, from its first `netbox up` to its end.
var theNetBox struct {
	mine    sync.Mutex
	started atomic.Bool
	url     string
	token   string       // of the administrator
	pid     atomic.Int64 // also read by proxies
	log     string
}

// netboxCommand runs scripts/netbox for the instance of these tests.
func netboxCommand(verb string) (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(wd))
	cmd := exec.Command(filepath.Join(wd, "../../scripts/netbox"), verb)
	cmd.Env = append(os.Environ(), fmt.Sprintf("NIGHTCALL_NETBOX_ID=cli-%08x", hash.Sum32()))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/netbox %s: %w\n%s", verb, err, said.String())
	}
	return string(out), nil
}

// startNetBox starts the server, or what of it has died.
func startNetBox() error {
	theNetBox.started.Store(true)
	out, err := netboxCommand("up")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "url":
			theNetBox.url = value
		case "token":
			theNetBox.token = value
		case "log":
			theNetBox.log = value
		case "pid":
			pid, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fmt.Errorf("scripts/netbox up: pid: %w", err)
			}
			theNetBox.pid.Store(pid)
		}
	}
	return nil
}

func stopNetBox() {
	if theNetBox.started.Load() {
		_, _ = netboxCommand("down")
	}
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
		ts.Check(startNetBox())
	case "stop":
		killNetBox()
	case "requests":
		text, err := os.ReadFile(theNetBox.log)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
		ts.Check(os.Truncate(theNetBox.log, 0))
	default:
		ts.Fatalf("netbox %s: no such verb", verb)
	}
}

func netboxUp(ts *testscript.TestScript, without []string) {
	theNetBox.mine.Lock()
	ts.Defer(theNetBox.mine.Unlock)
	ts.Check(startNetBox())
	_, err := netboxCommand("reset")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("admin"), []byte(theNetBox.token+"\n"), 0o600))
	netboxUser(ts, without)
	ts.Setenv("NIGHTCALL_NETBOX_URL", theNetBox.url)
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
	request, err := http.NewRequestWithContext(context.Background(), method, theNetBox.url+"/api/"+path, strings.NewReader(body))
	ts.Check(err)
	if !strings.HasSuffix(path, "provision/") {
		request.Header.Set("Authorization", "Bearer "+theNetBox.token)
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
	target, err := url.Parse(theNetBox.url)
	ts.Check(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	var writes atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		broken := r.Method == http.MethodPost && writes.Add(1) == n
		switch {
		case broken && die:
			killNetBox()
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

// killNetBox ends the web server and its workers as a crash would.
func killNetBox() {
	group, err := syscall.Getpgid(int(theNetBox.pid.Load()))
	if err != nil || group == syscall.Getpgrp() {
		return
	}
	if err := syscall.Kill(-group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		panic(err)
	}
}

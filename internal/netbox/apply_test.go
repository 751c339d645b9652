package netbox

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/netbox/netboxtest"
)

// tasksOf are tasks of hosts that have so many objects each.
func tasksOf(counts ...int) []task {
	var tasks []task
	for host, n := range counts {
		for range n {
			tasks = append(tasks, task{step: Step{Host: fmt.Sprint(host)}})
		}
	}
	return tasks
}

func TestBatchesEndWithHosts(t *testing.T) {
	t.Parallel()
	sixes := make([]int, 40)
	for i := range sixes {
		sixes[i] = 6
	}
	for _, test := range []struct {
		name   string
		counts []int
		most   int
		want   string
	}{
		{"nothing", nil, 100, "[]"},
		{"one host", []int{7}, 100, "[7]"},
		{"much the same length", sixes, 100, "[84 78 78]"},
		{"few at a time", []int{6, 6, 6, 6}, 12, "[12 12]"},
		{"a host larger than a batch", []int{250}, 100, "[84 83 83]"},
		{"never above the limit", []int{60, 60, 60}, 100, "[60 60 60]"},
		{"a large one between small ones", []int{5, 150, 5}, 100, "[5 78 77]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, part := range byHost(tasksOf(test.counts...), test.most) {
				got = append(got, len(part))
			}
			if fmt.Sprint(got) != test.want {
				t.Errorf("%v, want %s", got, test.want)
			}
		})
	}
}

// What is in different hosts, or of kinds that do not need each other, goes side by
// side; new devices of one type do not. A list comes over a connection of its own.
func TestWritersWorkSideBySide(t *testing.T) {
	t.Parallel()
	var (
		mu      sync.Mutex
		open    = map[string]int{} // lists on their way, by method and address
		doubled bool               // two lists of new devices at once
		met     = make(chan struct{})
		once    sync.Once
		memory  = netboxtest.New()
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			memory.ServeHTTP(w, r)
			return
		}
		path := r.Method + " " + strings.Trim(r.URL.Path, "/")
		mu.Lock()
		if !r.Close {
			t.Errorf("%s came over a connection that is kept", path)
		}
		open[path]++
		doubled = doubled || open["POST api/dcim/devices"] > 1
		if open["POST api/dcim/interfaces"]+open["POST api/virtualization/interfaces"] > 1 {
			once.Do(func() { close(met) })
		}
		mu.Unlock()
		if strings.HasSuffix(path, "/interfaces") {
			select {
			case <-met:
			case <-time.After(time.Minute):
				t.Error("no two lists of interfaces are on their way at once")
			}
		}
		reply := httptest.NewRecorder()
		memory.ServeHTTP(reply, r)
		mu.Lock()
		open[path]-- // before the answer, which may be followed by the next list at once
		mu.Unlock()
		maps.Copy(w.Header(), reply.Header())
		w.WriteHeader(reply.Code)
		_, _ = w.Write(reply.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	c := dial(t, Options{URL: server.URL})
	wanted := Map(crowd()[20:60], Placing{Site: "dc1"}, Notes{}) // twenty machines and twenty guests
	there, err := c.Read(context.Background(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	result, err := c.Apply(context.Background(), Compare(wanted, there, nil), "test", &ledger{})
	if err != nil || len(result.Failures) > 0 || result.Created != len(wanted) {
		t.Fatalf("%d of %d objects made: %v %v", result.Created, len(wanted), err, result.Failures)
	}
	mu.Lock()
	defer mu.Unlock()
	if doubled {
		t.Error("devices of one type are made side by side")
	}
}

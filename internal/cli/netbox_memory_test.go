//go:build !netbox

package cli

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/nightcall-sh/nightcall/internal/netbox/netboxtest"
)

// A memoryNetBox answers as a real one was recorded to.
type memoryNetBox struct {
	memory *netboxtest.Server
	server *httptest.Server
	dead   atomic.Bool
}

func emptyNetBox() (testNetBox, error) {
	n := &memoryNetBox{memory: netboxtest.New()}
	n.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.dead.Load() {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		n.memory.ServeHTTP(w, r)
	}))
	return n, nil
}

func (n *memoryNetBox) start() (url, adminToken string, err error) {
	n.dead.Store(false)
	return n.server.URL, netboxtest.AdminToken, nil
}

func (n *memoryNetBox) kill()                     { n.dead.Store(true) }
func (n *memoryNetBox) requests() (string, error) { return n.memory.Log(), nil }
func (n *memoryNetBox) leave()                    { n.server.Close() }

func stopNetBox() {}

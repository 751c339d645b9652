package ssh

import (
	"context"
	"net"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// How a range is swept: many addresses at once, each for a moment, because most
// of them are nobody.
const (
	sweepParallel = 256
	sweepTimeout  = 2 * time.Second
)

// Sweep reports, for each route, whether anything accepts a TCP connection at its
// first hop within two seconds. It is how a range is thinned out before anybody
// is visited.
func Sweep(ctx context.Context, routes []Route) []bool {
	answers := make([]bool, len(routes))
	var workers errgroup.Group
	workers.SetLimit(sweepParallel)
	for n, route := range routes {
		workers.Go(func() error {
			answers[n] = accepts(ctx, route[0])
			return nil
		})
	}
	_ = workers.Wait()
	return answers
}

func accepts(ctx context.Context, h Hop) bool {
	dialer := net.Dialer{Timeout: sweepTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(h.Address, strconv.Itoa(h.Port)))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

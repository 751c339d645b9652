package fact

import (
	"strconv"
	"time"
)

// asked makes a Fact that no script tells: a deep look asks for it over the
// network.
func asked[T any](name, title string, asks []string, field func(*Set) *Observed[T]) Fact {
	return Fact{
		Name: name, Title: title, Probe: Probe{Deep: true, Asks: asks},
		read:  func(Raw, time.Time, *Set) {},
		field: func(set *Set) slot { return field(set) },
	}
}

// A Cache is a Redis as its INFO describes it.
type Cache struct {
	Port       int    `json:"port"`
	Version    string `json:"version"`
	Role       string `json:"role"`   // main, replica
	Source     string `json:"source"` // of a replica: host:port
	Linked     bool   `json:"linked"` // of a replica: it is connected with its source
	Lag        int64  `json:"lag"`    // of a replica: seconds since it heard from its source; -1 when not told
	Replicas   int    `json:"replicas"`
	Memory     int64  `json:"memory"`     // bytes
	MemoryMax  int64  `json:"memory_max"` // 0: no limit
	Policy     string `json:"policy"`     // what happens at the limit
	Evicted    int64  `json:"evicted"`    // keys, since its start
	SaveFailed bool   `json:"save_failed"`
}

// Key names the item in its list.
func (c Cache) Key() string { return "redis " + strconv.Itoa(c.Port) }

func cachesFact() Fact {
	return asked("caches", "what Redis says of itself", []string{
		"INFO, of every Redis that listens on the host and asks for no password",
	}, func(s *Set) *Observed[[]Cache] { return &s.Caches })
}

// A Reply is what a service answered to one harmless question that nobody had
// authenticated.
type Reply struct {
	Service  string   `json:"service"` // Jenkins
	Port     int      `json:"port"`
	Address  string   `json:"address"` // that was asked, from the host itself
	Process  string   `json:"process"`
	Access   string   `json:"access"` // open, readable (it shows itself, and lets nobody change anything), guarded, unclear
	Version  string   `json:"version"`
	Asked    string   `json:"asked"`    // the question
	Said     string   `json:"said"`     // the part of the answer that tells
	Why      string   `json:"why"`      // what whoever reaches it can do
	Everyone bool     `json:"everyone"` // it listens on more than loopback
	OpenTo   []string `json:"open_to"`  // other places from which it was asked and was as open
	ShutTo   []string `json:"shut_to"`  // those from which it was not
}

// Key names the item in its list.
func (r Reply) Key() string { return r.Service + " " + strconv.Itoa(r.Port) }

// What a service's reply says of who may use it.
const (
	ReplyOpen     = "open"
	ReplyReadable = "readable"
	ReplyGuarded  = "guarded"
	ReplyUnclear  = "unclear"
)

func repliesFact() Fact {
	return asked("replies", "whether services answer somebody who has not authenticated", []string{
		"one GET of / of each service that speaks HTTP, then one GET of the page that tells whether Jenkins, Elasticsearch, Docker, etcd, Consul, Kibana, RabbitMQ, Solr, Prometheus, Grafana, MinIO, CouchDB, phpMyAdmin or Spring's actuator is open",
		"INFO of Redis, version of memcached, srvr of ZooKeeper, listDatabases of MongoDB",
		"from the host itself, from another host, and from this laptop",
	}, func(s *Set) *Observed[[]Reply] { return &s.Replies })
}

// A Heartbeat is how a TLS service took a heartbeat that claims one byte more
// than it has (CVE-2014-0160).
type Heartbeat struct {
	Port    int    `json:"port"`
	Process string `json:"process"`
	Verdict string `json:"verdict"` // vulnerable, fixed, unaffected, unknown
	Proof   string `json:"proof"`
}

// Key names the item in its list.
func (h Heartbeat) Key() string { return "port " + strconv.Itoa(h.Port) }

func heartbeatsFact() Fact {
	return asked("heartbeats", "how TLS services take a heartbeat that claims too much", []string{
		"with --probe-heartbleed alone: a TLS greeting, one heartbeat that claims a byte it does not have, and a correct one, of each TLS service; of the answer only its length is read",
	}, func(s *Set) *Observed[[]Heartbeat] { return &s.Heartbeats })
}

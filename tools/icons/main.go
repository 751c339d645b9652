// Command icons makes internal/diagram/icons out of the pictures of go-diagrams,
// scaled down to what a diagram shows. It is run by hand, from the directory of
// the module: go -C tools run ./icons
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"github.com/blushft/go-diagrams/nodes/assets"
	"golang.org/x/image/draw"
)

// size is the edge of an icon, in pixels: twice what is shown, for sharp
// screens.
const size = 96

// icons names the picture of each kind of service, and of what is none.
var icons = map[string]string{
	"haproxy": "apps/network/haproxy", "traefik": "apps/network/traefik", "nginx": "apps/network/nginx", "apache": "apps/network/apache",
	"jenkins": "apps/ci/jenkins", "elasticsearch": "elastic/elasticsearch/elasticsearch", "kafka": "apps/queue/kafka", "zookeeper": "apps/network/zookeeper",
	"cassandra": "apps/database/cassandra", "activemq": "apps/queue/activemq", "tomcat": "apps/network/tomcat", "spring": "programming/framework/spring",
	"angular": "programming/framework/angular",
	"java":    "programming/language/java", "php": "programming/language/php", "node": "programming/language/nodejs", "python": "programming/language/python",
	"ruby": "programming/language/ruby", "mariadb": "apps/database/mariadb", "mysql": "apps/database/mysql", "postgresql": "apps/database/postgresql",
	"mongodb": "apps/database/mongodb", "redis": "apps/inmemory/redis", "memcached": "apps/inmemory/memcached", "rabbitmq": "apps/queue/rabbitmq",
	"etcd": "apps/network/etcd", "consul": "apps/network/consul", "docker": "apps/container/docker",
	"host": "apps/compute/server", "internet": "apps/network/internet", "storage": "generic/storage/storage",
}

func main() {
	if err := run(filepath.Join("..", "internal", "diagram", "icons")); err != nil {
		fmt.Fprintln(os.Stderr, "icons:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	for name, from := range icons {
		data, err := assets.ReadFile("assets/" + from + ".png")
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		small, err := scaled(data)
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".png"), small, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// scaled fits a picture into the square, in its middle, with few colours: its
// file is a third as large.
func scaled(data []byte) ([]byte, error) {
	from, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	b := from.Bounds()
	long := max(b.Dx(), b.Dy())
	w, h := b.Dx()*size/long, b.Dy()*size/long
	at := image.Rect((size-w)/2, (size-h)/2, (size-w)/2+w, (size-h)/2+h)
	to := image.NewNRGBA(image.Rect(0, 0, size, size))
	draw.CatmullRom.Scale(to, at, from, b, draw.Src, nil)
	for i, v := range to.Pix { // steps of 8 that nobody sees
		to.Pix[i] = min(v&^7|v>>5, 255)
	}
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	err = enc.Encode(&out, to)
	return out.Bytes(), err
}

package diagram

import "embed"

//go:embed icons/*.png
var iconFS embed.FS

// iconFiles names the picture of each kind; those without one look like a host.
var iconFiles = map[string]string{
	"haproxy": "haproxy", "varnish": "host", "traefik": "traefik", "nginx": "nginx", "apache": "apache", "angular": "angular", "jenkins": "jenkins",
	"elasticsearch": "elasticsearch", "kafka": "kafka", "zookeeper": "zookeeper", "cassandra": "cassandra", "activemq": "activemq",
	"tomcat": "tomcat", "spring": "spring", "java": "java", "php": "php", "node": "node", "python": "python", "ruby": "ruby",
	"mariadb": "mariadb", "mysql": "mysql", "postgresql": "postgresql", "mongodb": "mongodb", "redis": "redis", "sentinel": "redis",
	"memcached": "memcached", "rabbitmq": "rabbitmq", "minio": "storage", "nfs": "storage", "samba": "storage", "etcd": "etcd",
	"consul": "consul", "docker": "docker", "internet": "internet", "http": "host", "host": "host",
}

// iconOf is the name of a kind's picture.
func iconOf(kind string) string {
	if name, ok := iconFiles[kind]; ok {
		return name
	}
	return "host"
}

// iconData is the PNG of a picture.
func iconData(name string) []byte {
	data, err := iconFS.ReadFile("icons/" + name + ".png")
	if err != nil {
		return nil // a test holds the names against the files
	}
	return data
}

# What the hosts of the outages run; scripts/fleet sources it on each as it starts.
# The addresses are in the order of the test's names: lb1 be1 be2 be3 db1 db2 cache1 ci1.

# later starts a process that lives as long as its host.
later() { setsid "$@" </dev/null >/dev/null 2>&1 & }

ip_of() { echo "${address%.*}.$1"; }

# What the user on the laptop never does: people change these files.
mkdir -p /srv/www /srv/bin /run/haproxy

balancer() {
	# $1: what stands behind each server: check, or nothing
	cat >/etc/haproxy/haproxy.cfg <<-EOF
		global
		    stats socket /run/haproxy/admin.sock mode 660 level admin
		    stats timeout 5s
		defaults
		    mode http
		    timeout connect 2s
		    timeout client 10s
		    timeout server 10s
		frontend www
		    bind *:80
		    bind *:443 ssl crt /etc/haproxy/shop.pem
		    default_backend shop
		backend shop
		    option httpchk GET /health
		    server be1 $(ip_of 12):8080 $1
		    server be2 $(ip_of 13):8080 $1
		    server be3 $(ip_of 14):8080 $1
	EOF
}

# A backend answers on 8080, and keeps asking the database as a pool would.
backend() {
	echo ok >/srv/www/health
	echo "<p>the shop</p>" >/srv/www/index.html
	later busybox httpd -f -p 8080 -h /srv/www
	cat >/srv/bin/shop <<-EOF
		#!/bin/sh
		while :; do
			mariadb --no-defaults --connect-timeout=20 -h $(ip_of 15) -u shop -psesame -e 'SELECT SLEEP(1), COUNT(*) FROM shop.orders' || sleep 0.2
		done
	EOF
	chmod 755 /srv/bin/shop
	SHOP_DB_HOST=$(ip_of 15) SHOP_DB_PASSWORD=not-for-the-laptop later /srv/bin/shop
	mkdir -p /srv/orders
	echo "pool: 8" >/srv/orders/pool.yml
	(cd /srv/orders && later python3 -c 'import signal; signal.pause()')
}

# A database on a small disk of its own, with little to begin with.
database() {
	mkdir -p /var/lib/mysql /run/mysqld
	mount -t tmpfs -o size="$2",mode=755 tmpfs /var/lib/mysql
	chown mysql:mysql /var/lib/mysql /run/mysqld
	# With some room of its own for what it has to undo: without any, InnoDB ends
	# itself when the disk is full.
	local room=(--innodb-log-file-size=4M --innodb-data-file-path=ibdata1:28M:autoextend --innodb-flush-method=O_DSYNC)
	mariadb-install-db --no-defaults --user=mysql --datadir=/var/lib/mysql "${room[@]}" --skip-test-db >/dev/null
	later mariadbd --no-defaults --user=mysql --datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock --bind-address=0.0.0.0 \
		--server-id="$1" --log-bin=bin --binlog-format=row --expire-logs-days=1 --innodb-buffer-pool-size=8M "${room[@]}" \
		--innodb-log-buffer-size=1M --performance-schema=0 --max-connections=30 --skip-name-resolve --max-allowed-packet=16M --slave-net-timeout=4 \
		--log-error=/run/mysqld/error.log
	local try
	for ((try = 0; try < 300; try++)); do
		mariadb --no-defaults --socket=/run/mysqld/mysqld.sock -e 'SELECT 1' >/dev/null 2>&1 && return
		sleep 0.05
	done
}

sql() { mariadb --no-defaults --socket=/run/mysqld/mysqld.sock -e "$1"; }

jenkins() {
	cat >/srv/bin/jenkins <<-'EOF'
		#!/bin/sh
		# Jenkins' answers, with its door as /srv/open says.
		read -r method path rest
		while read -r line && [ "${line%?}" ]; do :; done
		answer() { printf 'HTTP/1.1 %s\r\nX-Jenkins: 2.289.1\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n%s\n' "$1" "$2"; }
		if [ ! -e /srv/open ]; then answer '403 Forbidden' '<a href="/login?from=%2F">Authentication required</a>'
		else case $path in
		/script) answer '200 OK' '<title>Jenkins</title><h1>Script Console</h1>' ;;
		/api/json) answer '200 OK' '{"_class":"hudson.model.Hudson","jobs":[]}' ;;
		*) answer '200 OK' '<title>Dashboard [Jenkins]</title>' ;;
		esac; fi
	EOF
	chmod 755 /srv/bin/jenkins
	later busybox nc -ll -p 8080 -e /srv/bin/jenkins
}

case $name in
lb1)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=shop -days 365 -keyout /etc/haproxy/shop.pem.key -out /etc/haproxy/shop.pem
	balancer check
	later haproxy -W -f /etc/haproxy/haproxy.cfg
	;;
be*) backend ;;
db1)
	database 1 150M
	sql "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY AUTO_INCREMENT, who VARCHAR(40)) ENGINE=InnoDB;
		CREATE TABLE shop.pictures (id INT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB) ENGINE=InnoDB;
		INSERT INTO shop.orders (who) VALUES ('kim'); INSERT INTO shop.pictures (data) VALUES ('a small one');
		CREATE USER shop@'%' IDENTIFIED BY 'sesame'; GRANT ALL ON shop.* TO shop@'%';
		CREATE USER repl@'%' IDENTIFIED BY 'sesame'; GRANT REPLICATION SLAVE ON *.* TO repl@'%'"
	;;
db2)
	# It applies what it got with a delay, as replicas do that guard against mistakes.
	database 2 90M
	sql "CHANGE MASTER TO MASTER_HOST='$(ip_of 15)', MASTER_USER='repl', MASTER_PASSWORD='sesame', MASTER_LOG_FILE='bin.000001', MASTER_LOG_POS=4, MASTER_CONNECT_RETRY=1, MASTER_DELAY=240;
		START SLAVE"
	;;
cache1)
	printf 'bind 0.0.0.0\nrequirepass sesame\nsave ""\ndir /srv\n' >/srv/redis.conf
	later redis-server /srv/redis.conf
	;;
ci1) jenkins ;;
esac

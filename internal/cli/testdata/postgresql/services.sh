# What the hosts of PostgreSQL's test run; scripts/fleet sources it on each as it
# starts. pg1 has the first address, pg2 the second.

later() { setsid "$@" </dev/null >/dev/null 2>&1 & }

as_postgres=(runuser -u postgres -- env PATH="$(echo /usr/lib/postgresql/*/bin):$PATH")

data=/var/lib/postgresql/shop
main=${address%.*}.11
mkdir -p /run/postgresql
chown postgres:postgres /run/postgresql

serve() {
	later "${as_postgres[@]}" postgres -D $data -c listen_addresses='*' -c unix_socket_directories=/run/postgresql -c shared_buffers=8MB \
		-c fsync=off -c wal_keep_size=32MB -c wal_sender_timeout=2s -c wal_receiver_timeout=2s -c wal_retrieve_retry_interval=500ms
}

case $name in
pg1)
	"${as_postgres[@]}" initdb -D $data -A trust --no-sync --no-locale >/dev/null
	echo 'host all,replication all samenet trust' >>$data/pg_hba.conf
	serve
	;;
pg2)
	# The standby copies the main as soon as that is there, and then follows it.
	copy() {
		until "${as_postgres[@]}" pg_basebackup -h "$main" -U postgres -D $data -R --no-sync --checkpoint=fast; do sleep 0.2; done
		serve
	}
	copy </dev/null >/dev/null 2>&1 &
	;;
esac

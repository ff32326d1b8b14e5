#!/bin/sh
# Dump the database once a night: whole or not at all, readable by the owner alone, old ones removed.
set -eu
umask 077
while :; do
	rm -f /backups/*.partial
	name="/backups/labelstudio-$(date -u +%Y%m%dT%H%M%SZ).dump"
	if pg_dump --format=custom --file="$name.partial" && pg_restore --list "$name.partial" > /dev/null; then
		mv "$name.partial" "$name"
		find /backups -name '*.dump' -mtime +"$KEEP_DAYS" -delete
		echo "backed up"
		sleep 86400
	else
		echo "the backup failed; trying again in ten minutes" >&2
		sleep 600
	fi
done

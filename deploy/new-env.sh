#!/bin/sh
# Write .env with new secrets, readable by its owner alone: ./new-env.sh DOMAIN CONTACT
# DOMAIN is the server's name, CONTACT the admin's e-mail address: certificates and the first login go to it.
set -eu
umask 077
[ $# -eq 2 ] || { echo "usage: ./new-env.sh labels.example.org admin@example.org" >&2; exit 2; }
cd "$(dirname "$0")"
[ ! -e .env ] || { echo ".env is there already: its passwords belong to the database, keep it" >&2; exit 1; }
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
partial=".env.$$"
trap 'rm -f "$partial"' EXIT
{
	echo "DOMAIN=$1"
	echo "CONTACT=$2"
	echo "ADMIN_EMAIL=$2"
	echo "ADMIN_PASSWORD=$(secret)"
	echo "POSTGRES_PASSWORD=$(secret)"
	echo "SECRET_KEY=$(secret)$(secret)"
} > "$partial"
mv "$partial" .env
mkdir -p backups
echo "wrote .env and made backups/: keep a copy of .env in your password store"

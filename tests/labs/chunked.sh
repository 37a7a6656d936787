#!/bin/sh
# HTTP servers of others that send their answers in chunks: the captures say whether these are the
# files, and what is wrong with those that are not.
. "$(dirname "$0")/lib.sh"

mkdir www
cp "$top"/topologies/files/www/page.html www
cp "$top/topologies/files/1.png" "www/a b.png"
seq 10000 >www/index.html
seq 100 >form

# lab NAME RESPONSES: a client, a server, what is expected of so many answers, and the programs from
# standard input.
lab() {
	{
		cat <<EOF
switch Switch1 {}
node client { interface eth0 { network = Switch1  address = "10.0.0.2/24" } }
node server { interface eth0 { network = Switch1  address = "10.0.0.80/24" } }
expect answers { capture = client/eth0  filter = "tcp port 80"  http = "www"  responses = $2 }
EOF
		cat
	} >"$work/$1.conf"
	run "$1"
}

# All that one connection can have: pages, a name with a blank, a query, a HEAD, requests with bodies
# in chunks and with a length, a part, a target with a host.
everything="curl -sS -o page http://server/page.html?a=/b -o picture http://server/a%20b.png \
--next -sS -I http://server/page.html \
--next -sS -H Transfer-Encoding:chunked -H Expect: --data-binary @$work/form http://server/form \
--next -sS -o part -r 100-3999 http://server/page.html \
--next -sS -d a=b http://server/form \
--next -sS -o index --request-target http://server/ http://server/"

lab right 4 <<EOF
program server { node = server  command = "python3 $top/tests/labs/chunked.py nothing $work/www"  listens = tcp/80 }
program curl   { node = client  command = "$everything"  deadline = 20s }
expect one     { capture = client/eth0  filter = "tcp port 80"  connections = 1 }
EOF
same "chunks: exit status" 0 "$status"
got=$work/captures/right/latest/run/nodes/client
ok "chunks: curl has the same" cmp "$got/picture" "www/a b.png"
same "chunks: all of it was compared" "4 right, 66.9 kB; 2 with another status than 200 or 206" \
	"$(jq -r '.runs[0].expectations[] | select(.name == "answers") | .conditions[0].found' "$report")"

# bad FAULT EXIT: a server with this fault, and how curl ends.
bad() {
	lab "$1" 1 <<EOF
program server { node = server  command = "python3 $top/tests/labs/chunked.py $1 $work/www"  listens = tcp/80 }
program curl   { node = client  command = "curl -sS -o page http://server/page.html"  deadline = 20s }
expect ended   { program = curl  exit = $2 }
EOF
	same "$1: exit status" 1 "$status"
	same "$1: nothing else failed" "answers" \
		"$(jq -r '.runs[0].expectations[] | select(.outcome != "pass").name' "$report")"
}
who='GET /page.html of 10.0.0.2 port [0-9]+ > 10.0.0.80 port 80'

bad flip 0
has "flip: where it differs" "found: 1 wrong, the first $who: byte 4297 is 0x0b where page.html has 0x0a; frame [0-9]+" flip.out
bad truncate 18
has "truncate: how much is missing" "1 request, the first $who: the server ended the connection 1 byte before the end of a chunk of its answer" truncate.out
bad size '"not 0"'
has "size: what is wrong" "1 wrong, the first $who: the server's chunks are broken behind byte 4297 of the body: there is no CR LF where the size of a chunk says it ends" size.out

# nginx sends what goes through its SSI filter in chunks, and encodes for those who can decode.
cat >nginx.conf <<'EOF'
daemon off;
user root;
worker_processes 1;
pid /run/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path /run/nginx-body;
    proxy_temp_path /run/nginx-proxy;
    fastcgi_temp_path /run/nginx-fastcgi;
    uwsgi_temp_path /run/nginx-uwsgi;
    scgi_temp_path /run/nginx-scgi;
    types { image/png png; text/html html; }
    server {
        listen 80;
        root www;
        location /page.html { ssi on; gzip on; }
        location /form { return 204; }
    }
}
EOF
nginx="program nginx { node = server  command = \"nginx -p $work -e stderr -c $work/nginx.conf\"  listens = tcp/80  stop-signal = SIGQUIT }"
lab ssi 4 <<EOF
$nginx
program curl { node = client  command = "$everything"  deadline = 20s }
EOF
same "nginx: exit status" 0 "$status"
lab gzip 1 <<EOF
$nginx
program curl { node = client  command = "curl -sS --compressed -o page http://server/page.html"  deadline = 20s }
EOF
same "gzip: exit status" 3 "$status"
has "gzip: why" "1 could not be compared, the first $who: its body is encoded \(Content-Encoding: gzip\)" gzip.out
finish

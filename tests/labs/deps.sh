#!/bin/sh
# ci/deps installs what is missing, once, and says so when that did not help: with a package
# manager of this test's own, in the place of each distribution's.
. "$(dirname "$0")/lib.sh"
alone

mkdir bin
# Everything this machine has, but not jq.
IFS=:
for folder in $PATH; do
	for program in "$folder"/*; do
		case ${program##*/} in
		jq | apt-get | apt-cache | dpkg-query | apk | dnf | rpm | pacman | sudo) ;;
		*) [ ! -x "$program" ] || ln -sf "$program" bin/ ;;
		esac
	done
done
unset IFS

script() { # NAME: a program of the path, from standard input
	{
		echo '#!/bin/sh'
		cat
	} >"bin/$1"
	chmod +x "bin/$1"
}

# Each package manager: what the commands are called that ask and that install.
script fake <<EOF
echo "\$0 \$*" >>$work/calls
case "\$*" in
*update*jq | *install*jq | *add*jq | *-S*jq) ;;
*) exit 0 ;;
esac
[ ! -e $work/working ] || { echo '#!/bin/sh' >$work/bin/jq && chmod +x $work/bin/jq; }
EOF
for name in apt-get apk-add dnf pacman-S; do
	cp bin/fake "bin/$name"
done
script apt-cache </dev/null
script dpkg-query <<'EOF'
exit 1
EOF
script rpm <<'EOF'
exit 1
EOF
script apk <<'EOF'
[ "$1" != info ] || exit 1
exec apk-add "$@"
EOF
script pacman <<'EOF'
[ "$1" != -Q ] || exit 1
exec pacman-S "$@"
EOF

deps() { # DISTRIBUTION: ci/deps check there, with that path only
	echo "ID=$1" >os-release
	mount --bind os-release "$(readlink -f /etc/os-release)"
	status=0
	PATH=$work/bin "$top/ci/deps" check >deps.out 2>&1 || status=$?
	umount "$(readlink -f /etc/os-release)"
}

for distribution in debian alpine fedora arch; do
	touch working
	rm -f bin/jq calls
	deps "$distribution"
	same "$distribution: what was missing is there" 0 "$status"
	has "$distribution: it says what it installs" '^ci/deps: installing jq$' deps.out
	rm -f calls
	deps "$distribution"
	same "$distribution: nothing to do" 0 "$status"
	same "$distribution: nothing was asked for" "" "$(cat calls deps.out 2>/dev/null)"
	rm -f working bin/jq
	deps "$distribution"
	same "$distribution: a package that brings nothing" 1 "$status"
	has "$distribution: it names that package" 'not found: jq' deps.out
done
deps plan9
same "a distribution that it does not know" 1 "$status"
has "what to install there by hand" 'by hand.* jq' deps.out
finish

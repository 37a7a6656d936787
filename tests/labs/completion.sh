#!/bin/sh
# What shells offer when the user presses TAB: subcommands, options, topologies, and names of labs that are up.
. "$(dirname "$0")/lib.sh"
private_network=-n
alone

completion=$top/docs/completion
mkdir bin some
ln -s "$harness" bin/harness
PATH=$work/bin:$PATH
export PATH
cat >one.conf <<'END'
hub Hub1 {}
node left { interface eth0 { network = Hub1  address = "10.0.0.1/24" } }
node right { interface eth0 { network = Hub1  address = "10.0.0.2/24" } }
program web { node = right  command = "python3 -u -m http.server 80"  listens = "tcp/80" }
END
touch notes.txt
harness up --detach --name lab-a one.conf >out 2>&1 || cat out
harness up --detach --name lab-b one.conf >out 2>&1 || cat out

# What bash completes behind these words, the last of which is being typed.
in_bash() {
	# shellcheck disable=SC2016
	bash --norc -c '. "$1"; shift
		COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		_harness 2>/dev/null
		printf "%s\n" "${COMPREPLY[@]}" | sort | xargs' - "$completion/harness.bash" "$@"
}

in_fish() {
	fish --no-config -c "source '$completion/harness.fish'; complete -C '$*'" | cut -f 1 | sort | xargs
}

# Completion in zsh wants its line editor, and that a terminal: TAB is typed, what is listed is read.
cat >zsh.py <<'END'
import os, pty, re, select, sys, time
folder, line, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", PS1="> ", COLUMNS="200")
    os.execvp("zsh", ["zsh", "-f", "-i"])
seen, end = "", time.monotonic() + 60
def until(done):
    global seen
    while not done():
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            os.kill(pid, 9)
            sys.exit(f"deadline; so far: {seen!r}")
        seen += os.read(fd, 65536).decode(errors="replace")
os.write(fd, f"fpath=({folder} $fpath); autoload -U compinit; compinit -D -u; setopt list_ambiguous no_list_beep; PS1='rea''dy> '\n".encode())
until(lambda: "ready> " in seen)
seen = ""
os.write(fd, line.encode() + b"\t\t")
until(lambda: all(re.search(r"(?<![\w-])" + re.escape(w) + r"(?![\w-])", seen) for w in wanted))
os.kill(pid, 9)
END
# shellcheck disable=SC2317 # ok calls it
in_zsh() {
	timeout 120 python3 zsh.py "$completion" "$@"
}

same "bash: subcommands" "check" "$(in_bash harness c | tr ' ' '\n' | grep -x check)"
same "bash: a subcommand" "down" "$(in_bash harness dow)"
same "bash: options" "--name" "$(in_bash harness up --n)"
same "bash: values of options" "netem" "$(in_bash harness run --engine n)"
same "bash: topologies" "one.conf" "$(in_bash harness up o)"
same "bash: folders on the way to topologies" "some" "$(in_bash harness up so)"
same "bash: nothing else" "" "$(in_bash harness up no)"
same "bash: labs" "lab-a lab-b" "$(in_bash harness exec l)"
same "bash: labs, several" "lab-b" "$(in_bash harness down lab-a lab-b)"
same "bash: nodes" "left right" "$(in_bash harness exec lab-a '')"
same "bash: nodes behind options" "right" "$(in_bash harness shell lab-a r)"
same "bash: programs" "web" "$(in_bash harness logs -n 5 lab-a '')"
same "bash: commands" "chmod" "$(in_bash harness exec lab-a left chmo | tr ' ' '\n' | sort -u | grep -x chmod)"

if command -v fish >/dev/null; then
	same "fish: a subcommand" "run" "$(in_fish harness r)"
	same "fish: options" "--name" "$(in_fish harness up --n)"
	same "fish: values of options" "netem" "$(in_fish harness run --engine n)"
	same "fish: topologies" "one.conf" "$(in_fish harness up o)"
	same "fish: labs" "lab-a lab-b" "$(in_fish harness exec l)"
	same "fish: nodes" "left right" "$(in_fish 'harness exec lab-a ')"
	same "fish: programs" "web" "$(in_fish 'harness logs -n 5 lab-a ')"
else
	skip "fish" "there is no fish here"
fi

if command -v zsh >/dev/null; then
	ok "zsh: subcommands" in_zsh "harness " run check up ps exec shell logs down shrink calibrate doctor
	ok "zsh: options" in_zsh "harness down --" --all --timeout
	ok "zsh: topologies" in_zsh "harness up on" one.conf
	ok "zsh: labs" in_zsh "harness exec lab" lab-a lab-b
	ok "zsh: nodes" in_zsh "harness exec lab-a " left right
	ok "zsh: programs" in_zsh "harness logs lab-a " web
else
	skip "zsh" "there is no zsh here"
fi
harness down --all >out
finish

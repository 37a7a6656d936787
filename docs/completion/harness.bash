# Completion of harness for bash.

_harness_commands='run check up ps exec shell logs down shrink calibrate doctor'

# The word at $2 of the command line that is no option, counted from behind the subcommand. With it
# the options of the subcommand that take a value are known, so values are not counted.
_harness_operands()
{
	local i word
	operands=()
	for ((i = 2; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--only | --seed | --repeat | --jobs | --keep | --engine | --captures | --color | --skip-code | --name | --timeout | \
			--lines | --probes | --output | --packets | --pps | --seconds | -n | -t | -o)
			((i++))
			[[ ${COMP_WORDS[i]} == = ]] && ((i++))
			# --only NAME=VALUE: readline makes three words of it.
			[[ ${COMP_WORDS[i + 1]} == = ]] && ((i += 2))
			;;
		-*) ;;
		*) operands+=("$word") ;;
		esac
	done
}

_harness_words()
{
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_harness_files() # PATTERN
{
	local file
	compopt -o filenames 2>/dev/null
	COMPREPLY=()
	while IFS= read -r file; do
		# shellcheck disable=SC2053 # a pattern
		[[ -d $file || $file == $1 ]] && COMPREPLY+=("$file")
	done < <(compgen -f -- "$cur")
}

_harness_labs()
{
	_harness_words "$("${COMP_WORDS[0]}" ps -q 2>/dev/null)"
}

_harness_options()
{
	local options
	case $1 in
	run) options='--only --seed --repeat --jobs --fail-fast --keep --engine --captures --json --color --skip-code --quiet --verbose' ;;
	check) options=--only ;;
	up) options='--detach --name --only --engine --captures' ;;
	ps) options='--quiet --programs --json' ;;
	logs) options='--follow --lines' ;;
	down) options='--all --timeout' ;;
	shrink) options='--output --probes --quiet' ;;
	calibrate) options='--packets --pps --seconds --engine --seed --json --quiet' ;;
	esac
	# One name per line.
	# shellcheck disable=SC2086
	_harness_words "$(printf '%s\n' $options --help)"
}

# The value of the option before the cursor. False: that is no option with a value.
_harness_value()
{
	case $1 in
	--engine) _harness_words $'auto\nuser\nnetem' ;;
	--keep) _harness_words $'few\nfailed\nall' ;;
	--color) _harness_words $'auto\nalways\nnever' ;;
	--captures) _harness_files '' ;;
	--output) _harness_files '*.conf' ;;
	--only | --seed | --repeat | --jobs | --skip-code | --name | --timeout | --lines | --probes | --packets | --pps | --seconds)
		COMPREPLY=()
		;;
	*) return 1 ;;
	esac
}

_harness_operand()
{
	local program=${COMP_WORDS[0]} lab=${operands[0]}
	case $1/${#operands[@]} in
	run/0 | check/0 | up/0 | calibrate/0) _harness_files '*.conf' ;;
	shrink/0) _harness_files '' ;;
	ps/0 | exec/0 | shell/0 | logs/0 | down/*) _harness_labs ;;
	exec/1 | shell/1) _harness_words "$("$program" ps -q "$lab" 2>/dev/null)" ;;
	logs/1) _harness_words "$("$program" ps -q --programs "$lab" 2>/dev/null)" ;;
	exec/2) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	exec/*) _harness_files '*' ;;
	esac
}

_harness()
{
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} operands
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_harness_words "${_harness_commands// /$'\n'}"$'\n--help\n--version'
		return
	fi
	_harness_operands
	# What is behind the node belongs to the command.
	[[ $command == exec && ${#operands[@]} -ge 2 ]] || { _harness_value "$previous" && return; }
	if [[ $cur == -* && ! ($command == exec && ${#operands[@]} -ge 2) ]]; then
		_harness_options "$command"
		return
	fi
	_harness_operand "$command"
}

complete -F _harness harness ./harness

# Completion of harness for fish.

# The words behind the subcommand that are no options.
function __harness_operands
    set -l words (commandline -opc)
    set -l skip no
    for word in $words[3..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word --only --seed --repeat --jobs --keep --engine --captures --color --skip-code --name --timeout \
                --lines --probes --output --packets --pps --seconds -n -t -o
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# The subcommand is one of the following ones, and this many operands are there; any: -1.
function __harness_at
    set -l words (commandline -opc)
    test (count $words) -ge 2; or return 1
    contains -- $words[2] $argv[2..-1]; or return 1
    test $argv[1] = -1; or test (count (__harness_operands)) = $argv[1]
end

function __harness_ask
    set -l words (commandline -opc)
    eval $words[1] ps -q $argv 2>/dev/null
end

# Folders are on the way to them.
function __harness_topologies
    __fish_complete_path (commandline -ct) | string match -r '^[^\t]*(?:\.conf|/)(?:\t.*)?$'
end

function __harness_first
    test (count (commandline -opc)) = 1
end

complete -c harness -f
complete -c harness -n __harness_first -a run -d 'run a topology and judge what arrived'
complete -c harness -n __harness_first -a check -d 'read a topology and print its plan'
complete -c harness -n __harness_first -a up -d 'bring a topology up as a lab to work in'
complete -c harness -n __harness_first -a ps -d 'list the labs that are up, or what is in one'
complete -c harness -n __harness_first -a exec -d 'run a command in a node of a lab'
complete -c harness -n __harness_first -a shell -d 'open a shell in a node of a lab'
complete -c harness -n __harness_first -a logs -d 'print what the programs of a lab have said'
complete -c harness -n __harness_first -a down -d 'end a lab'
complete -c harness -n __harness_first -a shrink -d 'find the lost datagrams that make a run fail'
complete -c harness -n __harness_first -a calibrate -d 'measure what impaired links really do'
complete -c harness -n __harness_first -a doctor -d 'say what this machine has and lacks'
complete -c harness -n __harness_first -l version -d 'the version'
complete -c harness -n 'not __harness_at -1 exec' -s h -l help -d 'a summary'

complete -c harness -n '__harness_at 0 run check up calibrate' -a '(__harness_topologies)'
complete -c harness -n '__harness_at 0 shrink' -a '(__fish_complete_directories)'
complete -c harness -n '__harness_at 0 ps exec shell logs' -a '(__harness_ask)' -d lab
complete -c harness -n '__harness_at -1 down' -a '(__harness_ask)' -d lab
complete -c harness -n '__harness_at 1 exec shell' -a '(__harness_ask (__harness_operands)[1])' -d node
complete -c harness -n '__harness_at 1 logs' -a '(__harness_ask --programs (__harness_operands)[1])' -d program
complete -c harness -n '__harness_at 2 exec' -a '(__fish_complete_command)'

complete -c harness -n '__harness_at -1 run check up' -l only -x -d 'NAME=VALUE of a vary block'
complete -c harness -n '__harness_at -1 run up calibrate' -l engine -x -a 'auto user netem' -d 'what impairs links'
complete -c harness -n '__harness_at -1 run up' -l captures -x -a '(__fish_complete_directories)' -d 'where the evidence goes'
complete -c harness -n '__harness_at -1 run calibrate' -l seed -x -d 'instead of its own'
complete -c harness -n '__harness_at -1 run' -l repeat -x -d 'runs of each combination'
complete -c harness -n '__harness_at -1 run' -l jobs -x -d 'runs at the same time'
complete -c harness -n '__harness_at -1 run' -l fail-fast -d 'end with the first that fails'
complete -c harness -n '__harness_at -1 run' -l keep -x -a 'few failed all' -d 'folders that stay'
complete -c harness -n '__harness_at -1 run' -l color -x -a 'auto always never' -d colours
complete -c harness -n '__harness_at -1 run' -l skip-code -x -d 'instead of 3'
complete -c harness -n '__harness_at -1 run' -s v -l verbose -d 'details of what passed'
complete -c harness -n '__harness_at -1 run ps calibrate' -l json -d 'as JSON'
complete -c harness -n '__harness_at -1 run shrink calibrate' -s q -l quiet -d 'no progress'
complete -c harness -n '__harness_at -1 up' -s d -l detach -d 'return when it is up'
complete -c harness -n '__harness_at -1 up' -l name -x -d 'of the lab'
complete -c harness -n '__harness_at -1 ps' -s q -l quiet -d 'names only'
complete -c harness -n '__harness_at -1 ps' -l programs -d 'names of programs'
complete -c harness -n '__harness_at -1 logs' -s f -l follow -d 'go on'
complete -c harness -n '__harness_at -1 logs' -s n -l lines -x -d 'only the last'
complete -c harness -n '__harness_at -1 down' -s a -l all -d 'all labs'
complete -c harness -n '__harness_at -1 down' -s t -l timeout -x -d 'then kill'
complete -c harness -n '__harness_at -1 shrink' -s o -l output -r -d 'topology to write'
complete -c harness -n '__harness_at -1 shrink' -l probes -x -d 'at most'
complete -c harness -n '__harness_at -1 calibrate' -l packets -x -d 'of the first stream'
complete -c harness -n '__harness_at -1 calibrate' -l pps -x -d 'packets per second'
complete -c harness -n '__harness_at -1 calibrate' -l seconds -x -d 'of each stream'

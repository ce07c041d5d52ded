# Completion of wasmrun for fish:  wasmrun completion fish > ~/.config/fish/completions/wasmrun.fish
function __wasmrun_complete
    set -l current (commandline -ct)
    set -l words (commandline -opc) "$current"
    set -l program $words[1]
    set -e words[1]
    for line in ($program completion fish -- $words 2>/dev/null)
        switch $line
            case ':folders'
                set -l begun (string replace -r '^.*=' '' -- "$current")
                printf '%s\n' (string replace -r '[^=]*$' '' -- "$current")(__fish_complete_directories "$begun" '')
            case ':files'
                set -l begun (string replace -r '^.*=' '' -- "$current")
                printf '%s\n' (string replace -r '[^=]*$' '' -- "$current")(__fish_complete_path "$begun" '')
            case '*'
                echo $line
        end
    end
end
complete -c wasmrun -f -a '(__wasmrun_complete)'

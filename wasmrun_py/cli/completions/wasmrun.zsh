#compdef wasmrun
# Completion of wasmrun for zsh. In ~/.zshrc, below compinit:  eval "$(wasmrun completion zsh)"
_wasmrun() {
    local line word kind
    local -a candidates open
    while IFS= read -r line; do
        case "$line" in
            :folders | :files) kind="$line" ;;
            *)
                word="${line%%$'\t'*}"
                case "$word" in
                    *=) open+=("$word") ;;
                    "$line") candidates+=("${word//:/\\:}") ;;
                    *) candidates+=("${word//:/\\:}:${line#*$'\t'}") ;;
                esac
                ;;
        esac
    done < <("${words[1]}" completion zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( ${#open} )) && compadd -S '' -- $open
    (( ${#candidates} )) && _describe wasmrun candidates
    if [[ -n "$kind" ]]; then
        compset -P '*='
        if [[ "$kind" == ":folders" ]]; then _files -/; else _files; fi
    fi
}
if [[ "${funcstack[1]}" == "_wasmrun" ]]; then _wasmrun "$@"; else compdef _wasmrun wasmrun; fi

# Completion of wasmrun for bash. In ~/.bashrc:  eval "$(wasmrun completion bash)"
_wasmrun() {
    local line current="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    [ "$current" = "=" ] && current=""
    while IFS= read -r line; do
        case "$line" in
            :folders | :files)
                compopt -o filenames 2>/dev/null
                local action=-f path
                [ "$line" = ":folders" ] && action=-d
                while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$action" -- "$current")
                ;;
            *)
                line="${line%%$'\t'*}"
                case "$line" in *=) compopt -o nospace 2>/dev/null ;; esac
                COMPREPLY+=("$line")
                ;;
        esac
    done < <("${COMP_WORDS[0]}" completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _wasmrun wasmrun

# Completion of aiter-precompile for bash. Options come from --help, so that there is no second list of them.

_aiter_precompile_options()
{
    "$1" ${2:+"$2"} --help 2>/dev/null | sed -nE 's/^  (--[a-z-]+).*/\1/p'
}

# Completes the last piece of a comma list: _aiter_precompile_list CURRENT WORDS
_aiter_precompile_list()
{
    local done=
    [[ $1 == *,* ]] && done=${1%,*},
    mapfile -t COMPREPLY < <(compgen -P "$done" -W "$2" -- "${1##*,}")
    compopt -o nospace 2>/dev/null
}

_aiter_precompile()
{
    local commands='list stat verify prune export import merge keygen'
    local current=$2 previous=$3 command=

    COMPREPLY=()
    [[ " $commands " == *" ${COMP_WORDS[1]:-} "* && $COMP_CWORD -gt 1 ]] && command=${COMP_WORDS[1]}
    case $previous in
    --arch) _aiter_precompile_list "$current" 'gfx90a gfx942 gfx950 gfx1100 gfx1201 all' ;;
    --dtype) _aiter_precompile_list "$current" 'fp16 bf16 fp32' ;;
    --mask) _aiter_precompile_list "$current" 'none causal' ;;
    --lse) _aiter_precompile_list "$current" '0 1' ;;
    --phase) _aiter_precompile_list "$current" 'prefill varlen decode chunked mixed append' ;;
    --rotary) _aiter_precompile_list "$current" 'none half interleaved' ;;
    --kv-dtype) _aiter_precompile_list "$current" 'auto fp8' ;;
    --shard) mapfile -t COMPREPLY < <(compgen -W slurm -- "$current") ;;
    --cache-dir | --emit-source | --emit-code) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    --model | --manifest | --compiler | --output | --sign | --trust)
        mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    --head-dim | --gqa | --score-mod | --mask-mod | --tp | --page-size | --jobs | --timeout | --older-than | --max-bytes) ;;
    *)
        if [[ $current == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(_aiter_precompile_options "$1" "$command")" -- "$current")
        elif [[ $command == import || $command == merge || $command == keygen ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
        elif [[ $COMP_CWORD -eq 1 ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
        fi ;;
    esac
}

complete -o filenames -F _aiter_precompile aiter-precompile

# Completion in bash: what it offers at the end of a line. Every value that is listed is one that the tool takes.
. $SOURCE/tools/completion/aiter-precompile.bash
complete -p aiter-precompile
offer()
{
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _aiter_precompile aiter-precompile "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
    echo "$*| ${COMPREPLY[*]}"
}
mkdir folder
touch file.bundle
offer aiter-precompile ''
offer aiter-precompile ve
offer aiter-precompile --m
offer aiter-precompile --arch gfx9
offer aiter-precompile --arch gfx942,gfx11
offer aiter-precompile --dtype fp16,bf16,
offer aiter-precompile --phase ''
offer aiter-precompile --gqa ''
offer aiter-precompile --cache-dir f
offer aiter-precompile --model f
offer aiter-precompile verify --
offer aiter-precompile import f
offer aiter-precompile import --tr
offer aiter-precompile list ''
# The options of each command are all offered.
for command in '' list stat verify prune export import merge keygen; do
    aiter-precompile $command --help | grep -oE '^  --[a-z-]+' | tr -d ' ' | sort >help
    offer aiter-precompile $command -- >/dev/null
    printf '%s\n' "${COMPREPLY[@]}" | sort | diff help - && echo "${command:-without a command}: all"
done
# The tool takes every value that is offered, and names no other.
for option in arch dtype mask lse phase kv-dtype; do
    offer aiter-precompile --$option '' >/dev/null
    for value in "${COMPREPLY[@]}"; do
        aiter-precompile --$option $value --dry-run 2>&1 | grep "^aiter-precompile: --$option: '"
    done
    known=$(aiter-precompile --$option '?' 2>&1 | head -n 1 | sed 's/.*expected //; s/ or / /g; s/or a comma.*//; s/a comma.*//; s/,//g')
    for value in $known; do
        printf '%s\n' "${COMPREPLY[@]}" | grep -qx -- "$value" || echo "--$option: $value is not offered"
    done
done

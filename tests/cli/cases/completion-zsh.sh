# needs: zsh
# Completion in zsh, in a terminal of its own (zsh/zpty): what is on the line after a Tab.
touch bundle-1
# Each of these has one completion only.
complete() {
    cat >one.zsh <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1='' TERM=dumb; fpath=($SOURCE/tools/completion \$fpath); autoload -Uz compinit; compinit -D -u; unsetopt zle_bracketed_paste beep; echo re''ady"
zpty -r z out $'*\nready*'
zpty -w -n z "$1"$'\t'$'\x01'"print -r -- 'GOT:"$'\x05'"'"$'\n'
zpty -r z out $'*\nGOT:*\n'
print -r -- $out
END
    timeout 20 zsh -f one.zsh "$1" | tr -d '\r' | grep '^GOT:' | sed 's/ *$/|/'
}
complete 'aiter-precompile ver'
complete 'aiter-precompile --mani'
complete 'aiter-precompile --arch gfx942,gfx12'
complete 'aiter-precompile verify --dee'
complete 'aiter-precompile import bun'

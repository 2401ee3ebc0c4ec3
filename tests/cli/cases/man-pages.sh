# Every option that --help shows is in the manual page, and no other.
for tool in aiter-precompile aiter-bench aiter-compiler; do
    page=$SOURCE/docs/man/$tool.1
    commands=
    [ $tool = aiter-precompile ] && commands='list stat verify prune export import merge keygen'
    for command in '' $commands; do $tool $command --help; done |
        grep -oE '(^|[ |])--[a-z-]+' | tr -d ' |' | sort -u >help
    { echo --help; grep -E '^\.(It|Fl)' "$page" | grep -oE 'Fl Fl [a-z-]+' | sed 's/Fl Fl /--/'; } | sort -u >page
    echo "$tool: $(wc -l <help) options"
    diff help page
    for command in $commands; do grep -c "^\.It Cm $command\$" "$page"; done | sort | uniq -c | tr -s ' '
done

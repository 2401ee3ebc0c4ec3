# Every option that --help shows is in the manual page, and no other.
for tool in aiter-precompile aiter-bench aiter-compiler; do
    page=$SOURCE/docs/man/$tool.1
    $tool --help | grep -oE '(^|[ |])--[a-z-]+' | tr -d ' |' | sort -u >help
    { echo --help; grep -E '^\.(It|Fl)' "$page" | grep -oE 'Fl Fl [a-z-]+' | sed 's/Fl Fl /--/'; } | sort -u >page
    echo "$tool: $(wc -l <help) options"
    diff help page
done

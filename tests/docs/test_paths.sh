#!/bin/sh
# test_paths.sh AWK SOURCE_DIR: what the documents mention exists: targets of relative links, and paths like
# runtime/hip_abi.h that start with a folder of the source tree.
set -eu
awk=$1
cd "$2"

# "LINE PATH", from the source tree's root, of everything that the document FILE mentions.
mentions() {
    folder=$(dirname "$1")/
    "$awk" -v folder="${folder#./}" '
    # skip: length of what the pattern needs in front; is_link: relative to the document.
    function each(text, pattern, skip, is_link,    found, next_char) {
        while (match(text, pattern)) {
            found = substr(text, RSTART + skip, RLENGTH - skip)
            next_char = substr(text, RSTART + RLENGTH, 1)
            text = substr(text, RSTART + RLENGTH)
            if (is_link)
                print FNR " " folder found
            # Neither cut short by the pattern, nor a place holder.
            else if (next_char !~ /[A-Za-z0-9_\/]/ && found !~ /^[.\/]/ && found !~ /NAME/)
                print FNR " " found
        }
    }
    {
        each($0, "\\]\\([^)#:]+", 2, 1)
        each($0, "[A-Za-z0-9_./-]+/[A-Za-z0-9_.-]+\\.(c|h|hip|def|md|sh|awk|cmake|py|txt|1)", 0, 0)
    }' "$1"
}

missing=0
for document in README.md docs/*.md; do
    list=$(mentions "$document")
    list=$(printf '%s\n' "$list" | sort -u -k 2)
    while read -r line path; do
        # A path that starts elsewhere (aiter/aiter.h, build/bin/...) is not of the source tree.
        case $path in
        "" | build/*) continue ;;
        */*) [ -d "${path%%/*}" ] || continue ;;
        esac
        if [ ! -e "$path" ]; then
            echo "$document:$line: $path does not exist"
            missing=1
        fi
    done << END
$list
END
done
exit $missing

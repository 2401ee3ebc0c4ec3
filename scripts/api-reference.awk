# Makes the API reference, docs/api.md, from the comments of the public header:
#
#     awk -f scripts/api-reference.awk include/aiter/aiter.h > docs/api.md
#
# What the header has to look like:
#   - The first comment introduces the library. `/* ---- Title ---- */` starts a section.
#   - A comment directly above a declaration or #define documents it, and those that follow without a blank line. A
#     comment behind a section's line, with a blank line behind it, is the section's prose.
#   - A comment's lines that start with two or more blanks are shown as they are (tables); with "  - ", they are a list,
#     and the line above it is its title.
# A declaration without a comment, or a header that cannot be followed, is an error: a message and exit code 1.

function fail_at(line, message) {
    printf "%s:%d: %s\n", FILENAME, line, message > "/dev/stderr"
    failed = 1
    exit 1
}

function fail(message) {
    fail_at(FNR, message)
}

# The anchor that forges give to a heading.
function slug(heading) {
    heading = tolower(heading)
    gsub(/[^a-z0-9_ -]/, "", heading)
    gsub(/ /, "-", heading)
    return heading
}

# ---- Reading: the header becomes a list of parts, each of a kind: section, prose, item ----

function add_part(kind, head, text) {
    parts++
    part_kind[parts] = kind
    part_head[parts] = head
    part_text[parts] = text
    part_code[parts] = ""
}

# Under an item's heading the prose would seem to belong to that item.
function flush_prose() {
    if (comment != "" && part_kind[parts] == "item")
        fail_at(comment_at, "a comment that documents no declaration, behind " part_head[parts] \
                            ": expected only behind a section's title")
    if (comment != "")
        add_part("prose", "", comment)
    comment = ""
}

function trim(text) {
    sub(/^[ \t]+/, "", text)
    sub(/[ \t]+$/, "", text)
    return text
}

# The line of a comment without its frame; `done` is set at its end.
function comment_line(line) {
    done = line ~ /\*\/[ \t]*$/
    sub(/[ \t]*\*\/[ \t]*$/, "", line)
    if (line ~ /^\/\*/)
        sub(/^\/\*[ ]?/, "", line)
    else
        sub(/^ \*[ ]?/, "", line)
    return line
}

function read_comment(line,    text) {
    flush_prose()
    comment_at = FNR
    text = comment_line(line)
    while (!done) {
        if ((getline line) <= 0)
            fail("a comment without an end")
        text = text "\n" comment_line(line)
    }
    sub(/\n+$/, "", text)
    if (text ~ /^---- .* -+$/) {
        sub(/^---- /, "", text)
        sub(/ -+$/, "", text)
        add_part("section", text, "")
        sections++
    } else
        comment = text
}

# Code without comments, on one line: what names and ends are looked for in.
function bare(code) {
    gsub(/\n/, " ", code)
    while (match(code, /\/\*([^*]|\*+[^*\/])*\*+\//))
        code = substr(code, 1, RSTART - 1) " " substr(code, RSTART + RLENGTH)
    return code
}

function is_complete(code,    opened, closed) {
    code = bare(code)
    opened = gsub(/\{/, "", code)
    closed = gsub(/\}/, "", code)
    return opened == closed && code ~ /;[ \t]*$/
}

# What the declaration declares.
function name_of(code) {
    code = bare(code)
    if (code ~ /^#define/) {
        sub(/^#define[ \t]+/, "", code)
        sub(/[^A-Za-z0-9_].*$/, "", code)
    } else if (match(code, /\(\*[a-z0-9_]+\)/))
        code = substr(code, RSTART + 2, RLENGTH - 3)
    else if (code ~ /^typedef/) {
        sub(/[ \t]*;[ \t]*$/, "", code)
        sub(/^.*[^A-Za-z0-9_]/, "", code)
    } else if (match(code, /[A-Za-z0-9_]+\(/))
        code = substr(code, RSTART, RLENGTH - 1)
    else
        code = ""
    return code
}

function add_declaration(code,    name) {
    name = name_of(code)
    if (!sections)
        fail(name " comes before the first section")
    if (name == "")
        fail("cannot tell what this declares: " code)
    if (comment != "") {
        add_part("item", name, comment)
        comment = ""
    } else if (attached)
        part_head[parts] = part_head[parts] ", " name
    else
        fail(name " has no comment directly above it")
    part_code[parts] = part_code[parts] code "\n"
    part_of[name] = parts
    attached = 1
}

function read_define(line,    code) {
    code = line
    while (line ~ /\\$/ && (getline line) > 0)
        code = code "\n" line
    add_declaration(code)
}

function read_declaration(line,    code) {
    code = line
    while (!is_complete(code)) {
        if ((getline line) <= 0)
            fail("a declaration without an end")
        code = code "\n" line
    }
    sub(/^AITER_API /, "", code)
    add_declaration(code)
}

/^[ \t]*$/ { flush_prose(); attached = 0; next }
/^\/\*/ { attached = 0; read_comment($0); next }
# The preprocessor's own: guards (macros without a value), includes, what AITER_API is, C++.
/^#define [A-Za-z0-9_]+$/ || /^#define AITER_API / { next }
/^#define/ { read_define($0); next }
/^#/ { flush_prose(); attached = 0; next }
/^extern "C" \{$/ || /^\}$/ { next }
{ read_declaration($0) }

# ---- Writing ----

# A word of prose: what the page declares becomes a link, other names and values become code.
function mark_word(word,    name, tail, call, code) {
    if (word ~ /^`/)
        return word
    tail = ""
    while (match(word, /[.,;:)]$/) && !(word ~ /\(\)$/)) {
        tail = substr(word, length(word)) tail
        word = substr(word, 1, length(word) - 1)
    }
    name = word
    call = sub(/\(\)$/, "", name)
    if (word == "Errors" && tail == ":")
        in_errors = 1
    else if (in_errors && word ~ /^[A-Z]+(_[A-Z]+)*$/ && word != "NULL")
        word = "`" word "`"
    if (tail ~ /\.$/)
        in_errors = 0
    if (word ~ /^`/)
        return word tail
    if (name in part_of)
        return "[`" word "`](#" slug(part_head[part_of[name]]) ")" tail
    code = call || word ~ /[_*<^$]/ || word ~ /->/ || word ~ /^[A-Z]+_[A-Z_]+$/
    return (code && word != "" ? "`" word "`" : escape(word)) tail
}

# By the character: awks differ in what a backslash means to gsub().
function escape(word,    out, i, c) {
    for (i = 1; i <= length(word); i++) {
        c = substr(word, i, 1)
        out = out (index("*_<>[]", c) ? "\\" : "") c
    }
    return out
}

# Words are separated by single blanks; an opening bracket or quote is not part of a word.
function mark_line(line,    out, count, i, word, lead, words, quoted) {
    count = split(line, words, " ")
    quoted = 0
    for (i = 1; i <= count; i++) {
        word = words[i]
        lead = ""
        if (!quoted && match(word, /^[("]+/)) {
            lead = substr(word, 1, RLENGTH)
            word = substr(word, RLENGTH + 1)
        }
        # Between backquotes, and in "quoted text", nothing is marked up but what Markdown would eat.
        if (lead ~ /"/ && word !~ /"[.,;:)]*$/)
            quoted = 1
        if (quoted || lead ~ /"/)
            word = escape(word)
        else
            word = mark_word(word)
        if (quoted && word ~ /"[.,;:)]*$/)
            quoted = 0
        out = out (i > 1 ? " " : "") lead word
    }
    return out
}

function write_text(text,    count, i, line, mode, lines) {
    count = split(text, lines, "\n")
    mode = "prose"
    in_errors = 0 # between "Errors:" and the end of that sentence, capitals are names of errors
    for (i = 1; i <= count; i++) {
        line = lines[i]
        if (line ~ /^  - /) {
            if (mode != "list")
                print ""
            print "- " mark_line(substr(line, 5))
            mode = "list"
        } else if (mode == "list" && line ~ /^    /)
            print "  " mark_line(trim(line))
        else if (line ~ /^  /) {
            if (mode != "table")
                print "```text"
            print substr(line, 3)
            mode = "table"
        } else {
            if (mode == "table")
                print "```"
            print (lines[i + 1] ~ /^  - / ? "## " line : mark_line(line))
            mode = "prose"
        }
    }
    if (mode == "table")
        print "```"
    print ""
}

function write_index(    i) {
    print "## Contents\n"
    for (i = 1; i <= parts; i++)
        if (part_kind[i] == "section")
            printf "- [%s](#%s)\n", part_head[i], slug(part_head[i])
        else if (part_kind[i] == "item")
            printf "  - [`%s`](#%s)\n", part_head[i], slug(part_head[i])
    print ""
}

function write_parts(    i) {
    for (i = 2; i <= parts; i++) {
        if (part_kind[i] == "section")
            printf "## %s\n\n", part_head[i]
        else {
            if (part_kind[i] == "item")
                printf "### %s\n\n```c\n%s```\n\n", part_head[i], part_code[i]
            write_text(part_text[i])
        }
    }
}

END {
    if (failed)
        exit 1
    flush_prose()
    if (parts == 0 || part_kind[1] != "prose")
        fail("expected a comment that introduces the library")
    print "<!-- Made by scripts/api-reference.awk from include/aiter/aiter.h: edit the comments there. -->\n"
    print "# C API\n"
    write_text(part_text[1])
    write_index()
    write_parts()
}

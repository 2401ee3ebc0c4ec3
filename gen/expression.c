/* Expressions of the caller's: what they may consist of, their form in a configuration's text, and the
 * one copy of each. */
#include "gen/internal.h"

#include <stdatomic.h>
#include <stdlib.h>

/* ---- What an expression may consist of ---- */

enum { MAX_DEPTH = 64 };

typedef struct place {
    int line, column;
} place;

typedef struct scan {
    const char *at;
    place here, comment_begin;
    char comment; /* '/' or '*' inside of one */
    struct {
        char closing;
        place begin;
    } open[MAX_DEPTH];
    int depth, braces;
    bool any; /* anything but blanks and comments */
} scan;

static void step(scan *s)
{
    s->here.column++;
    if (*s->at++ == '\n') {
        s->here.line++;
        s->here.column = 1;
    }
}

/* Is it part of a comment? Takes it then. */
static bool take_comment(scan *s)
{
    bool begins = !s->comment && s->at[0] == '/' && (s->at[1] == '/' || s->at[1] == '*');
    bool ends = s->comment == '/' ? *s->at == '\n' : s->at[0] == '*' && s->at[1] == '/';
    if (!begins && !s->comment)
        return false;
    if (begins)
        s->comment_begin = s->here;
    s->comment = begins ? s->at[1] : ends ? '\0' : s->comment;
    if (begins || (ends && *s->at == '*'))
        step(s);
    step(s);
    return true;
}

static const char *open_bracket(scan *s, char closing)
{
    if (s->depth == MAX_DEPTH)
        return "expected at most 64 brackets inside each other";
    s->open[s->depth].closing = closing;
    s->open[s->depth++].begin = s->here;
    s->braces += closing == '}';
    return NULL;
}

static const char *close_bracket(scan *s)
{
    if (s->depth == 0)
        return "expected no bracket here: none is open";
    if (s->open[s->depth - 1].closing != *s->at)
        return "expected the bracket that closes the one opened last";
    s->braces -= s->open[--s->depth].closing == '}';
    return NULL;
}

/* Nothing may be another spelling of something else: no preprocessor, no lines that go on in the next,
 * no literals that could hide a bracket. */
static const char *check_character(unsigned char c)
{
    if ((c < ' ' && c != '\n' && c != '\t') || c > '~')
        return "expected printable ASCII, blanks, tabs and newlines";
    return c && strchr("\"'\\#", c) ? "expected none of \" ' \\ #" : NULL;
}

static const char *check_token(scan *s)
{
    static const char *const digraphs[] = { "%:", "<%", "%>", "<:", ":>" };
    for (size_t i = 0; i < sizeof digraphs / sizeof *digraphs; i++)
        if (strncmp(s->at, digraphs[i], 2) == 0)
            return "expected no digraph";
    switch (*s->at) {
    case '(': return open_bracket(s, ')');
    case '[': return open_bracket(s, ']');
    case '{': return open_bracket(s, '}');
    case ')':
    case ']':
    case '}': return close_bracket(s);
    case ';': return s->braces ? NULL : "expected one expression, without ; outside of { }";
    default: return NULL;
    }
}

static const char *check_end(scan *s)
{
    if (s->comment == '*') {
        s->here = s->comment_begin;
        return "expected */ at the end of this comment";
    }
    if (s->depth > 0) {
        s->here = s->open[s->depth - 1].begin;
        return "expected a bracket that closes this one";
    }
    return s->any ? NULL : "expected an expression";
}

static const char *check_text(scan *s)
{
    const char *why;
    while (*s->at) {
        if ((why = check_character((unsigned char)*s->at)))
            return why;
        if (take_comment(s))
            continue;
        if ((why = check_token(s)))
            return why;
        s->any = s->any || !strchr(" \t\n", *s->at);
        step(s);
    }
    return check_end(s);
}

/* ---- The quoted form: newlines and tabs as \n and \t; nothing else needs an escape ---- */

static size_t quoted_size(const char *text)
{
    size_t size = 0;
    for (; *text; text++)
        size += *text == '\n' || *text == '\t' ? 2 : 1;
    return size;
}

size_t gen_expression_print(const char *text, char *out)
{
    char *to = out;
    *to++ = '"';
    for (; *text; text++) {
        bool escaped = *text == '\n' || *text == '\t';
        if (escaped)
            *to++ = '\\';
        *to++ = *text == '\n' ? 'n' : *text == '\t' ? 't' : *text;
    }
    *to++ = '"';
    *to = '\0';
    return (size_t)(to - out);
}

const char *gen_expression_parse(const char *name, const char *quoted, size_t size,
                                 char err[GEN_ERROR_MAX])
{
    char text[GEN_EXPRESSION_MAX + 2], *to = text;
    bool ok = size >= 2 && quoted[0] == '"' && quoted[size - 1] == '"';
    const char *end = quoted + size - 1;
    for (const char *at = quoted + 1; ok && at < end && to < text + sizeof text - 1; at++) {
        bool escape = *at == '\\';
        at += escape;
        ok = !escape || *at == 'n' || *at == 't';
        *to++ = !escape ? *at : *at == 'n' ? '\n' : '\t';
    }
    *to = '\0';
    if (ok)
        return gen_expression(name, text, err);
    snprintf(err, GEN_ERROR_MAX,
             "%s: expected an expression in double quotes, with no escapes but \\n and \\t", name);
    return NULL;
}

/* ---- One copy of each ---- */

typedef struct expression {
    struct expression *next;
    uint64_t digest;
    char text[];
} expression;

/* The chains only grow, at their heads. */
enum { NUM_CHAINS = 4096, MOST = 65536 };
static _Atomic(expression *) chains[NUM_CHAINS];
static atomic_int count;

/* FNV-1a (Fowler, Noll, Vo), 64 bits. */
static uint64_t digest_of(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    while (*text)
        h = (h ^ (unsigned char)*text++) * UINT64_C(0x100000001b3);
    return h;
}

static const expression *find(const expression *at, uint64_t digest, const char *text)
{
    while (at && (at->digest != digest || strcmp(at->text, text) != 0))
        at = at->next;
    return at;
}

static const expression *add(const char *text, uint64_t digest)
{
    _Atomic(expression *) *chain = &chains[digest % NUM_CHAINS];
    size_t size = strlen(text) + 1;
    if (atomic_fetch_add(&count, 1) >= MOST) {
        atomic_fetch_sub(&count, 1);
        return NULL;
    }
    expression *mine = malloc(sizeof *mine + size);
    if (!mine)
        return NULL;
    mine->digest = digest;
    memcpy(mine->text, text, size);
    expression *head = atomic_load(chain);
    do {
        const expression *other = find(head, digest, text);
        if (other) {
            free(mine);
            atomic_fetch_sub(&count, 1);
            return other;
        }
        mine->next = head;
    } while (!atomic_compare_exchange_weak(chain, &head, mine));
    return mine;
}

uint64_t gen_expression_digest(const char *text)
{
    return ((const expression *)(text - offsetof(expression, text)))->digest;
}

static bool check(const char *name, const char *text, char err[GEN_ERROR_MAX])
{
    size_t size = quoted_size(text);
    if (size > GEN_EXPRESSION_MAX) {
        snprintf(err, GEN_ERROR_MAX,
                 "%s: %zu bytes, newlines and tabs counted twice: expected at most %d", name, size,
                 GEN_EXPRESSION_MAX);
        return false;
    }
    scan s = { .at = text, .here = { 1, 1 } };
    const char *why = check_text(&s);
    if (why)
        snprintf(err, GEN_ERROR_MAX, "%s:%d:%d: %s", name, s.here.line, s.here.column, why);
    return !why;
}

const char *gen_expression(const char *name, const char *text, char err[GEN_ERROR_MAX])
{
    uint64_t digest = digest_of(text);
    const expression *e = find(atomic_load(&chains[digest % NUM_CHAINS]), digest, text);
    if (e)
        return e->text;
    if (!check(name, text, err))
        return NULL;
    e = add(text, digest);
    if (!e)
        snprintf(err, GEN_ERROR_MAX,
                 "%s: out of memory, or the process has used %d expressions: expected no more", name,
                 MOST);
    return e ? e->text : NULL;
}

#include "tools/compiler/arch.h"

#include <stdio.h>
#include <string.h>

enum { SRAMECC = 1, XNACK = 2 };

/* Targets that hiprtc 6.4 with LLVM 21 was seen to compile, and the target features each has (LLVM,
 * AMDGPUUsage, table "AMDGPU Processors"). Others are refused: gfx1250, for one, crashes that
 * compiler. */
static const struct { const char *name; unsigned features; } targets[] = {
    {"gfx900", XNACK},           {"gfx906", SRAMECC | XNACK}, {"gfx908", SRAMECC | XNACK},
    {"gfx90a", SRAMECC | XNACK}, {"gfx942", SRAMECC | XNACK}, {"gfx950", SRAMECC | XNACK},
    {"gfx1030", 0},              {"gfx1100", 0},              {"gfx1101", 0},
    {"gfx1102", 0},              {"gfx1103", 0},              {"gfx1150", 0},
    {"gfx1151", 0},              {"gfx1200", 0},              {"gfx1201", 0},
};
enum { NUM_TARGETS = sizeof targets / sizeof *targets };

static int find_target(const char *name, size_t size)
{
    for (int i = 0; i < NUM_TARGETS; i++) {
        if (strlen(targets[i].name) == size && memcmp(targets[i].name, name, size) == 0)
            return i;
    }
    return -1;
}

static unsigned feature_bit(const char *at, size_t size)
{
    if (size < 2 || (at[size - 1] != '+' && at[size - 1] != '-'))
        return 0;
    if (size == 8 && memcmp(at, "sramecc", 7) == 0)
        return SRAMECC;
    if (size == 6 && memcmp(at, "xnack", 5) == 0)
        return XNACK;
    return 0;
}

bool target_check(const char *target, text *err)
{
    size_t n = strcspn(target, ":");
    int index = strlen(target) < TARGET_MAX ? find_target(target, n) : -1;
    if (index < 0) {
        text_print(err, "unknown arch \"%.*s\"; known are", TARGET_MAX, target);
        for (int i = 0; i < NUM_TARGETS; i++)
            text_print(err, "%s %s", i ? "," : "", targets[i].name);
        return false;
    }
    unsigned left = targets[index].features;
    for (const char *at = target + n; *at; at += n) {
        at++;
        n = strcspn(at, ":");
        unsigned bit = feature_bit(at, n);
        if (!(bit & left)) {
            text_print(err, "arch \"%s\": target feature \"%.*s\" is unknown, given twice or not one "
                            "that %s has%s",
                       target, (int)n, at, targets[index].name,
                       targets[index].features ? "" : " (it has none)");
            return false;
        }
        left &= ~bit;
    }
    return true;
}

/* The value of an option that names the target, or NULL. *refused is set for spellings that reach
 * the compiler by another way and would evade the check. */
static const char *target_of(const char *option, bool *refused)
{
    static const char *const accepted[] = {"--offload-arch=", "--gpu-architecture="};
    static const char *const others[] = {
        "--offload-arch", "--gpu-architecture", "--cuda-gpu-arch", "--gpu-name", "-mcpu", "-march",
        "-arch", "--arch", "--target", "-target",
    };
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        size_t n = strlen(accepted[i]);
        if (strncmp(option, accepted[i], n) == 0)
            return option + n;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        *refused |= strncmp(option, others[i], strlen(others[i])) == 0;
    return NULL;
}

static bool take_option(const char *option, char target[TARGET_MAX], text *err)
{
    bool refused = false;
    const char *value = target_of(option, &refused);
    if (refused) {
        text_print(err, "option \"%s\" is refused: the target is given as --offload-arch=TARGET",
                   option);
        return false;
    }
    if (!value)
        return true;
    if (*target) {
        text_print(err, "option \"%s\": a target was given before, %s", option, target);
        return false;
    }
    if (!target_check(value, err))
        return false;
    snprintf(target, TARGET_MAX, "%s", value);
    return true;
}

int options_split(char *options, const char **argv, int max, char target[TARGET_MAX], text *err)
{
    int count = 0;
    char *rest = NULL;
    *target = '\0';
    for (char *at = strtok_r(options, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest)) {
        if (count == max) {
            text_print(err, "more than %d compile options", max);
            return -1;
        }
        if (!take_option(at, target, err))
            return -1;
        argv[count++] = at;
    }
    if (!*target) {
        text_print(err, "no option names the target: --offload-arch=TARGET is missing");
        return -1;
    }
    return count;
}

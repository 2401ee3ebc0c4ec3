/* An aiter-compiler for tests. It does what the file "mode" in $FAKE_COMPILER_DIR says and appends
 * each request to the file "log" there. Its "code objects" are no code, but have everything that
 * the runtime looks at. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/helper/frame.h"

enum { SERVE_FD = 3 };

static char mode[64];

static char *read_file(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("FAKE_COMPILER_DIR"), name);
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 65536);
    if (f) {
        text[fread(text, 1, 65535, f)] = '\0';
        fclose(f);
    }
    return text;
}

static void write_log(const char *line)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/log", getenv("FAKE_COMPILER_DIR"));
    FILE *f = fopen(path, "a");
    fprintf(f, "%s\n", line);
    fclose(f);
}

static frame_io wait_ready(void *user, int fd, short events)
{
    (void)user;
    struct pollfd p = { .fd = fd, .events = events };
    return poll(&p, 1, -1) > 0 ? FRAME_IO_OK : FRAME_IO_ERROR;
}

static void reply(frame *f)
{
    if (frame_send(SERVE_FD, f, wait_ready, NULL) != FRAME_IO_OK)
        _exit(9);
    frame_free(f);
}

/* "#define KERNEL_NAME fmha_fwd_..." of the rendered source. */
static void find_symbol(const char *source, char out[256])
{
    const char *at = strstr(source, "#define KERNEL_NAME ");
    if (!at || sscanf(at, "#define KERNEL_NAME %255s", out) != 1)
        _exit(8);
}

static void add_metadata(frame *f, const char *symbol)
{
    char text[2048];
    snprintf(
        text, sizeof text,
        "target amdgcn-amd-amdhsa--gfx942\nkernel %s\nkernarg_segment_size %d\n"
        "kernarg_segment_align 8\n"
        "group_segment_fixed_size 32768\nprivate_segment_fixed_size 4\nuses_dynamic_stack 0\n"
        "sgpr_count 52\n"
        "vgpr_count 120\nagpr_count 16\nsgpr_spill_count 2\nvgpr_spill_count 3\n"
        "max_flat_workgroup_size 512\nwavefront_size 64\narg 0 8 global_buffer q\nend\n",
        symbol, strcmp(mode, "short-kernarg") == 0 ? 16 : 384);
    frame_add_text(f, FIELD_METADATA, text);
}

static void add_identity(frame *f)
{
    char *identity = read_file("identity");
    frame_add_text(f, FIELD_IDENTITY, identity);
    free(identity);
}

static void answer_compile(const frame *request)
{
    char *source = frame_text(request, FIELD_SOURCE, &(size_t){ 0 });
    char symbol[256], line[300], code[40000] = "\177ELF";
    find_symbol(source, symbol);
    snprintf(line, sizeof line, "compile %s", symbol);
    write_log(line);
    if (strncmp(mode, "slow", 4) == 0) /* "slow20": 20 ms */
        usleep(mode[4] ? 1000 * (useconds_t)atoi(mode + 4) : 300000);
    frame f = { .type = FRAME_RESULT };
    snprintf(code + 64, 256, "%s", symbol);
    frame_add(&f, FIELD_CODE, code, strcmp(mode, "large") == 0 ? sizeof code : 64 + 256);
    add_metadata(&f, strcmp(mode, "wrong-kernel") == 0 ? "another_kernel" : symbol);
    add_identity(&f);
    frame_add_text(&f, FIELD_LOG, "");
    free(source);
    reply(&f);
}

static void misbehave(void)
{
    if (strcmp(mode, "crash") == 0) {
        fprintf(stderr, "last words before the crash\n");
        abort();
    }
    if (strcmp(mode, "exit") == 0)
        _exit(7);
    if (strcmp(mode, "hang") == 0)
        pause();
    if (strcmp(mode, "garbage") == 0) {
        static const char garbage[64] = "Segmentation fault? No, just a library that prints.\n";
        if (write(SERVE_FD, garbage, sizeof garbage) < 0)
            _exit(6);
        pause();
    }
}

static void refuse(const char *log, int no_toolchain)
{
    frame f = { .type = FRAME_ERROR };
    frame_add_text(&f, FIELD_LOG, log);
    if (no_toolchain)
        frame_add_text(&f, FIELD_NO_TOOLCHAIN, "");
    reply(&f);
}

static void answer(const frame *request)
{
    char *text = read_file("mode");
    sscanf(text, "%63s", mode);
    free(text);
    frame started = { .type = FRAME_STARTED };
    reply(&started);
    if (request->type == FRAME_IDENTIFY)
        write_log("identify");
    misbehave();
    if (strcmp(mode, "no-toolchain") == 0) {
        refuse("libhiprtc.so was looked for in vain", 1);
    } else if (request->type == FRAME_IDENTIFY) {
        frame f = { .type = FRAME_RESULT };
        add_identity(&f);
        reply(&f);
    } else if (strcmp(mode, "reject") == 0) {
        write_log("compile rejected");
        refuse("templates/x.hip:7:1: error: unknown type name 'flaot'", 0);
    } else {
        answer_compile(request);
    }
}

int main(void)
{
    const char *why;
    write_log("start");
    for (;;) {
        frame request = { 0 };
        if (frame_receive(SERVE_FD, &request, &why, wait_ready, NULL) != FRAME_IO_OK)
            return 0;
        answer(&request);
        frame_free(&request);
    }
}

/* A main() for a fuzzer where there is no libFuzzer: runs it on every file of a folder and on
 * mutations of each, the same ones every time. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef MUTATIONS
#define MUTATIONS 3000
#endif
enum { LARGEST = 1 << 20 };

typedef struct input { uint8_t *data; size_t size; } input;

static uint64_t random_state;

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators"). */
static uint32_t draw(uint32_t below)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545f4914f6cdd1dull) >> 32) % below;
}

/* An exact copy, so that a sanitizer sees the end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(1);
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void mutate_once(uint8_t *data, size_t *size)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '\n', '0', '9', '-', '=', ':'};
    if (*size == 0)
        return;
    size_t at = draw((uint32_t)*size), n = 1 + draw(16);
    switch (draw(6)) {
    case 0:
        data[at] ^= (uint8_t)(1u << draw(8));
        break;
    case 1:
        data[at] = telling[draw(sizeof telling)];
        break;
    case 2:
        *size = at;
        break;
    case 3: /* cut a piece out */
        n = n < *size - at ? n : *size - at;
        memmove(data + at, data + at + n, *size - at - n);
        *size -= n;
        break;
    case 4: /* double a piece */
        n = n < *size - at ? n : *size - at;
        memmove(data + at + n, data + at, *size - at);
        *size += n;
        break;
    default: { /* copy a piece elsewhere */
        size_t to = draw((uint32_t)*size), end = *size - (at > to ? at : to);
        memmove(data + to, data + at, n < end ? n : end);
    }
    }
}

static void run_mutations(const input *in)
{
    enum { STEPS = 8, GROWTH = STEPS * 16 };
    uint8_t *data = malloc(in->size + GROWTH);
    if (!data)
        exit(1);
    random_state = 0x9e3779b97f4a7c15u;
    for (int i = 0; i < MUTATIONS; i++) {
        size_t size = in->size;
        memcpy(data, in->data, size);
        for (uint32_t steps = 1 + draw(STEPS); steps; steps--)
            mutate_once(data, &size);
        run(data, size);
    }
    free(data);
}

static input read_input(const char *path)
{
    input in = {malloc(LARGEST), 0};
    FILE *file = fopen(path, "rb");
    if (!file || !in.data) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    in.size = fread(in.data, 1, LARGEST, file);
    fclose(file);
    return in;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    char path[4096];
    int files = 0, n = argc == 2 ? scandir(argv[1], &entries, NULL, by_name) : -1;
    if (n < 0) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
            input in = read_input(path);
            run(in.data, in.size);
            run_mutations(&in);
            free(in.data);
            files++;
        }
        free(entries[i]);
    }
    free(entries);
    printf("%d files, %d mutations of each\n", files, MUTATIONS);
    return files ? 0 : 1;
}

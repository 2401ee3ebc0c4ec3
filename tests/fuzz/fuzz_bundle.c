/* The bundle reader on any bytes. The first one says how they are taken: 0 as they are, which ends
 * at the digest; 1 with magic, sizes and digests repaired, so that zstd gets any payload; else as
 * the content of a payload that is right. What is accepted can be written again and reads the
 * same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/precompile/bundle_support.h"
#include "tools/precompile/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
    if (!good)
        abort();
}

/* The value, under the key that this version would give its configuration: generators change. */
static void judge_kernel(const bundle_record *r, rt_key *key)
{
    char why[GEN_ERROR_MAX] = "";
    record_facts facts;
    gen_config config;

    if (!gen_config_parse(key->config, &config, why))
        return;
    char *text = rt_key_make(&config, gen_digest(), key->toolchain);
    require(text && rt_key_parse(text, key));
    require(record_check(text, key, r->value, r->value_size, &config, &facts, why) !=
                RECORD_WRONG || why[0]);
    free(text);
}

/* What import does with a record. */
static void judge(const bundle_record *r)
{
    char why[GEN_ERROR_MAX] = "", name[RECORD_NAME_MAX];
    rt_key key;

    require(strlen(record_name(r->key, name)) < sizeof name);
    if (transfer_is_identity(r->key))
        require(transfer_check_identity(r, why) || why[0]);
    else if (record_classify(r->key, &key) == RECORD_KERNEL)
        judge_kernel(r, &key);
}

/* Reads all of it; false: refused. */
static int read_all(bundle_reader *r, unsigned char sum[BUNDLE_DIGEST_SIZE])
{
    char error[BUNDLE_ERROR_MAX];
    crypto_generichash_state state;
    bundle_record record;
    bundle_step step;

    crypto_generichash_init(&state, NULL, 0, BUNDLE_DIGEST_SIZE);
    while ((step = bundle_next(r, &record, error)) == BUNDLE_RECORD) {
        require(strlen(record.key) == record.key_size);
        crypto_generichash_update(&state, (const unsigned char *)record.key, record.key_size + 1);
        crypto_generichash_update(&state, record.value, record.value_size);
        judge(&record);
    }
    crypto_generichash_final(&state, sum, BUNDLE_DIGEST_SIZE);
    require(step == BUNDLE_END || memchr(error, '\0', sizeof error));
    return step == BUNDLE_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[BUNDLE_ERROR_MAX], *bundle;
    unsigned char first[BUNDLE_DIGEST_SIZE], second[BUNDLE_DIGEST_SIZE];
    bundle_info info;
    uint64_t records;
    size_t bundle_size = size - 1;

    if (size < 9)
        return 0;
    if (data[0] > 1) {
        memcpy(&records, data + 1, sizeof records);
        bundle = wrap_content(data + 9, size - 9, records, &bundle_size);
    } else {
        bundle = malloc(bundle_size);
        if (!bundle)
            return 0;
        memcpy(bundle, data + 1, bundle_size);
        if (data[0] == 1)
            repair_header(bundle, bundle_size);
    }
    bundle_reader *r = bundle_open(bundle, bundle_size, &info, error);
    if (r && read_all(r, first)) {
        bundle_rewind(r);
        require(read_all(r, second) && memcmp(first, second, sizeof first) == 0);
    }
    bundle_close(r);
    return 0;
}

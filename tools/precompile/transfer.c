#include "tools/precompile/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/file.h"
#include "tools/precompile/signals.h"
#include "tools/precompile/units.h"

/* ---- Identities ---- */

static const char identity_prefix[] = "aiter toolchain 1\nidentity ";

void transfer_identity_key(const char *digest, char out[TRANSFER_KEY_MAX])
{
    snprintf(out, TRANSFER_KEY_MAX, "%s%s\n", identity_prefix, digest);
}

bool transfer_is_identity(const char *key)
{
    return strncmp(key, identity_prefix, sizeof identity_prefix - 1) == 0;
}

bool transfer_check_identity(const bundle_record *record, char why[GEN_ERROR_MAX])
{
    char digest[RT_DIGEST_MAX], key[TRANSFER_KEY_MAX];
    char *text = memchr(record->value, '\0', record->value_size)
                     ? NULL
                     : strndup(record->value, record->value_size);
    bool good = text && rt_identity_digest(text, digest);

    if (good) {
        transfer_identity_key(digest, key);
        good = strcmp(key, record->key) == 0;
    }
    if (!good)
        snprintf(why, GEN_ERROR_MAX, "a toolchain's identity does not have the digest of its key");
    free(text);
    return good;
}

/* ---- Trust ---- */

static int check_signer(const cli_tool *tool, const char *path, const axis *trusted,
                        const bundle_info *info)
{
    char why[SIGN_ERROR_MAX], name[SIGN_NAME_MAX];
    bool good = trusted->count == 0;
    sign_public key;

    for (size_t i = 0; i < trusted->count; i++) {
        if (!sign_load_public(trusted->values[i], &key, why))
            return cli_usage_error(tool, "--trust: %s", why);
        good = good || (info->is_signed && sign_is_same(&key, &info->signer));
    }
    if (good)
        return 0;
    if (!info->is_signed)
        return cli_error(tool, EXIT_REFUSED, "%s is refused: it is not signed", path);
    return cli_error(tool, EXIT_REFUSED, "%s is refused: it is signed by %s, which is not trusted",
                     path, sign_name(&info->signer, name));
}

int transfer_open(const cli_tool *tool, const char *path, const axis *trusted, bundle_reader **out,
                  bundle_info *info)
{
    char why[BUNDLE_ERROR_MAX], *data;
    size_t size;

    *out = NULL;
    if (!file_read(path, BUNDLE_FILE_MAX, &data, &size, why))
        return cli_error(tool, signals_caught() ? signals_exit_code() : EXIT_ENVIRONMENT, "%s",
                         why);
    bundle_reader *reader = bundle_open(data, size, info, why);
    if (!reader)
        return cli_error(tool, EXIT_REFUSED, "%s is refused: %s", path, why);
    const int code = check_signer(tool, path, trusted, info);
    if (code != 0)
        bundle_close(reader);
    else
        *out = reader;
    return code;
}

/* ---- The end ---- */

int transfer_commit(const cli_tool *tool, bundle_writer *writer, const char *secret_path,
                    bundle_info *info)
{
    char why[BUNDLE_ERROR_MAX];
    sign_secret secret;

    if (secret_path && !sign_load_secret(secret_path, &secret, why)) {
        bundle_abandon(writer);
        return cli_usage_error(tool, "--sign: %s", why);
    }
    const bool good = bundle_commit(writer, secret_path ? &secret : NULL, info, why);
    sign_forget(&secret);
    return good ? 0 : cli_error(tool, EXIT_ENVIRONMENT, "%s", why);
}

static const char *content_name(const bundle_info *info, char out[2 * BUNDLE_DIGEST_SIZE + 1])
{
    return sodium_bin2hex(out, 2 * BUNDLE_DIGEST_SIZE + 1, info->content, sizeof info->content);
}

void transfer_print(const char *path, const bundle_info *info)
{
    char content[2 * BUNDLE_DIGEST_SIZE + 1], signer[SIGN_NAME_MAX];
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];

    printf("%s: %llu records, %s in %s, content %.*s, ", path, (unsigned long long)info->records,
           units_bytes(info->content_size, a), units_bytes(info->payload_size, b),
           RECORD_SHORT_DIGEST, content_name(info, content));
    if (info->is_signed)
        printf("signed by %.*s\n", RECORD_SHORT_DIGEST, sign_name(&info->signer, signer));
    else
        printf("not signed\n");
}

json_object *transfer_json(const char *path, const bundle_info *info)
{
    char content[2 * BUNDLE_DIGEST_SIZE + 1], signer[SIGN_NAME_MAX];
    json_object *o = json_object_new_object();

    json_put_text(o, "path", path);
    json_put_int(o, "records", (int64_t)info->records);
    json_put_int(o, "content_bytes", (int64_t)info->content_size);
    json_put_int(o, "payload_bytes", (int64_t)info->payload_size);
    json_put_text(o, "content", content_name(info, content));
    if (info->is_signed)
        json_put_text(o, "signed_by", sign_name(&info->signer, signer));
    else
        json_object_object_add(o, "signed_by", NULL);
    return o;
}

/* What export, import and merge share. */
#ifndef AITER_PRECOMPILE_TRANSFER_H
#define AITER_PRECOMPILE_TRANSFER_H

#include "tools/precompile/bundle.h"
#include "tools/json.h"
#include "tools/precompile/record.h"

/* The key that a toolchain's identity has in a bundle. */
enum { TRANSFER_KEY_MAX = 128 };
void transfer_identity_key(const char *digest, char out[TRANSFER_KEY_MAX]);

/* Is it such a key? The value has to be an identity of that digest: false otherwise, with why. */
bool transfer_is_identity(const char *key);
bool transfer_check_identity(const bundle_record *record, char why[GEN_ERROR_MAX]);

/* Opens a bundle whose signer, if `trusted` has any paths of public keys, has to be one of them.
 * Returns 0 or an exit code; the message has been printed. */
int transfer_open(const cli_tool *tool, const char *path, const axis *trusted, bundle_reader **out,
                  bundle_info *info);

/* Commits, signed with the key in that file unless it is NULL. Returns 0 or an exit code. */
int transfer_commit(const cli_tool *tool, bundle_writer *writer, const char *secret_path,
                    bundle_info *info);

/* "PATH: 12 records, 360.1 kB in 80.2 kB, content 0123456789ab, signed by ..." */
void transfer_print(const char *path, const bundle_info *info);
json_object *transfer_json(const char *path, const bundle_info *info);

#endif

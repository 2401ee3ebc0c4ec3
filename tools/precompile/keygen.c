/* aiter-precompile keygen: keys that sign bundles. */
#include <stdio.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/sign.h"

struct options {
    bool quiet;
};

static const cli_option table[] = {
    FLAG("quiet", quiet, "Print nothing."),
};

static const cli_tool tool = {
    .name = "aiter-precompile keygen",
    .usage = "aiter-precompile keygen [OPTION]... NAME",
    .summary = "Makes an Ed25519 key pair that signs bundles: NAME.key for export and merge --sign,\n"
               "to be kept secret, and NAME.pub for import --trust.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Exit status: 0, 2 wrong usage, 3 the files exist or cannot be written.\n",
};

int command_keygen(int argc, char **argv)
{
    struct options o = { 0 };
    char why[SIGN_ERROR_MAX], name[SIGN_NAME_MAX];
    sign_public key;
    int count;
    const int code = command_parse(&tool, argc, argv, &o, &count);

    if (code != COMMAND_RUN)
        return code;
    if (count != 1)
        return cli_usage_error(&tool, "%d arguments: expected one, the name of the key", count);
    if (!sign_make_keys(argv[1], &key, why))
        return cli_error(&tool, EXIT_ENVIRONMENT, "%s", why);
    if (!o.quiet)
        printf("%s.key, %s.pub: %s\n", argv[1], argv[1], sign_name(&key, name));
    return EXIT_OK;
}
